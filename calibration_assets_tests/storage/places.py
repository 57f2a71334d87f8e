"""Where the storage tests put their stores: a folder, or a bucket of a server; opened as one machine or another."""

import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import s3fs

from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.storage.store import Store


@dataclass(frozen=True)
class Place:
    """A fresh store's address, with what it takes to reach it."""

    base: str
    caches: Path
    endpoint: str = ""
    access_key: str | None = None
    secret_key: str | None = None

    def storage(self, machine: str = "here") -> CalibrationStorage:
        """The resource of one machine: each has a cache of its own."""
        return CalibrationStorage(
            base_path=self.base,
            cache_path=str(self.caches / machine),
            endpoint_url=self.endpoint,
            access_key=self.access_key,
            secret_key=self.secret_key,
        )

    def open(self, machine: str = "here") -> Store:
        """The store as one machine sees it."""
        return self.storage(machine).open()

    def through(self, endpoint: str) -> "Place":
        """The same place behind another address."""
        return replace(self, endpoint=endpoint)


def make_bucket(endpoint: str, access_key: str, secret_key: str, caches: Path) -> Place:
    """An empty bucket with a prefix."""
    bucket = f"calibration-{uuid.uuid4().hex[:12]}"
    s3fs.S3FileSystem(endpoint_url=endpoint, key=access_key, secret=secret_key).mkdir(bucket)
    return Place(f"s3://{bucket}/team/store", caches, endpoint, access_key, secret_key)
