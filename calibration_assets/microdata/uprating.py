"""Ages dollars of one year to another by the project's one table of factors (`reference/uprating.parquet`).

Which class a variable belongs to stays with its source; how factors are made stays with the target database.
"""

from functools import cache

from calibration_assets.errors import CalibrationError
from calibration_assets.storage.reference import read_reference


@cache
def uprating_factor(uprating_class: str, from_year: int, to_year: int) -> float:
    """The ratio of the class's level in `to_year` to that in `from_year`; 1 within a year; none is an error."""
    if from_year == to_year:
        return 1.0
    table = read_reference("uprating")
    row = table[
        table["uprating_class"].eq(uprating_class)
        & table["from_year"].eq(from_year)
        & table["to_year"].eq(to_year)
    ]
    if len(row) != 1:
        raise CalibrationError(
            f"uprating {uprating_class} from {from_year} to {to_year}: {len(row)} factors were found, expected one; "
            "compile the table for these years or choose another vintage."
        )
    return float(row["factor"].iloc[0])
