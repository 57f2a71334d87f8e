"""Stored values: a folder of files, complete in itself, found again by its content key.

    <base>/<name>/<version>/             the files, then manifest.json, written last
    <base>/<name>/keys/<key>.json        which version holds the value of that key
    <base>/<name>/current.json           which version the asset's readers open
    <base>/<name>/accepted.json          which version last passed its gate
    <base>/runs/<run>/versions/<name>.json    which version this run made or opened first, and opens again

A writer fills a folder of its own, so two writers of one key never mix; a folder without a valid manifest is not
a value. The same code serves local folders and S3 (or whatever fsspec reaches): a remote value is downloaded into a
local cache when its folder is first asked for, and opened there. What the files mean stays with the step that writes
them.
"""

import json
import resource
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from upath import UPath

from calibration_assets.errors import CalibrationError
from calibration_assets.storage import objects
from calibration_assets.storage.keys import file_key

FORMAT = 1
MANIFEST = "manifest.json"
HIDDEN = "hidden.json"
"""Beside the manifest of a version that is about to be pruned."""
CURRENT = "current.json"
ACCEPTED = "accepted.json"
RUNS = "runs"


@dataclass(frozen=True)
class StoredValue:
    """A value in the store: where it is, what it was made from, and what its maker said of it."""

    name: str
    key: str
    version: str
    metadata: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]] = field(repr=False)
    fetch: Callable[[], Path] = field(repr=False, compare=False)

    @cached_property
    def folder(self) -> Path:
        """Its files on this machine; those of a remote store are downloaded when they are first asked for."""
        return self.fetch()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry["size"] for entry in self.files.values())


@dataclass(frozen=True)
class Store:
    """Values under one base folder, local or remote, as one run sees them."""

    base: UPath
    cache: Path
    runs: tuple[str, ...] = ()
    """The run that reads and writes, then those that it resumes; none: every read is of the newest pointer."""

    def build(self, name: str, key: str, make: Callable[[Path], Mapping[str, Any]]) -> StoredValue:
        """The value of this key: opened if it is stored, else made into a folder by `make` and stored.

        `make` fills the folder it is given and returns metadata (plain JSON values); its seconds and the process's
        peak memory are added.
        """
        return self.find(name, key) or self.put(name, key, make)

    def find(self, name: str, key: str) -> StoredValue | None:
        """The stored value of this key, or None where it is not stored (any more)."""
        pointer = objects.read_json(self._key_path(name, key))
        return self._open(name, pointer["version"]) if pointer else None

    def find_many(self, name: str, keys: Iterable[str]) -> dict[str, StoredValue]:
        """Of these keys of parts, those that are stored, each with the value that holds it; found by one listing."""
        files = objects.list_files(self.base / name)
        stored = {path.removesuffix(f"/{MANIFEST}") for path in files if path.endswith(f"/{MANIFEST}")}
        seen = stored - {path.removesuffix(f"/{HIDDEN}") for path in files if path.endswith(f"/{HIDDEN}")}
        paths = {self.base / name / version / MANIFEST: version for version in sorted(seen)}
        manifests = {paths[path]: manifest for path, manifest in objects.read_many_json(paths).items()}
        versions = {key: version for version, one in sorted(manifests.items()) for key in one.get("parts", ())}
        wanted = {key: versions[key] for key in keys if key in versions}
        values = {one: self._open_described(name, one, manifests[one]) for one in sorted(set(wanted.values()))}
        return {key: values[version] for key, version in wanted.items()}

    def current(self, name: str) -> StoredValue:
        """The value that readers of this name open; within a run, the one that the run made or opened first."""
        pointer = self._pointer(name)
        value = self._open(name, pointer["version"]) if pointer else None
        if value is None:
            found = f"version {pointer['version']} is gone" if pointer else "nothing is stored"
            raise CalibrationError(
                f"{name}: {found} in {self.base}, expected a complete value; "
                f"materialise it with --select '+key:{name.split('/')[0]}'"
            )
        return value

    def current_key(self, name: str) -> str | None:
        """The content key of the value that readers of this name open, None where there is none."""
        pointer = self._pointer(name)
        return pointer["key"] if pointer else None

    def set_current(self, value: StoredValue) -> None:
        """Let readers of the value's name open this version."""
        pointer = {"version": value.version, "key": value.key}
        objects.write_json(self.base / value.name / CURRENT, pointer)
        if self.runs:
            objects.write_json(self._run_path(self.runs[0], value.name), pointer)

    def accept(self, value: StoredValue) -> None:
        """Note that this version passed its gate; it stays the accepted one until another does."""
        objects.write_json(self.base / value.name / ACCEPTED, {"version": value.version, "key": value.key})

    def accepted(self, name: str) -> StoredValue | None:
        """The version of this name that last passed its gate, None where none has or it is gone."""
        pointer = objects.read_json(self.base / name / ACCEPTED)
        return self._open(name, pointer["version"]) if pointer else None

    def put(
        self, name: str, key: str, make: Callable[[Path], Mapping[str, Any]], parts: Iterable[str] = ()
    ) -> StoredValue:
        """Make a value and store it; the manifest is written last, so a kill at any moment leaves no half value.

        `parts` are keys of what the value holds, by which `find_many` finds it.
        """
        version = f"{key[:12]}-{uuid.uuid4().hex[:8]}"
        target = self.base / name / version
        folder = Path(target.path) if objects.is_local(self.base) else self.cache / name / f"{version}.partial"
        advice = (
            "room for the value; free space, or choose another place with CALIBRATION_STORE (nothing stored before is "
            "lost)"
        )
        with _new_folder(folder, f"{name}: the disk of {folder.parent}", advice):
            manifest = {**_fill(folder, key, make), "parts": sorted(parts)}
            self._publish(name, folder, target, manifest)
        objects.write_json(self._key_path(name, key), {"version": version})
        return self.open(name, version)

    def open(self, name: str, version: str) -> StoredValue:
        """The value of a version that another value refers to."""
        value = self._open(name, version)
        if value is None:
            raise CalibrationError(f"{name}: version {version} is gone from {self.base}; materialise {name} again")
        return value

    def verify(self, value: StoredValue) -> None:
        """Hash every file of a value against its manifest."""
        for file, entry in value.files.items():
            found = file_key(value.folder / file)
            if found != entry["sha256"]:
                raise CalibrationError(
                    f"{value.name}: {value.folder / file} has sha256 {found[:12]}…, its manifest says "
                    f"{entry['sha256'][:12]}…; delete {value.folder} and materialise {value.name} again"
                )

    def has(self, name: str, version: str) -> bool:
        """Whether a version is stored, without opening it."""
        return objects.read_json(self.base / name / version / MANIFEST) is not None

    def _key_path(self, name: str, key: str) -> UPath:
        return self.base / name / "keys" / f"{key}.json"

    def _run_path(self, run: str, name: str) -> UPath:
        return self.base / RUNS / run / "versions" / f"{name}.json"

    def _pointer(self, name: str) -> dict[str, Any] | None:
        """What the run has made or opened of this name, else what is current now; noted, so that it stays so."""
        paths = [self._run_path(run, name) for run in self.runs]
        for path in paths:
            if pointer := objects.read_json(path):
                break
        else:
            pointer = objects.read_json(self.base / name / CURRENT)
        return objects.create_json(paths[0], pointer) if paths and pointer else pointer

    def _publish(self, name: str, folder: Path, target: UPath, manifest: Mapping[str, Any]) -> None:
        """Write the manifest where the files are, which are first copied where the store is remote."""
        if objects.is_local(self.base):
            objects.write_json(target / MANIFEST, manifest)
            return
        objects.upload(folder, target, manifest["files"])
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
        objects.write_json(target / MANIFEST, manifest)
        _keep(folder, self.cache / name / target.name)

    def _open(self, name: str, version: str) -> StoredValue | None:
        manifest = objects.read_json(self.base / name / version / MANIFEST)
        return self._open_described(name, version, manifest) if manifest else None

    def _open_described(self, name: str, version: str, manifest: Mapping[str, Any]) -> StoredValue:
        target = self.base / name / version
        if manifest.get("format") != FORMAT:
            raise CalibrationError(
                f"{target / MANIFEST} has format {manifest.get('format')}, this version reads {FORMAT}; "
                "use the version of calibration_assets that wrote it, or another store"
            )
        fetch = partial(self._fetch, name, version, manifest)
        value = StoredValue(name, manifest["key"], version, manifest["metadata"], manifest["files"], fetch)
        if objects.is_local(self.base):
            _check_sizes(name, Path(target.path), manifest)
        return value

    def _fetch(self, name: str, version: str, manifest: Mapping[str, Any]) -> Path:
        target, folder = self.base / name / version, self.cache / name / version
        if objects.is_local(self.base):
            return Path(target.path)
        if folder.exists():
            return _check_sizes(name, folder, manifest)
        partial = folder.with_name(f"{version}.{uuid.uuid4().hex[:8]}.partial")
        advice = f"room for version {version}; free space there, or choose another place with CALIBRATION_CACHE"
        with _new_folder(partial, f"{name}: the disk of the cache {self.cache}", advice):
            objects.download(target, partial, manifest["files"])
            (partial / MANIFEST).write_text(json.dumps(manifest, indent=1))
        return _keep(partial, folder)


@contextmanager
def _new_folder(folder: Path, disk: str, advice: str) -> Iterator[None]:
    """A folder that the block fills; it goes where the block stops, and a disk without room is one sentence."""
    is_whole = False
    try:
        folder.mkdir(parents=True)
        yield
        is_whole = True
    except (OSError, RuntimeError) as error:  # h5py tells of a full disk by either
        if objects.is_full(folder, error):
            reason = str(error).partition(", errno")[0]  # h5py goes on about times and buffers
            raise CalibrationError(f"{disk} is full ({reason}), expected {advice}") from error
        raise
    finally:
        if not is_whole:
            shutil.rmtree(folder, ignore_errors=True)


def _fill(folder: Path, key: str, make: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """Let a step make its files; the manifest that describes them."""
    started = time.monotonic()
    metadata = dict(make(folder))
    metadata |= {"seconds": round(time.monotonic() - started, 2), "peak_megabytes": _peak_memory()}
    return {"format": FORMAT, "key": key, "files": objects.describe_files(folder), "metadata": metadata}


def _keep(partial: Path, folder: Path) -> Path:
    """Move a complete folder into the cache, unless another process has done so first."""
    try:
        partial.rename(folder)
    except OSError:
        shutil.rmtree(partial)
    return folder


def _check_sizes(name: str, folder: Path, manifest: Mapping[str, Any]) -> Path:
    """The folder, whose files have the sizes that the manifest says."""
    for file, entry in manifest["files"].items():
        size = (folder / file).stat().st_size if (folder / file).exists() else None
        if size != entry["size"]:
            raise CalibrationError(
                f"{name}: {folder / file} has {size} bytes, its manifest says {entry['size']}; "
                f"delete {folder} and materialise {name} again"
            )
    return folder


def _peak_memory() -> int:
    """The largest memory that this process has held, megabytes."""
    units = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // units
