"""Draws a district and a county for every clone of every household.

Districts are drawn without replacement for each household, so a household's clones lie in different districts until it
has been in all of them; further clones are further rounds. The draw is stored and never repeated from a seed alone.
"""

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.schemas import COLUMNS
from calibration_assets.settings import CloneSettings

VERSION = 1
TOP_PERCENTILE = 90


def place_clones(
    household_agi: pd.DataFrame, county_shares: pd.DataFrame, district_agi: pd.Series, settings: CloneSettings
) -> pd.DataFrame:
    """The matrix's columns (schemas.COLUMNS), n_clones x n_records rows, clone-major.

    `household_agi` has a row for every household, in record order (schemas.HOUSEHOLD_AGI); `county_shares` has
    district, county and the county's probability within the district; `district_agi` is total AGI by district, dollars.
    A household draws every district with equal probability, one in the top tenth by AGI in proportion to its AGI.
    """
    if settings.n_clones < 1:
        raise CalibrationError(f"n_clones is {settings.n_clones}, expected 1 or more; give a positive number of clones")
    districts = np.sort(county_shares["district"].unique())
    agi = household_agi["adjusted_gross_income"].to_numpy()
    random = np.random.default_rng(settings.seed)
    is_top = agi >= np.percentile(agi, TOP_PERCENTILE)
    weights = np.where(is_top[:, None], _agi_weights(district_agi, districts), 1.0)
    order = _draw_orders(weights, settings.n_clones, random)
    drawn = districts[order.T.ravel()]
    county = _draw_counties(drawn, county_shares, random)
    n_records = len(agi)
    columns = pd.DataFrame(
        {
            "record": np.tile(np.arange(n_records, dtype=np.int32), settings.n_clones),
            "household_id": np.tile(household_agi["household_id"].to_numpy(np.int64), settings.n_clones),
            "clone": np.repeat(np.arange(settings.n_clones, dtype=np.int32), n_records),
            "state": (drawn // 100).astype(np.int32),
            "district": drawn.astype(np.int32),
            "county": county.astype(np.int32),
        }
    )
    return COLUMNS.validate(columns)


def describe_columns(columns: pd.DataFrame) -> dict[str, int]:
    """Counts of the columns (schemas.COLUMNS) and of where they lie."""
    by_district = columns.groupby("district").size()
    return {
        "columns": len(columns),
        "households": int(columns["household_id"].nunique()),
        "districts": len(by_district),
        "fewest columns in a district": int(by_district.min()),
        "most columns in a district": int(by_district.max()),
        "counties": int(columns["county"].nunique()),
    }


def _agi_weights(district_agi: pd.Series, districts: np.ndarray) -> np.ndarray:
    missing = np.setdiff1d(districts, district_agi.index)
    if len(missing):
        raise CalibrationError(
            f"district AGI has no figure for {len(missing)} of {len(districts)} districts (the first is {missing[0]}), "
            "expected all; rebuild the target database"
        )
    return np.maximum(district_agi.loc[districts].to_numpy(np.float64), 0)


def _draw_orders(weights: np.ndarray, n_clones: int, random: np.random.Generator) -> np.ndarray:
    """For each row, n_clones district positions: successive sampling by weight, without replacement in each round.

    Sorting exponential arrival times with the weights as rates is successive sampling (Efraimidis and Spirakis 2006).
    """
    n_records, n_districts = weights.shape
    rounds = []
    with np.errstate(divide="ignore"):
        for _ in range(-(-n_clones // n_districts)):
            arrival = random.standard_exponential((n_records, n_districts)) / weights
            rounds.append(np.argsort(arrival, axis=1, kind="stable"))
    return np.hstack(rounds)[:, :n_clones]


def _draw_counties(drawn: np.ndarray, county_shares: pd.DataFrame, random: np.random.Generator) -> np.ndarray:
    shares = county_shares.sort_values(["district", "county"])
    district, position = np.unique(shares["district"].to_numpy(), return_inverse=True)
    within = shares.groupby("district")["probability"].cumsum().to_numpy()
    total = shares.groupby("district")["probability"].transform("sum").to_numpy()
    # A district's counties share the interval [position, position + 1).
    upper = position + within / total
    place = np.searchsorted(upper, np.searchsorted(district, drawn) + random.random(len(drawn)), side="right")
    return shares["county"].to_numpy()[np.minimum(place, len(shares) - 1)]
