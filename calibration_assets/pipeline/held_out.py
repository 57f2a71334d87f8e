"""How well weights do on targets that they were not fitted to."""

from pathlib import Path
from typing import Any

import pandas as pd

from calibration_assets.diagnostics import held_out, plots
from calibration_assets.diagnostics.families import judged_targets
from calibration_assets.diagnostics.targets import target_errors
from calibration_assets.pipeline.fitted import open_fitted
from calibration_assets.settings import HeldOutSettings
from calibration_assets.storage.keys import content_key
from calibration_assets.storage.store import Store, StoredValue

FILE = "held_out.parquet"


def held_out_accuracy(
    store: Store,
    calibration_package: StoredValue,
    weights: StoredValue,
    settings: HeldOutSettings,
    name: str = "held_out_accuracy",
) -> StoredValue:
    """Every target held out once, beside its error in sample; `name` tells a sweep point's from that of `weights`."""
    inputs = {"package": calibration_package.key, "weights": weights.key}
    key = content_key("held_out_accuracy", held_out.VERSION, inputs, settings)

    def make(folder: Path) -> dict[str, Any]:
        if not settings.n_folds:
            return {"folds": 0}
        fitted = open_fitted(calibration_package, weights)
        package, result = fitted.package, fitted.result
        errors = target_errors(package.matrix, package.targets_df, package.target_names, result.weights)
        judged = judged_targets(errors, package.targets_df)
        start = held_out.unseen_start(result.weights, fitted.initial_weights, fitted.columns)
        table = held_out.held_out_errors(
            package.matrix, judged, fitted.objective, fitted.settings, start, settings
        )
        table.to_parquet(folder / FILE, index=False)
        families = held_out.held_out_families(table)
        (folder / "held_out.png").write_bytes(plots.held_out_png(families))
        return {
            "folds": settings.n_folds,
            **held_out.held_out_figures(table),
            "by_level_and_family": families.to_dict("records"),
        }

    return store.build(name, key, make)


def read_held_out(value: StoredValue) -> pd.DataFrame | None:
    """The table of a stored value, None where no fold was asked for."""
    return pd.read_parquet(value.folder / FILE) if FILE in value.files else None
