"""AGI of households whose source of records does not know it."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.schemas import HOUSEHOLD_AGI
from calibration_assets.simulation.copies import copied_inputs, every_household
from calibration_assets.simulation.engine import calculate, open_simulation


def simulate_household_agi(dataset: Dataset, counties: Mapping[int, int]) -> pd.DataFrame:
    """Adjusted gross income by household (schemas.HOUSEHOLD_AGI), each in its own state, in that state's county."""
    copies = every_household(dataset)
    households = dataset.tables["household"]
    state = households["state_fips"].to_numpy()
    county = np.array([counties[int(one)] for one in state])
    simulation = open_simulation(copied_inputs(dataset, copies, state, county, inputs={}))
    agi = calculate(simulation, "adjusted_gross_income", "their own states").astype(np.float64)
    summed = np.bincount(copies.copy_of("tax_unit"), agi, minlength=len(copies))
    table = {"household_id": households["household_id"].to_numpy(), "adjusted_gross_income": summed}
    return HOUSEHOLD_AGI.validate(pd.DataFrame(table))
