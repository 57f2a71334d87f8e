"""Where the fit starts: weights that already sum to each district's population."""

import numpy as np
import pandas as pd

from calibration_assets.matrix.calibration_matrix import CalibrationMatrix
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.simulation.copies import every_household


def initial_weights(matrix: CalibrationMatrix, dataset: Dataset) -> np.ndarray:
    """A weight for every column, float64 (columns,).

    All columns of a district get the same weight: its population, from the age targets, over the persons of its
    columns. In a district without age targets a column has its household's own weight, shared by its clones.
    """
    persons = np.diff(every_household(dataset).start["person"])[matrix.columns["record"].to_numpy()]
    district = matrix.columns["district"].to_numpy()
    total = np.bincount(district, weights=persons)
    population = _district_population(matrix.targets).reindex(np.arange(len(total))).to_numpy()
    own = dataset.tables["household"]["household_weight"].to_numpy(np.float64) / matrix.n_clones
    with np.errstate(divide="ignore", invalid="ignore"):
        common = (population / total)[district]
    return np.where(np.isnan(common), own[matrix.columns["record"].to_numpy()], common)


def _district_population(targets: pd.DataFrame) -> pd.Series:
    """Persons by district number, summed over its age bands."""
    bands = targets[
        (targets["variable"] == "person_count")
        & (targets["reform_id"] == 0)
        & (targets["geo_level"] == "district")
        & (targets["domain_variable"] == "age")
    ]
    return bands["value"].groupby(bands["geographic_id"].astype(int)).sum()
