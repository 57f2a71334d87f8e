"""The target config: which targets reach the fit, by include and exclude rules.

Imports NumPy, pandas and YAML alone, since portable fitting needs it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError

DEFAULT_CONFIG = Path(__file__).with_name("target_config.yaml")
LEVELS = ("national", "state", "district")
FIELDS = ("variable", "geo_level", "domain_variable")
LISTS = ("include", "exclude")
Matrix = TypeVar("Matrix")
"""A matrix whose rows can be chosen by number: scipy's CSR, or a package's own."""


@dataclass(frozen=True)
class Rule:
    """A row matches a rule where every field that the rule gives is equal."""

    variable: str
    geo_level: str | None = None
    domain_variable: str | None = None

    def __str__(self) -> str:
        """The rule's fields that are given, e.g. `eitc, district`."""
        return ", ".join(value for value in (self.variable, self.geo_level, self.domain_variable) if value)


@dataclass(frozen=True)
class TargetConfig:
    """Rules: with `include` only matching targets enter; of those, targets that match `exclude` leave."""

    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()


def load_target_config(config: str | Path | Mapping[str, Any] | TargetConfig | None) -> TargetConfig:
    """A config from a YAML file, a dict or None (no rules); anything unexpected in it is an error."""
    if isinstance(config, TargetConfig):
        return config
    if config is None:
        return TargetConfig()
    if isinstance(config, Mapping):
        return _read_rules(config, "target config")
    return _read_rules(_read_yaml(Path(config)), f"target config {config}")


def apply_target_config(
    targets_df: pd.DataFrame,
    X_sparse: Matrix,
    target_names: Sequence[str],
    config: str | Path | Mapping[str, Any] | TargetConfig | None,
) -> tuple[pd.DataFrame, Matrix, list[str]]:
    """The rows that the config keeps, of all three alike; a config that keeps none is an error."""
    kept = select_rows(targets_df, load_target_config(config))
    rows = np.flatnonzero(kept)
    names = [target_names[int(row)] for row in rows]
    return targets_df.iloc[rows].reset_index(drop=True), X_sparse[rows], names  # type: ignore[index]


def select_rows(targets: pd.DataFrame, config: TargetConfig) -> np.ndarray:
    """True for the rows that the config keeps; a config that keeps none is an error."""
    kept = _any_match(targets, config.include) if config.include else np.ones(len(targets), dtype=bool)
    kept &= ~_any_match(targets, config.exclude)
    if not kept.any():
        raise CalibrationError(
            f"the target config keeps 0 of {len(targets)} targets, expected at least one; remove rules from it"
        )
    return kept


def count_matches(targets: pd.DataFrame, config: TargetConfig) -> pd.DataFrame:
    """The number of targets that each rule matches: rule (`include` or `exclude`), its fields, matches."""
    rows = [
        {"rule": name, **{field: getattr(rule, field) for field in FIELDS}, "matches": int(_match(targets, rule).sum())}
        for name in LISTS
        for rule in getattr(config, name)
    ]
    return pd.DataFrame(rows, columns=["rule", *FIELDS, "matches"])


def check_target_config(config: TargetConfig, variables: Iterable[str]) -> None:
    """Stop at a variable or domain that the catalogue of variables does not know, with the nearest names."""
    known = set(variables)
    for rule in (*config.include, *config.exclude):
        for name in (rule.variable, *(rule.domain_variable or "").split(",")):
            if name and name not in known:
                near = ", ".join(get_close_matches(name, known, n=3)) or "none"
                raise CalibrationError(
                    f"target config rule ({rule}) names {name!r}, expected a variable of the catalogue; "
                    f"nearest names: {near}"
                )


def target_groups(targets_df: pd.DataFrame) -> np.ndarray:
    """A number for each target's level and variable (rows,)."""
    return targets_df.groupby(["geo_level", "variable"], sort=True).ngroup().to_numpy()


def _match(targets: pd.DataFrame, rule: Rule) -> np.ndarray:
    matched = np.ones(len(targets), dtype=bool)
    for field in FIELDS:
        wanted = getattr(rule, field)
        if wanted is not None:
            matched &= (targets[field] == wanted).fillna(False).to_numpy(dtype=bool)
    return matched


def _any_match(targets: pd.DataFrame, rules: Iterable[Rule]) -> np.ndarray:
    matched = np.zeros(len(targets), dtype=bool)
    for rule in rules:
        matched |= _match(targets, rule)
    return matched


def _read_yaml(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text()) or {}
    except OSError as error:
        raise CalibrationError(
            f"target config {path} cannot be read ({error.strerror}); give an existing file"
        ) from error
    except yaml.YAMLError as error:
        raise CalibrationError(f"target config {path} is not YAML ({error}); correct the file") from error


def _read_rules(content: Any, name: str) -> TargetConfig:
    if not isinstance(content, Mapping) or set(content) - set(LISTS):
        found = ", ".join(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        raise CalibrationError(f"{name} holds {found}, expected the lists `include` and `exclude`; correct the file")
    return TargetConfig(**{key: tuple(_read_rule(rule, name) for rule in content.get(key) or ()) for key in LISTS})


def _read_rule(rule: Any, name: str) -> Rule:
    if not isinstance(rule, Mapping) or "variable" not in rule or set(rule) - set(FIELDS):
        raise CalibrationError(f"{name} has the rule {rule}, expected `variable` and perhaps {', '.join(FIELDS[1:])}")
    level = rule.get("geo_level")
    if level is not None and level not in LEVELS:
        near = ", ".join(get_close_matches(str(level), LEVELS, n=1)) or ", ".join(LEVELS)
        raise CalibrationError(f"{name} has the level {level!r}, expected one of {', '.join(LEVELS)}; nearest: {near}")
    return Rule(str(rule["variable"]), level, rule.get("domain_variable"))
