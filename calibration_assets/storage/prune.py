"""Which stored values may go, and how they go without a reader missing them.

A version stays while one of these holds:
    a pointer beside it names it (current.json or another), or a run of the last `keep_days` made or opened it;
    it is among the `keep_versions` newest of its name, or younger than `keep_days`;
    the metadata of a version that stays names it, by version or by content key.

Any other is hidden first: its key finds it no more. If it is hidden for `grace_hours` and still nothing names it, the
next pruning removes it, manifest first. So whoever found a version before it was hidden has that long to open it.
Folders that never got a manifest, records of runs, and local copies of what the store no longer has go too.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from upath import UPath

from calibration_assets.errors import CalibrationError
from calibration_assets.settings import PruneSettings
from calibration_assets.storage import objects
from calibration_assets.storage.store import HIDDEN, MANIFEST, RUNS, Store

_VERSION_FILE = re.compile(r"(?P<name>.+?)/(?P<version>[0-9a-f]{12}-[0-9a-f]{8})/(?P<file>.+)")
_RUN_FILE = re.compile(rf"{RUNS}/(?P<run>[^/]+)/(?P<kind>[^/]+)/.+")
_POINTER = re.compile(r"(?P<name>.+)/(?P<file>[^/.][^/]*\.json)")


@dataclass(frozen=True)
class Pruned:
    """What became of one version, run or local copy."""

    path: str
    verdict: str
    megabytes: float


@dataclass(frozen=True)
class _Version:
    name: str
    version: str
    written: datetime
    size: int
    is_complete: bool
    hidden: datetime | None


@dataclass(frozen=True)
class _Listing:
    """All that a store holds at one moment; of runs, when each wrote last."""

    versions: tuple[_Version, ...]
    pointers: tuple[str, ...]
    keys: tuple[str, ...]
    runs: Mapping[str, datetime]
    pins: tuple[str, ...]


def prune(store: Store, settings: PruneSettings, now: datetime | None = None) -> list[Pruned]:
    """Hide, bring back and remove versions by the rule above; what was done, in order of path.

    `now` is the moment from which ages are counted (default: this one). Raises CalibrationError, with nothing
    removed, where the settings are no durations or a manifest cannot be read.
    """
    if min(settings.keep_days, settings.keep_versions, settings.grace_hours) < 0:
        raise CalibrationError(f"{settings} has a negative number, expected 0 or more each; correct it")
    now = now or datetime.now(UTC)
    cached = _cached_folders(store)
    listing = _list(store)
    oldest = now - timedelta(days=settings.keep_days)
    kept = _kept(store, listing, settings.keep_versions, oldest)
    done = []
    for version in listing.versions:
        verdict = _judge(version, version in kept, oldest, now - timedelta(hours=settings.grace_hours))
        if verdict:
            _ACTIONS[verdict](store, version, listing)
            done.append(Pruned(f"{version.name}/{version.version}", verdict, round(version.size / 1e6, 2)))
    for run, written in listing.runs.items():
        if written < oldest:
            _remove_folder(store.base / RUNS / run)
            done.append(Pruned(f"{RUNS}/{run}", "removed", 0.0))
    there = {f"{one.name}/{one.version}" for one in listing.versions}
    done += [_remove_copy(store, folder) for folder in cached if _is_stale(store, folder, there, oldest)]
    return sorted(done, key=lambda one: one.path)


def _judge(version: _Version, is_kept: bool, oldest: datetime, grace: datetime) -> str | None:
    if is_kept:
        return "restored" if version.hidden else None
    if not version.is_complete:
        return "removed" if version.written < oldest else None
    if version.hidden is None:
        return "hidden"
    return "removed" if version.hidden <= grace else None


def _kept(store: Store, listing: _Listing, keep_versions: int, oldest: datetime) -> set[_Version]:
    """The versions that stay: what is named, new or young, and all that these name in their metadata."""
    complete = [version for version in listing.versions if version.is_complete]
    manifests = _read(store, complete)
    recent = [pin for pin in listing.pins if listing.runs[pin.split("/")[1]] >= oldest]
    pointers = objects.read_many_json(_paths(store, [*listing.pointers, *recent]))
    named = {pointer.get("version") for pointer in pointers.values()}
    newest = sorted(complete, key=lambda one: one.written, reverse=True)
    by_name: dict[str, list[_Version]] = {}
    tokens: dict[str, _Version] = {}
    for version in newest:
        by_name.setdefault(version.name, []).append(version)
        tokens.setdefault(manifests[version].get("key", ""), version)
        tokens[version.version] = version
    kept = {one for one in complete if one.version in named or one.written >= oldest}
    kept |= {one for versions in by_name.values() for one in versions[:keep_versions]}
    waiting = sorted(kept, key=lambda one: one.version)
    while waiting:
        for text in _texts(manifests[waiting.pop()].get("metadata")):
            other = tokens.get(text)
            if other is not None and other not in kept:
                kept.add(other)
                waiting.append(other)
    return kept


def _read(store: Store, versions: Iterable[_Version]) -> dict[_Version, dict[str, Any]]:
    paths = {store.base / one.name / one.version / MANIFEST: one for one in versions}
    found = {paths[path]: manifest for path, manifest in objects.read_many_json(paths).items()}
    return {one: found.get(one, {}) for one in paths.values()}


def _texts(value: Any) -> Iterator[str]:
    """Every string inside a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)


def _list(store: Store) -> _Listing:
    """Everything under the base, from one listing."""
    folders: dict[tuple[str, str], dict[str, tuple[datetime, int]]] = {}
    pointers: list[str] = []
    keys: list[str] = []
    pins: list[str] = []
    runs: dict[str, datetime] = {}
    for path, (written, size) in sorted(objects.list_files(store.base).items()):
        if run := _RUN_FILE.fullmatch(path):
            runs[run["run"]] = max(runs.get(run["run"], written), written)
            pins += [path] if run["kind"] == "versions" else []
        elif file := _VERSION_FILE.fullmatch(path):
            folders.setdefault((file["name"], file["version"]), {})[file["file"]] = written, size
        elif pointer := _POINTER.fullmatch(path):
            (keys if pointer["name"].endswith("/keys") else pointers).append(path)
    versions = [_version(name, version, files) for (name, version), files in folders.items()]
    return _Listing(tuple(versions), tuple(pointers), tuple(keys), runs, tuple(pins))


def _version(name: str, version: str, files: Mapping[str, tuple[datetime, int]]) -> _Version:
    written = max(time for file, (time, _) in files.items() if file != HIDDEN or len(files) == 1)
    hidden = files[HIDDEN][0] if HIDDEN in files else None
    return _Version(name, version, written, sum(size for _, size in files.values()), MANIFEST in files, hidden)


def _hide(store: Store, version: _Version, listing: _Listing) -> None:
    keys = [key for key in listing.keys if key.startswith(f"{version.name}/keys/")]
    for path, pointer in objects.read_many_json(_paths(store, keys)).items():
        if pointer.get("version") == version.version:
            objects.remove(path)
    objects.write_json(store.base / version.name / version.version / HIDDEN, {})


def _restore(store: Store, version: _Version, listing: _Listing) -> None:
    folder = store.base / version.name / version.version
    manifest = objects.read_json(folder / MANIFEST)
    if manifest is not None:
        key = store.base / version.name / "keys" / f"{manifest['key']}.json"
        objects.create_json(key, {"version": version.version})
    objects.remove(folder / HIDDEN)


def _remove(store: Store, version: _Version, _: _Listing) -> None:
    folder = store.base / version.name / version.version
    objects.remove(folder / MANIFEST)
    _remove_folder(folder)


_ACTIONS = {"hidden": _hide, "restored": _restore, "removed": _remove}


def _remove_folder(folder: UPath) -> None:
    with objects.reaching(folder):
        folder.fs.rm(folder.path, recursive=True)


def _paths(store: Store, relative: Iterable[str]) -> list[UPath]:
    return [store.base / path for path in relative]


def _cached_folders(store: Store) -> list[Path]:
    """Local copies of a remote store's versions, and what unfinished copies left."""
    if objects.is_local(store.base) or not store.cache.exists():
        return []
    return [path for path in sorted(store.cache.rglob("*-*")) if path.is_dir() and _is_copy(store, path)]


def _is_copy(store: Store, folder: Path) -> bool:
    return _VERSION_FILE.fullmatch(f"{folder.relative_to(store.cache).as_posix().split('.')[0]}/file") is not None


def _is_stale(store: Store, folder: Path, there: set[str], oldest: datetime) -> bool:
    if folder.suffix == ".partial":
        return datetime.fromtimestamp(folder.stat().st_mtime, UTC) < oldest
    return folder.relative_to(store.cache).as_posix() not in there


def _remove_copy(store: Store, folder: Path) -> Pruned:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    shutil.rmtree(folder)
    return Pruned(f"cache of {folder.relative_to(store.cache).as_posix()}", "removed", round(size / 1e6, 2))
