"""Single objects of a store, files on a disk and keys of a bucket alike: read, written in one step, copied, removed.

Whatever a disk, a network or a server answers becomes one sentence here. What the objects mean stays with `store`.
"""

import errno
import json
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from upath import UPath

from calibration_assets.errors import CalibrationError
from calibration_assets.storage.keys import file_key

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
COPIES, LARGE = 8, 32 << 20
"""Files copied side by side, and the size in bytes from which a file is copied alone."""
LEAST_FREE_BYTES = 1 << 20
_SERVER_ERRORS = {"botocore.exceptions": ("BotoCoreError", "ClientError"), "aiohttp": ("ClientError",)}


def is_local(path: UPath) -> bool:
    """Whether a path lies on this machine's disks."""
    return path.protocol in ("", "file", "local")


def read_json(path: UPath) -> dict[str, Any] | None:
    """A JSON object, or None where there is none."""
    try:
        with reaching(path):
            # One request: with more than one, S3 is asked for the size first, and does not tell a missing bucket.
            text = Path(path.path).read_bytes() if is_local(path) else path.fs.cat_file(path.path, max_concurrency=1)
    except FileNotFoundError:
        return None
    return parse_json(path, text)


def read_many_json(paths: Iterable[UPath]) -> dict[UPath, dict[str, Any]]:
    """Of these JSON objects under one base, those that exist; read at once."""
    by_path = {path.path: path for path in paths}
    if not by_path:
        return {}
    first = next(iter(by_path.values()))
    with reaching(first):
        texts = first.fs.cat(sorted(by_path), on_error="return", recursive=False, max_concurrency=1)
    found = {}
    for path, text in texts.items():
        try:
            with reaching(by_path[path]):
                if isinstance(text, Exception):
                    raise text
            found[by_path[path]] = parse_json(by_path[path], text)
        except FileNotFoundError:
            continue
    return found


def parse_json(path: UPath, text: bytes) -> dict[str, Any]:
    """The JSON object that was read from a path."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise CalibrationError(f"{path} is not JSON ({error}); delete it and materialise the asset again") from error


def write_json(path: UPath, value: Mapping[str, Any]) -> None:
    """Write a JSON object in one step, over what was there."""
    with reaching(path):
        if not is_local(path):
            path.fs.pipe_file(path.path, _json_bytes(value))
            return
        with _written_aside(path, value) as partial:
            partial.replace(path.path)


def create_json(path: UPath, value: Mapping[str, Any]) -> dict[str, Any]:
    """Write a JSON object where there is none, in one step; the object that is there afterwards, whoever wrote it."""
    try:
        with reaching(path):
            if is_local(path):
                with _written_aside(path, value) as partial:
                    os.link(partial, path.path)
            else:
                path.fs.pipe_file(path.path, _json_bytes(value), mode="create")
    except (CalibrationError, FileExistsError):
        found = read_json(path)
        if found is None:
            raise
        return found
    return dict(value)


def describe_files(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and sha256 of every file under a folder, a table's rows too; hashed in parallel while they are written."""
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: -path.stat().st_size)
    with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        written = pool.map(_sync, files)
        hashes = list(pool.map(file_key, files))
        list(written)
    described = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": sha256, **_rows(path)}
        for path, sha256 in zip(files, hashes, strict=True)
    }
    return dict(sorted(described.items()))


def upload(folder: Path, target: UPath, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Copy files of a local folder to a remote one."""

    def copy(file: str) -> None:
        with reaching(target / file):
            target.fs.put_file(str(folder / file), (target / file).path)

    _copy_all(files, copy)


def download(target: UPath, folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Copy files of a remote folder to a local one, each compared with its sha256."""

    def copy(file: str) -> None:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        try:
            with reaching(target / file):
                target.fs.get_file((target / file).path, str(folder / file))
        except FileNotFoundError as error:
            raise CalibrationError(
                f"{target / file} is gone, its manifest lists it; delete {target} and materialise its asset again"
            ) from error
        if file_key(folder / file) != files[file]["sha256"]:
            raise CalibrationError(
                f"{target / file} differs from its manifest's sha256; delete {target} and materialise its asset again"
            )

    _copy_all(files, copy)


def _copy_all(files: Mapping[str, Mapping[str, Any]], copy: Callable[[str], None]) -> None:
    """Copy small files side by side, then large ones, whose parts go side by side, one after the other."""
    is_large = {file: entry["size"] > LARGE for file, entry in files.items()}
    with ThreadPoolExecutor(COPIES) as pool:
        list(pool.map(copy, [file for file in files if not is_large[file]]))
    for file in files:
        if is_large[file]:
            copy(file)


def list_files(base: UPath) -> dict[str, tuple[datetime, int]]:
    """Every file under a base by its path from there: when it was written last, and its size."""
    try:
        with reaching(base):
            found = base.fs.find(base.path, detail=True)
    except FileNotFoundError:
        return {}
    start = len(base.path.rstrip("/")) + 1
    return {path[start:]: (_written(entry), int(entry["size"])) for path, entry in found.items()}


def remove(path: UPath) -> None:
    """Remove one object, which may be gone already."""
    try:
        with reaching(path):
            path.fs.rm_file(path.path)
    except FileNotFoundError:
        return


@contextmanager
def reaching(path: UPath) -> Iterator[None]:
    """Turn a failure of the place where a path lies into one sentence; what is there or not stays FileNotFoundError and
    FileExistsError, and a full disk of this machine stays OSError where the place is remote.
    """
    try:
        yield
    except _failures() as error:
        is_about_object = isinstance(error, FileNotFoundError | FileExistsError)
        is_about_disk = getattr(error, "errno", None) in FULL and not is_local(path)
        if (is_about_object and _server_code(error) != "NoSuchBucket") or is_about_disk:
            raise
        raise CalibrationError(
            f"store {path}: {_reason(error)}, expected to reach it; {_advice(error)} (nothing stored before is lost)"
        ) from error


def is_full(folder: Path, error: Exception) -> bool:
    """Whether a step failed since the disk of its folder has no room left (libraries do not all say so)."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return getattr(error, "errno", None) in FULL or shutil.disk_usage(there).free < LEAST_FREE_BYTES


def _failures() -> tuple[type[BaseException], ...]:
    """OSError, and what the libraries in use raise besides."""
    raised = [(sys.modules[module], names) for module, names in _SERVER_ERRORS.items() if module in sys.modules]
    return (OSError, *(getattr(module, name) for module, names in raised for name in names))


def _server_code(error: BaseException) -> str:
    answer = getattr(error if hasattr(error, "response") else error.__cause__, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, Mapping) else ""


def _reason(error: BaseException) -> str:
    text = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
    code = _server_code(error)
    return f"{text} ({code})" if code and code not in text else text


def _advice(error: BaseException) -> str:
    if _server_code(error) == "NoSuchBucket":
        return "make the bucket, or correct CALIBRATION_STORE"
    is_refused = isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EPERM
    if is_refused or "Credentials" in type(error).__name__:
        return "check the credentials and what they allow"
    if getattr(error, "errno", None) in FULL:
        return "free space, or choose another place with CALIBRATION_STORE"
    return "check the address and the connection, then run again"


def _written(entry: Mapping[str, Any]) -> datetime:
    """When a file of a listing was written; file systems name and express it differently."""
    time = next(entry[name] for name in ("LastModified", "mtime", "updated", "created") if name in entry)
    if isinstance(time, int | float):
        return datetime.fromtimestamp(time, UTC)
    return datetime.fromisoformat(time) if isinstance(time, str) else time


def _json_bytes(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1).encode()


@contextmanager
def _written_aside(path: UPath, value: Mapping[str, Any]) -> Iterator[Path]:
    local = Path(path.path)
    local.parent.mkdir(parents=True, exist_ok=True)
    partial = local.with_name(f".{local.name}.{uuid.uuid4().hex[:8]}")
    try:
        partial.write_bytes(_json_bytes(value))
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def _rows(path: Path) -> dict[str, int]:
    return {"rows": pq.read_metadata(path).num_rows} if path.suffix == ".parquet" else {}


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
