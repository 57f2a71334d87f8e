"""Content keys: what a stored value was made from, as one hash. Nothing here reads a clock."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any


def content_key(step: str, version: int, inputs: Mapping[str, str], settings: Any = None) -> str:
    """The key of a step's value: a hash of its name, its version, its inputs' keys and its settings (64 hex digits).

    `version` is raised by hand when the step's meaning changes; `settings` is a frozen settings value or plain data.
    """
    plain = asdict(settings) if is_dataclass(settings) and not isinstance(settings, type) else settings
    text = json.dumps([step, version, dict(inputs), plain], sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_key(path: Path) -> str:
    """The sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_key(paths: Iterable[Path]) -> str:
    """One key for several files, by name and content, whatever the order they come in."""
    return content_key("files", 1, {path.name: file_key(path) for path in sorted(paths)})
