"""A sweep: one fit a named point, each stored under its name, and the points that are stored compared."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from calibration_assets.diagnostics.frontier import VERSION, mark_frontier
from calibration_assets.diagnostics.plots import frontier_png
from calibration_assets.errors import CalibrationError
from calibration_assets.fit.points import given_settings, point_settings
from calibration_assets.pipeline.weights import config_key, weights, weights_key
from calibration_assets.settings import FitSettings, PointSettings
from calibration_assets.storage.keys import content_key
from calibration_assets.storage.store import Store, StoredValue
from calibration_assets.targets.config import DEFAULT_CONFIG, load_target_config

NAME = "sweep_weights"
TABLE_FILE = "frontier.csv"
COMPARED = (
    "kept_columns",
    "kept_records",
    "effective_sample_size",
    "largest_weight",
    "median_error_pct",
    "within_1_pct",
    "within_10_pct",
    "seconds",
)
"""What the frontier tells of every point, out of the metadata of its fit."""


def sweep_weights(
    store: Store,
    calibration_package: StoredValue,
    points: Mapping[str, PointSettings],
    point: str,
    settings: FitSettings,
    target_config: str = "",
    allow_stale: bool = False,
    tell: Callable[[dict[str, float]], None] | None = None,
) -> StoredValue:
    """Weights of one point: a fit like any other, from the package's own initial weights."""
    chosen = point_settings(points, point, settings)
    return weights(store, calibration_package, chosen, target_config, allow_stale, tell, stored_name(point))


def chosen_weights(
    store: Store,
    calibration_package: StoredValue,
    points: Mapping[str, PointSettings],
    point: str,
    settings: FitSettings,
    target_config: str = "",
    allow_stale: bool = False,
    tell: Callable[[dict[str, float]], None] | None = None,
) -> StoredValue:
    """Weights of the settings, or of the point that is named; a point's stored fit is taken over where it is equal."""
    if not point:
        return weights(store, calibration_package, settings, target_config, allow_stale, tell)
    chosen = point_settings(points, point, settings)
    return weights(
        store, calibration_package, chosen, target_config, allow_stale, tell, stored_as=stored_name(point)
    )


def are_stored(
    store: Store,
    calibration_package: StoredValue,
    points: Mapping[str, PointSettings],
    point: str,
    settings: FitSettings,
    target_config: str = "",
) -> bool:
    """Whether the weights of the settings, or of the point that is named, need no fit."""
    chosen = point_settings(points, point, settings) if point else settings
    key = weights_key(calibration_package, chosen, load_target_config(target_config or DEFAULT_CONFIG))
    return store.find("weights", key) is not None


def use_threads(threads: int) -> None:
    """Let this process fit with so many threads, so that points fitted at the same time do not share cores."""
    torch.set_num_threads(threads)


def stored_name(point: str) -> str:
    """The name under which a point's weights are stored."""
    return f"{NAME}/{point}"


def sweep_frontier(
    store: Store, calibration_package: StoredValue, points: Mapping[str, PointSettings], target_config: str = ""
) -> StoredValue:
    """All points that were fitted to this package and these targets: their table, their frontier and its picture."""
    targets = config_key(load_target_config(target_config or DEFAULT_CONFIG))
    found, left_out = {}, []
    for name, point in points.items():
        value = store.current(stored_name(name)) if store.current_key(stored_name(name)) else None
        fault = _why_left_out(value, point, calibration_package.key, targets)
        if value is None or fault:
            left_out.append({"point": name, "left out": fault})
        else:
            found[name] = value
    if not found:
        raise CalibrationError(
            f"sweep_frontier: none of the {len(points)} points can be compared ({left_out[0]['point']}: "
            f"{left_out[0]['left out']}); materialise sweep_weights"
        )
    inputs = {name: value.key for name, value in found.items()} | {"left_out": content_key("left_out", 1, {}, left_out)}

    def make(folder: Path) -> dict[str, Any]:
        table = mark_frontier(_tabulate(found))
        table.to_csv(folder / TABLE_FILE, index=False)
        (folder / "frontier.png").write_bytes(frontier_png(table))
        recommended = table[table["recommended"]]["point"].tolist()
        return {
            "points": len(found),
            "missing_points": len(left_out),
            "recommended": recommended[0] if recommended else "",
            "frontier": _for_reading(table, points),
            "left_out": left_out,
        }

    return store.build("sweep_frontier", content_key("sweep_frontier", VERSION, inputs), make)


def _why_left_out(value: StoredValue | None, point: PointSettings, package: str, targets: str) -> str:
    """Why a point cannot stand beside the others; empty where it can."""
    if value is None:
        return "not fitted yet"
    if value.metadata["package"] != package:
        return "fitted to another package"
    if value.metadata["target_config"] != targets:
        return "fitted to other targets"
    settings = value.metadata["settings"]
    changed = [name for name, wanted in given_settings(point).items() if settings[name] != wanted]
    return f"fitted with another {', '.join(changed)} than its name stands for now" if changed else ""


def _tabulate(found: Mapping[str, StoredValue]) -> pd.DataFrame:
    rows = [{"point": name, **{one: value.metadata[one] for one in COMPARED}} for name, value in found.items()]
    return pd.DataFrame(rows)


def _for_reading(table: pd.DataFrame, points: Mapping[str, PointSettings]) -> list[dict[str, Any]]:
    """The table's rows with every point's settings and its marks in words."""
    figures = table.drop(columns=["on_frontier", "knee", "recommended"])
    rows = [{str(name): value for name, value in row.items()} for row in figures.to_dict("records")]
    marks = [
        ", ".join(name.replace("_", " ") for name in ("on_frontier", "knee", "recommended") if row[name])
        for row in table.to_dict("records")
    ]
    settings = [", ".join(f"{name} {value:g}" for name, value in given_settings(points[row["point"]]).items())
                for row in rows]  # fmt: skip
    return [
        {"point": row.pop("point"), "marks": mark, **row, "settings": text}
        for row, mark, text in zip(rows, marks, settings, strict=True)
    ]
