"""`unified_run_config.json`: what was run on what, and what came out of it. Needs numpy and pandas only."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def run_config(
    flags: Mapping[str, Any],
    errors: pd.DataFrame,
    weights: np.ndarray,
    *,
    elapsed_seconds: float,
    files: Mapping[str, Path],
) -> dict[str, Any]:
    """The flags as given, then what came out: counts, sum of weights, mean error in per cent over the targets that can
    be met, seconds, and the sha256 of every written file by its name."""
    met = errors.loc[errors["achievable"], "abs_rel_error"]
    values = np.asarray(weights, dtype=np.float64)
    return {
        **flags,
        "n_targets": len(errors),
        "n_records": len(values),
        "weight_format": "clone_level",
        "weight_sum": float(values.sum()),
        "weight_nonzero": int(np.count_nonzero(values)),
        "mean_error_pct": float(met.mean() * 100) if len(met) else None,
        "elapsed_seconds": elapsed_seconds,
        "artifacts": {name: f"sha256:{file_digest(path)}" for name, path in sorted(files.items())},
    }


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_run_config(config: Mapping[str, Any], path: Path) -> None:
    """Write the JSON; a value that JSON has no form for (a path) is written as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config, indent=2, default=str, allow_nan=False) + "\n")
