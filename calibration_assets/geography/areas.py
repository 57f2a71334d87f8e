"""Areas by name: `US`, a state's postal code such as `CA`, a district such as `CA-12`; and which columns lie in one."""

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.geography.crosswalk import STATE_FIPS

NATION = "US"


def area_names(districts: np.ndarray) -> list[str]:
    """`US`, every state's postal code and every district such as `CA-12`, of district numbers such as 612."""
    postal = {number: code for code, number in STATE_FIPS.items()}
    known = np.unique(districts)
    states = [postal[state] for state in np.unique(known // 100)]
    return [NATION, *states, *(f"{postal[one // 100]}-{one % 100:02d}" for one in known)]


def area_columns(columns: pd.DataFrame, area: str) -> np.ndarray:
    """Which columns (schemas.COLUMNS) lie in an area of `area_names`, bool (columns,)."""
    if area == NATION:
        return np.ones(len(columns), dtype=bool)
    code, _, number = area.partition("-")
    if code not in STATE_FIPS or (number and not number.isdigit()):
        raise CalibrationError(
            f"area {area!r} is unknown, expected US, a state such as CA or a district such as CA-12; correct its name"
        )
    if not number:
        return columns["state"].to_numpy() == STATE_FIPS[code]
    return columns["district"].to_numpy() == STATE_FIPS[code] * 100 + int(number)
