"""What a rebuild hangs on outside the store, by content: files that a profile names, raw files, figures, the rules.

Times play no part; a dataset behind a URL is read by the rebuild itself and not watched here.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from upath import UPath

from calibration_assets.storage.keys import content_key, file_key, files_key
from calibration_assets.storage.objects import read_json
from calibration_assets.storage.reference import REFERENCE

RULES = "policyengine-us"


def input_keys(profile: Mapping[str, Any], raw_folder: Path) -> dict[str, str]:
    """The key of every input by its name; equal contents have equal keys."""
    named = {f"{step}: {text}": Path(text) for step, text in _texts(profile.get("ops") or {})}
    files = {name: file_key(path) for name, path in named.items() if path.is_file()}
    raw = {f"raw file {path.relative_to(raw_folder)}": _raw_key(path) for path in _raw_files(raw_folder)}
    own = {
        "profile": content_key("profile", 1, {}, profile),
        "compiled figures": files_key(REFERENCE.glob("*.parquet")),
        RULES: version(RULES),
    }
    return {**own, **files, **raw}


def changed_inputs(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Names of the inputs that came, went or changed, sorted."""
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _texts(ops: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text in the steps' configs, with its step."""
    for step, entry in sorted(ops.items()):
        waiting: list[Any] = [entry]
        while waiting:
            value = waiting.pop()
            if isinstance(value, str) and value:
                yield step, value
            elif isinstance(value, Mapping):
                waiting.extend(value.values())
            elif isinstance(value, Sequence) and not isinstance(value, str):
                waiting.extend(value)


def _raw_files(folder: Path) -> list[Path]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    names = set(paths)
    return [path for path in paths if not (path.suffix == ".json" and path.with_suffix("") in names)]


def _raw_key(path: Path) -> str:
    """The sha256 of a raw file: as its record says where the size agrees, else computed."""
    record = read_json(UPath(path.with_name(f"{path.name}.json")))
    return record["sha256"] if record and record.get("size") == path.stat().st_size else file_key(path)
