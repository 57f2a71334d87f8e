"""Raw files of the agencies: fetched once over HTTP, kept with their sha256 and date, never kept when they look wrong.

    <folder>/<name>            the bytes as the publisher sent them
    <folder>/<name>.json       url, sha256, size, content type and the date of the fetch

A file put into the folder by hand is checked like a fetched one and gets its record when it is first asked for.
What a file means stays with its source, which gives the check that the bytes must pass before they are kept.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from calibration_assets.errors import CalibrationError

TIMEOUT_SECONDS = (10, 120)
"""To connect, and between two pieces of a body."""
ATTEMPTS = 4
BACKOFF_SECONDS = 2.0
RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
# Agencies' sites answer a request without a browser's headers with a challenge page.
HEADERS = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) calibration-assets", "Accept": "*/*"}
_PIECE = 1 << 20


@dataclass(frozen=True)
class RawCache:
    """A folder of raw files. `offline` never reaches for the network, `refresh` fetches what is there already."""

    folder: Path
    offline: bool = False
    refresh: bool = False
    attempts: int = ATTEMPTS
    backoff_seconds: float = BACKOFF_SECONDS
    timeout_seconds: tuple[float, float] = TIMEOUT_SECONDS

    def path(self, name: str) -> Path:
        """Where a file of this name lies; a name that leaves the folder is an error."""
        path = self.folder / name
        inside = path.resolve().is_relative_to(self.folder.resolve()) and path.resolve() != self.folder.resolve()
        if Path(name).is_absolute() or ".." in Path(name).parts or not inside:
            raise CalibrationError(f"raw file name {name!r} leaves {self.folder}, expected a plain name inside it")
        return path

    def fetch(self, name: str, url: str, content_type: str, check: Callable[[bytes], Any] = lambda _: None) -> bytes:
        """The bytes of a file, from the folder or else from its URL.

        `content_type` begins the type of a true answer; `check` raises CalibrationError at bytes that are no such file.
        """
        path = self.path(name)
        if path.is_file() and not self.refresh:
            if not _record_path(path).is_file():
                body = path.read_bytes()
                check(body)
                self._keep(path, body, url, "put there by hand")
            return self.read(name)
        if self.offline:
            raise CalibrationError(
                f"raw file {path} is not there and the cache is offline; fetch it online or put the file of {url} there"
            )
        body, found_type = self._download(name, url, content_type)
        check(body)
        self._keep(path, body, url, found_type)
        return body

    def read(self, name: str) -> bytes:
        """The bytes of a kept file; bytes that are not those that were fetched are an error."""
        path = self.path(name)
        try:
            body = path.read_bytes()
            record = json.loads(_record_path(path).read_text())
        except FileNotFoundError as error:
            raise CalibrationError(
                f"raw file {error.filename} is not there, expected it beside the other; delete {path} to fetch it again"
            ) from error
        found = hashlib.sha256(body).hexdigest()
        if found != record["sha256"]:
            raise CalibrationError(
                f"raw file {path} has sha256 {found[:12]}…, it was fetched as {record['sha256'][:12]}…; "
                f"delete it to fetch it again, or delete its record {_record_path(path).name} alone if it is right"
            )
        return body

    def _download(self, name: str, url: str, content_type: str) -> tuple[bytes, str]:
        for attempt in range(1, self.attempts + 1):
            try:
                return self._request(name, url, content_type)
            except (_TemporaryError, requests.ConnectionError, requests.Timeout) as error:
                if attempt == self.attempts:
                    raise CalibrationError(
                        f"raw file {name}: {url} failed {attempt} times ({_reason(error)}), expected an answer; try "
                        f"again later, or download it elsewhere and save it as {self.path(name)}"
                    ) from error
                time.sleep(self.backoff_seconds * 2 ** (attempt - 1))
        raise CalibrationError(f"raw file {name}: {self.attempts} attempts allowed, expected one or more")

    def _request(self, name: str, url: str, content_type: str) -> tuple[bytes, str]:
        with requests.get(url, headers=HEADERS, timeout=self.timeout_seconds, stream=True) as answer:
            if answer.status_code in RETRIED_STATUSES:
                raise _TemporaryError(f"status {answer.status_code}")
            if answer.status_code != 200:
                raise CalibrationError(
                    f"raw file {name}: {url} answers with status {answer.status_code}, expected 200; check the address"
                )
            found_type = answer.headers.get("Content-Type", "")
            if not found_type.startswith(content_type):
                raise CalibrationError(
                    f"raw file {name}: {url} sends {found_type or 'no content type'}, expected {content_type}; "
                    "check the address, it may be a challenge page"
                )
            return _read_body(answer, self.timeout_seconds[1]), found_type

    def _keep(self, path: Path, body: bytes, url: str, content_type: str) -> None:
        record = {
            "url": url,
            "sha256": hashlib.sha256(body).hexdigest(),
            "size": len(body),
            "content_type": content_type,
            "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        # The record comes last: bytes without it are not a kept file.
        _record_path(path).unlink(missing_ok=True)
        _write(path, body)
        _write(_record_path(path), json.dumps(record, indent=1, sort_keys=True).encode())


class _TemporaryError(Exception):
    """An answer that another attempt may mend."""


def _reason(error: Exception) -> str:
    """What lies behind a failed attempt, without the layers around it."""
    inner = error.args[0] if error.args else error
    return str(getattr(inner, "reason", inner)).rpartition("): ")[2]


def _read_body(answer: requests.Response, seconds: float) -> bytes:
    started = time.monotonic()
    body = bytearray()
    try:
        for piece in answer.iter_content(_PIECE):
            body += piece
            if time.monotonic() - started > seconds:
                raise _TemporaryError(f"{len(body):,} bytes in {seconds:g} seconds")
    except requests.exceptions.ChunkedEncodingError as error:
        raise _TemporaryError(f"body broken off after {len(body):,} bytes") from error
    expected = answer.headers.get("Content-Length")
    if expected and not answer.headers.get("Content-Encoding") and len(body) != int(expected):
        raise _TemporaryError(f"{len(body):,} of {int(expected):,} bytes")
    return bytes(body)


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _write(path: Path, body: bytes) -> None:
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    partial.write_bytes(body)
    partial.replace(path)
