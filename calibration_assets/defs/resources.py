"""Resources build plain objects of the core and get out of the way."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dagster import ConfigurableResource, DagsterRun, EnvVar, InitResourceContext
from dagster._core.storage.tags import ASSET_RESUME_RETRY_TAG
from pydantic import Field, JsonValue, PrivateAttr
from upath import UPath

from calibration_assets.errors import CalibrationError
from calibration_assets.storage.objects import is_local
from calibration_assets.storage.store import Store

BASE, CACHE, ENDPOINT = "CALIBRATION_STORE", "CALIBRATION_CACHE", "CALIBRATION_S3_ENDPOINT"
"""Environment variables that choose the store where the resource's own fields do not."""
SECRET: dict[str, JsonValue] = {"dagster__is_secret": True}
S3_CLIENT = {"retries": {"mode": "standard", "max_attempts": 4}, "connect_timeout": 10, "read_timeout": 60}


class CalibrationStorage(ConfigurableResource[Store]):
    """The store of all values: a folder, or a bucket such as `s3://bucket/prefix`.

    Credentials of a bucket come from where boto3 looks for them (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a
    profile, a role), or from the two fields, each an `EnvVar`.
    """

    base_path: str = Field(default="", description=f"A folder or an fsspec URL; empty: ${BASE}, else storage/store")
    cache_path: str = Field(
        default="", description=f"Local copies of a remote store's values; empty: ${CACHE}, else storage/cache"
    )
    endpoint_url: str = Field(default="", description=f"S3 endpoint; empty: ${ENDPOINT}, else Amazon's")
    access_key: str | None = Field(default=None, description="S3 access key", json_schema_extra=SECRET, repr=False)
    secret_key: str | None = Field(default=None, description="S3 secret key", json_schema_extra=SECRET, repr=False)
    _runs: tuple[str, ...] = PrivateAttr(default=())

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Note which run reads and writes."""
        self._runs = _resumed_runs(context)

    def open(self, run: str = "") -> Store:
        """The store that the core reads and writes, as the run in progress or another one sees it."""
        path = self.base_path or EnvVar(BASE).get_value() or "storage/store"
        cache = self.cache_path or EnvVar(CACHE).get_value() or "storage/cache"
        if "@" in urlsplit(path).netloc:
            raise CalibrationError(
                f"the store's address holds a name or password before its @, expected none; give {BASE} without them, "
                "and credentials where boto3 or the file system looks for them"
            )
        try:
            base = UPath(path, **(self._s3_options() if path.startswith("s3://") else {}))
        except (ImportError, ValueError) as error:
            raise CalibrationError(
                f"store {path}: {error}, expected a folder or an fsspec URL; correct {BASE}, or install what it needs "
                "(pip install 'calibration-assets[s3]' for a bucket)"
            ) from error
        runs = (run,) if run else self._runs
        return Store(base.absolute() if is_local(base) else base, Path(cache).absolute(), runs)

    def _s3_options(self) -> dict[str, Any]:
        given = {
            "endpoint_url": self.endpoint_url or EnvVar(ENDPOINT).get_value(),
            "key": self.access_key,
            "secret": self.secret_key,
        }
        used = {name: value for name, value in given.items() if value}
        return {**used, "config_kwargs": S3_CLIENT, "use_listings_cache": False}


def _resumed_runs(context: InitResourceContext) -> tuple[str, ...]:
    """The run in which a resource is used, then the earlier ones whose remaining steps it executes, newest first."""
    runs: list[str] = []
    run: DagsterRun | None = context.run
    while run is not None and run.run_id not in runs:
        runs.append(run.run_id)
        is_resumed = run.step_keys_to_execute or run.tags.get(ASSET_RESUME_RETRY_TAG) == "true"
        parent = run.parent_run_id if is_resumed else None
        run = context.instance.get_run_by_id(parent) if parent and context.instance else None
    return tuple(runs)
