"""Stored values: a folder of files, complete in itself, found again by its content key.

    <base>/<name>/<version>/            the files, then manifest.json, written last
    <base>/<name>/keys/<key>.json       which version holds the value of that key
    <base>/<name>/current.json          which version the asset's readers open

A writer fills a folder of its own, so two writers of one key never mix; a folder without a valid manifest is not
a value. The same code serves local folders and S3 (or whatever fsspec reaches): a remote value is downloaded once into
a local cache and opened there. What the files mean stays with the step that writes them.
"""

import json
import resource
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upath import UPath

from calibration_assets.errors import CalibrationError
from calibration_assets.storage.keys import file_key

FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class StoredValue:
    """A value in the store: where it is, what it was made from, and what its maker said of it."""

    name: str
    key: str
    version: str
    folder: Path
    metadata: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry["size"] for entry in self.files.values())


@dataclass(frozen=True)
class Store:
    """Values under one base folder, local or remote."""

    base: UPath
    cache: Path

    def build(self, name: str, key: str, make: Callable[[Path], Mapping[str, Any]]) -> StoredValue:
        """The value of this key: opened if it is stored, else made into a folder by `make` and stored.

        `make` fills the folder it is given and returns metadata (plain JSON values); its seconds and the process's
        peak memory are added.
        """
        return self.find(name, key) or self.put(name, key, make)

    def find(self, name: str, key: str) -> StoredValue | None:
        """The stored value of this key, or None where it is not stored (any more)."""
        pointer = _read_json(self.base / name / "keys" / f"{key}.json")
        return self._open(name, pointer["version"]) if pointer else None

    def find_many(self, name: str, keys: Iterable[str]) -> dict[str, StoredValue]:
        """Of these keys, those that are stored, each with its value; one round of reading for all of them."""
        paths = {(self.base / name / "keys" / f"{key}.json").path: key for key in keys}
        found = self.base.fs.cat(sorted(paths), on_error="return", recursive=False) if paths else {}
        for path, text in found.items():
            if isinstance(text, Exception) and not isinstance(text, FileNotFoundError):
                raise CalibrationError(f"{name}: {path} cannot be read ({text}); check access, run again") from text
        stored = {path: text for path, text in found.items() if not isinstance(text, Exception)}
        versions = {paths[path]: json.loads(text)["version"] for path, text in stored.items()}
        values = {version: self._open(name, version) for version in sorted(set(versions.values()))}
        return {key: value for key, version in versions.items() if (value := values[version]) is not None}

    def current(self, name: str) -> StoredValue:
        """The value that readers of this name open."""
        pointer = _read_json(self.base / name / "current.json")
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
        pointer = _read_json(self.base / name / "current.json")
        return pointer["key"] if pointer else None

    def set_current(self, value: StoredValue) -> None:
        """Let readers of the value's name open this version."""
        _write_json(self.base / value.name / "current.json", {"version": value.version, "key": value.key})

    def put(
        self, name: str, key: str, make: Callable[[Path], Mapping[str, Any]], parts: Iterable[str] = ()
    ) -> StoredValue:
        """Make a value and store it; the manifest is written last, so a kill at any moment leaves no half value.

        `parts` are keys of what the value holds, by which it is found as well as by its own.
        """
        version = f"{key[:12]}-{uuid.uuid4().hex[:8]}"
        target = self.base / name / version
        folder = Path(target.path) if self._is_local else self.cache / name / f"{version}.partial"
        folder.mkdir(parents=True)
        started = time.monotonic()
        try:
            metadata = dict(make(folder))
            metadata |= {"seconds": round(time.monotonic() - started, 2), "peak_megabytes": _peak_memory()}
            files = _describe(folder)
            manifest = {"format": FORMAT, "key": key, "files": files, "metadata": metadata}
            if not self._is_local:
                _upload(folder, target, files)
                (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
                folder.replace(self.cache / name / version)
            _write_json(target / MANIFEST, manifest)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        for found_by in (key, *parts):
            _write_json(self.base / name / "keys" / f"{found_by}.json", {"version": version})
        value = self._open(name, version)
        if value is None:
            raise CalibrationError(f"{name}: version {version} vanished from {self.base} while written; run again")
        return value

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

    @property
    def _is_local(self) -> bool:
        return self.base.protocol in ("", "file", "local")

    def _open(self, name: str, version: str) -> StoredValue | None:
        target = self.base / name / version
        manifest = _read_json(target / MANIFEST)
        if manifest is None:
            return None
        if manifest.get("format") != FORMAT:
            raise CalibrationError(
                f"{target / MANIFEST} has format {manifest.get('format')}, this version reads {FORMAT}; "
                "use the version of calibration_assets that wrote it, or another store"
            )
        folder = Path(target.path) if self._is_local else self._fetch(name, version, target, manifest)
        for file, entry in manifest["files"].items():
            size = (folder / file).stat().st_size if (folder / file).exists() else None
            if size != entry["size"]:
                raise CalibrationError(
                    f"{name}: {folder / file} has {size} bytes, its manifest says {entry['size']}; "
                    f"delete {folder} and materialise {name} again"
                )
        return StoredValue(name, manifest["key"], version, folder, manifest["metadata"], manifest["files"])

    def _fetch(self, name: str, version: str, target: UPath, manifest: Mapping[str, Any]) -> Path:
        folder = self.cache / name / version
        if folder.exists():
            return folder
        partial = folder.with_name(f"{version}.{uuid.uuid4().hex[:8]}.partial")
        for file, entry in manifest["files"].items():
            (partial / file).parent.mkdir(parents=True, exist_ok=True)
            target.fs.get_file((target / file).path, str(partial / file))
            if file_key(partial / file) != entry["sha256"]:
                raise CalibrationError(f"{target / file} differs from its manifest's sha256; materialise {name} again")
        partial.mkdir(parents=True, exist_ok=True)
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=1))
        try:
            partial.rename(folder)
        except OSError:  # another reader has fetched the same version first
            shutil.rmtree(partial)
        return folder


def _peak_memory() -> int:
    """The largest memory that this process has held, megabytes."""
    units = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // units


def _describe(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": file_key(path)} for path in files
    }


def _upload(folder: Path, target: UPath, files: Mapping[str, Any]) -> None:
    for file in files:
        target.fs.put_file(str(folder / file), (target / file).path)


def _read_json(path: UPath) -> dict[str, Any] | None:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CalibrationError(f"{path} is not JSON ({error}); delete it and materialise the asset again") from error


def _write_json(path: UPath, value: Mapping[str, Any]) -> None:
    """One PUT on S3; on a disk, written aside and moved into place."""
    text = json.dumps(value, indent=1)
    if path.protocol not in ("", "file", "local"):
        path.write_text(text)
        return
    local = Path(path.path)
    local.parent.mkdir(parents=True, exist_ok=True)
    partial = local.with_name(f".{local.name}.{uuid.uuid4().hex[:8]}")
    partial.write_text(text)
    partial.replace(local)
