"""The command line's flags, made from the settings classes: a field is a flag, and fields of one name share it."""

import argparse
import typing
from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass, replace
from typing import Any

from calibration_assets.settings import RunRequest

CHOICES = {
    "preset": ("local", "national"),
    "device": ("cpu", "cuda"),
    "engine": ("csr", "l0-python"),
    "loss": ("relative", "scaled", "capped"),
}
SWITCHES_OFF = ("--no-", "--skip-")


def parse_request(arguments: list[str] | None = None) -> RunRequest:
    """The request that command-line arguments make; unnamed settings keep their defaults."""
    given = vars(_parser().parse_args(arguments))
    return _replaced(RunRequest(), given)


def _parser() -> argparse.ArgumentParser:
    """A parser with one flag for each name, grouped by settings class."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration_assets.unified_calibration",
        description="Reweights cloned CPS records to administrative targets; with --package-path it fits alone.",
        argument_default=argparse.SUPPRESS,
    )
    known: set[str] = set()
    for owner, leaves in _groups(RunRequest()):
        group = parser.add_argument_group(type(owner).__name__, (type(owner).__doc__ or "").splitlines()[0])
        hints = typing.get_type_hints(type(owner))
        for leaf in leaves:
            if leaf.name not in known:
                known.add(leaf.name)
                _add_flag(group, leaf, hints[leaf.name], getattr(owner, leaf.name))
    return parser


def _groups(owner: Any) -> Iterator[tuple[Any, list[Field[Any]]]]:
    """Every settings value within `owner` with its own plain fields."""
    nested = [one.name for one in fields(owner) if is_dataclass(getattr(owner, one.name))]
    yield owner, [one for one in fields(owner) if one.name not in nested]
    for name in nested:
        yield from _groups(getattr(owner, name))


def _add_flag(group: argparse._ArgumentGroup, leaf: Field[Any], hint: Any, default: Any) -> None:
    """One flag with its type, choices, default and help."""
    flag = leaf.metadata["flag"] or "--" + leaf.name.replace("_", "-")
    text = leaf.metadata["help"].replace("%", "%%")
    if hint is bool:
        off = bool(leaf.metadata["flag"]) and flag.startswith(SWITCHES_OFF)
        shown = f"Switch off: {text}" if off else text
        group.add_argument(flag, dest=leaf.name, action="store_false" if off else "store_true", help=shown)
        return
    plain = [kind for kind in typing.get_args(hint) if kind is not type(None)] or [hint]
    kind = _comma_list if typing.get_origin(hint) is tuple else plain[0]
    shown = ",".join(default) or None if isinstance(default, tuple) else default
    group.add_argument(flag, dest=leaf.name, type=kind, choices=CHOICES.get(leaf.name), help=f"{text} [{shown}]")


def _comma_list(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated text."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _replaced(owner: Any, given: dict[str, Any]) -> Any:
    """A copy of nested settings with the given values put in by name."""
    changes: dict[str, Any] = {}
    for one in fields(owner):
        value = getattr(owner, one.name)
        if is_dataclass(value):
            changes[one.name] = _replaced(value, given)
        elif one.name in given:
            changes[one.name] = given[one.name]
    return replace(owner, **changes)
