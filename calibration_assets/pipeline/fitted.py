"""A stored fit, opened with the package and the objective that it was fitted to."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.objective import Objective, make_objective
from calibration_assets.fit.result import FitResult, read_fit
from calibration_assets.package.package import CalibrationPackage
from calibration_assets.pipeline.weights import CONFIG_FILE, select_package
from calibration_assets.settings import FitSettings, LossSettings, RefitSettings
from calibration_assets.storage.store import StoredValue
from calibration_assets.targets.config import target_groups


@dataclass(frozen=True)
class Fitted:
    """A fit with the selected package, its columns and initial weights, what was minimised and how."""

    package: CalibrationPackage
    columns: pd.DataFrame
    initial_weights: np.ndarray
    result: FitResult
    objective: Objective
    settings: FitSettings
    target_config: dict[str, Any]


def open_fitted(calibration_package: StoredValue, weights: StoredValue) -> Fitted:
    """The fit of stored weights; CalibrationError where they belong to another package."""
    if weights.metadata["package"] != calibration_package.key:
        raise CalibrationError(
            f"{weights.name}: the weights were fitted to another calibration package than the current one; "
            f"materialise {weights.name.split('/')[0]} again"
        )
    config = json.loads((weights.folder / CONFIG_FILE).read_text())
    package, result = select_package(calibration_package, config), read_fit(weights.folder)
    if package.columns is None or package.initial_weights is None:
        raise TypeError("a stored package has its columns and initial weights")
    settings = _read_settings(result.record["settings"])
    targets = package.targets_df["value"].to_numpy(np.float64)
    objective = make_objective(targets, settings.objective, groups=target_groups(package.targets_df))
    return Fitted(package, package.columns, package.initial_weights, result, objective, settings, config)


def _read_settings(record: dict[str, Any]) -> FitSettings:
    nested = {"objective": LossSettings(**record["objective"]), "refit": RefitSettings(**record["refit"])}
    return FitSettings(**{**record, **nested})
