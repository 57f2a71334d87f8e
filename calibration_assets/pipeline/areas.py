"""The calibrated records of an area as an H5 file that policyengine-us opens."""

from pathlib import Path
from typing import Any

import numpy as np

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.result import read_fit
from calibration_assets.geography.areas import NATION
from calibration_assets.matrix.area import area_dataset as make_area_dataset
from calibration_assets.microdata import sources
from calibration_assets.microdata.dataset import write_dataset
from calibration_assets.pipeline.matrix import place_columns, read_columns, settings_of
from calibration_assets.storage.keys import content_key
from calibration_assets.storage.store import Store, StoredValue

VERSION = 2


def area_file(area: str) -> str:
    """Where an area's file lies: `national/US.h5`, `states/CA.h5` or `districts/CA-12.h5`."""
    folder = "national" if area == NATION else "districts" if "-" in area else "states"
    return f"{folder}/{area}.h5"


def area_dataset(
    store: Store,
    records: StoredValue,
    cloned_records: StoredValue,
    simulated_values: StoredValue,
    calibration_package: StoredValue,
    weights: StoredValue,
    area: str,
) -> StoredValue:
    """The area's weighted clones as a dataset, under the name that the manual's readers know."""
    if weights.metadata["package"] != calibration_package.key:
        raise CalibrationError(
            f"area_datasets/{area}: the weights were fitted to another calibration package than the current one; "
            "materialise weights again"
        )
    inputs = {"records": records.key, "clones": cloned_records.key, "weights": weights.key, "area": area}
    inputs["values"] = simulated_values.key
    key = content_key("area_datasets", VERSION, inputs)

    def make(folder: Path) -> dict[str, Any]:
        dataset, _ = sources.read_records(records.folder)
        columns, settings = read_columns(cloned_records), settings_of(simulated_values)
        county = place_columns(dataset, columns, settings).county
        fitted = read_fit(weights.folder).weights
        of_area = make_area_dataset(dataset, columns, fitted, county, area, settings.rerandomize_takeup)
        write_dataset(of_area, folder / area_file(area))
        household_weight = of_area.tables["household"]["household_weight"].to_numpy(np.float64)
        return {
            "weights": weights.key,
            "households": len(household_weight),
            "persons": len(of_area.tables["person"]),
            "weighted_households": float(household_weight.sum()),
            "variables": sum(len(table.columns) for table in of_area.tables.values()),
        }

    return store.build(f"area_datasets/{area}", key, make)
