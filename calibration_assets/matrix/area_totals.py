"""What an area's records say when the rules are run on them: the weighted total of every target of the area.

It reads the written records alone, in the places and with the take-up that they state, and knows nothing of the matrix.
"""

import numpy as np
import pandas as pd

from calibration_assets.geography.areas import NATION
from calibration_assets.geography.crosswalk import STATE_FIPS
from calibration_assets.matrix.concepts import index_rows
from calibration_assets.matrix.evaluate import evaluate
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.simulation.copies import every_household
from calibration_assets.simulation.states import HOUSEHOLDS_A_SIMULATION, batches, simulate_copies


def rows_of_area(targets: pd.DataFrame, area: str) -> np.ndarray:
    """Rows of the targets (schemas.TARGETS) that are the area's own: the nation's, the state's or the district's."""
    code, _, number = area.partition("-")
    if area == NATION:
        level, place = "national", NATION
    elif number:
        level, place = "district", str(STATE_FIPS[code] * 100 + int(number))
    else:
        level, place = "state", str(STATE_FIPS[code])
    return np.flatnonzero((targets["geo_level"] == level) & (targets["geographic_id"] == place))


def area_totals(area: Dataset, targets: pd.DataFrame, constraints: pd.DataFrame) -> np.ndarray:
    """The weighted total of each target over all the area's households, float64 (targets,), in the target's unit.

    `targets` are those of one place. The households are simulated some states at a time, as memory asks for.
    """
    index = index_rows(targets, constraints)
    row = np.array([max(index.rows[level][number].max() for level in index.rows) for number in range(len(targets))])
    names = sorted(set().union(*(concept.needed for concept in index.concepts)))
    household = area.tables["household"]
    state, county = household["state_fips"].to_numpy(), household["county_fips"].to_numpy().astype(np.int64)
    weight = household["household_weight"].to_numpy(np.float64)
    totals, households = np.zeros(len(targets)), every_household(area)
    for chosen in _pieces(state):
        copies = households.take(chosen)
        values = simulate_copies(area, copies, state[chosen], county[chosen], names, {})
        for number, concept in enumerate(index.concepts):
            totals[row[number]] += evaluate(concept, copies, values.__getitem__) @ weight[chosen]
    return totals


def _pieces(state: np.ndarray) -> list[np.ndarray]:
    """Rows of the households by piece: few states and few households each."""
    of_state = {int(one): np.flatnonzero(state == one) for one in np.unique(state)}
    pieces = batches({one: len(rows) for one, rows in of_state.items()}, HOUSEHOLDS_A_SIMULATION)
    return [np.concatenate([of_state[one][first:last] for one, first, last in piece]) for piece in pieces]
