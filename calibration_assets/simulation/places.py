"""Where the rules see households: by state, which households in which counties, and each column's county.

At state level every household is put into its state's most populous county; at county level a clone is seen in its own.
Only places: what the rules say there is the simulation's matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError

FIPS_RANGE = 100_000


@dataclass(frozen=True)
class Residents:
    """The households of a state: dataset row and county FIPS number of each, sorted by both, none twice."""

    record: np.ndarray
    county: np.ndarray

    def __len__(self) -> int:
        return len(self.record)

    def find(self, record: np.ndarray, county: np.ndarray) -> np.ndarray:
        """The number of the resident for each household row and county."""
        known, wanted = _key(self.record, self.county), _key(record, county)
        found = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        absent = np.flatnonzero(known[found] != wanted)
        if len(absent):
            raise CalibrationError(
                f"household row {record[absent[0]]} was not simulated in county {county[absent[0]]} ({len(absent):,} "
                f"of {len(wanted):,} columns), expected every column's household and county; simulate them again."
            )
        return found


@dataclass(frozen=True)
class Placement:
    """Who is simulated where, by state, and the county in which the rules see each column, (columns,)."""

    residents: Mapping[int, Residents]
    county: np.ndarray

    @classmethod
    def by_state(cls, columns: pd.DataFrame, n_households: int, counties: Mapping[int, int]) -> "Placement":
        """Every household in every state, in the county of `counties`; columns are schemas.COLUMNS."""
        everyone = np.arange(n_households)
        residents = {state: Residents(everyone, np.full(n_households, county)) for state, county in counties.items()}
        return cls(residents, columns["state"].map(counties).to_numpy(np.int64))

    @classmethod
    def by_county(cls, columns: pd.DataFrame) -> "Placement":
        """Every clone in its own county; a household's clones in the same county are simulated once."""
        pairs = columns[["state", "record", "county"]].drop_duplicates().sort_values(["state", "record", "county"])
        residents = {
            int(str(state)): Residents(part["record"].to_numpy(np.int64), part["county"].to_numpy(np.int64))
            for state, part in pairs.groupby("state")
        }
        return cls(residents, columns["county"].to_numpy(np.int64))


def default_counties(county_shares: pd.DataFrame) -> dict[int, int]:
    """Each state's most populous county, by FIPS number: districts are equal in population, so shares add up.

    `county_shares` is schemas.COUNTY_SHARES.
    """
    by_state = county_shares.assign(state=county_shares["county"] // 1000).groupby(["state", "county"])
    totals = by_state["probability"].sum()
    return {int(state): int(county) for state, county in totals.groupby(level="state").idxmax()}


def _key(record: np.ndarray, county: np.ndarray) -> np.ndarray:
    return np.asarray(record, dtype=np.int64) * FIPS_RANGE + county
