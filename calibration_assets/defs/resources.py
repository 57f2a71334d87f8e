"""Resources build plain objects of the core and get out of the way."""

from pathlib import Path
from typing import Any

from dagster import ConfigurableResource
from pydantic import Field
from upath import UPath

from calibration_assets.storage.store import Store


class CalibrationStorage(ConfigurableResource[Store]):
    """The store of all values: a folder, or a bucket such as `s3://bucket/prefix`."""

    base_path: str = Field(default="storage/store", description="A folder or an fsspec URL")
    cache_path: str = Field(default="storage/cache", description="Local copies of a remote store's values")
    endpoint_url: str | None = Field(default=None, description="S3 endpoint, where it is not Amazon's")

    def open(self) -> Store:
        """The store that the core reads and writes."""
        options: dict[str, Any] = {"client_kwargs": {"endpoint_url": self.endpoint_url}} if self.endpoint_url else {}
        base = UPath(self.base_path, **options)
        return Store(base if base.protocol not in ("", "file") else base.absolute(), Path(self.cache_path).absolute())
