"""SNAP households and benefits: USDA FNS national data bank, state totals of a fiscal year (October to September).

Households are the average of the months; cost is the year's benefits in dollars. The sheets are FNS regions; a state's
block begins with its name and ends with the row Total.
"""

import io
import zipfile
from collections.abc import Mapping

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.figures import NATION, figure_table, join_figures
from calibration_assets.targets.sources import source as shape
from calibration_assets.targets.sources.states import STATE_NAMES

YEAR = 2024
FILE = "snap_fy69tocurrent.zip"
URL = "https://www.fns.usda.gov/sites/default/files/resource-files/snap-zip-fy69tocurrent-6.zip"
REGIONS = ("NERO", "MARO", "SERO", "MWRO", "SWRO", "MPRO", "WRO")
NATIONAL_SHEET = "US Summary"
HOUSEHOLDS, COST = 1, 3
"""Column positions; the header names them over three rows."""


def parse(raw: bytes, year: int = YEAR) -> pd.DataFrame:
    """Rows of the nation, 50 states and DC: geography int32, households and cost (dollars) float64."""
    workbook = f"FY{year % 100}.xlsx"
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            sheets = pd.read_excel(io.BytesIO(archive.read(workbook)), sheet_name=None, header=None)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise CalibrationError(f"{FILE} holds no readable {workbook} ({error}); fetch it again") from error
    missing = [name for name in (*REGIONS, NATIONAL_SHEET) if name not in sheets]
    if missing:
        raise CalibrationError(
            f"{FILE}, {workbook} has no sheet {missing[0]}, expected one a region; correct the parser"
        )
    codes = {**STATE_NAMES, NATIONAL_SHEET: NATION}
    blocks = pd.concat([_read_blocks(sheets[name]) for name in (*REGIONS, NATIONAL_SHEET)], ignore_index=True)
    inside = blocks[blocks["name"].isin(codes)]
    table = pd.DataFrame(
        {
            "geography": inside["name"].map(codes).astype("int32"),
            "households": shape.numbers(FILE, inside["households"]),
            "cost": shape.numbers(FILE, inside["cost"]),
        }
    )
    shape.check_states(FILE, table.loc[table["geography"] != NATION, "geography"])
    return table.sort_values("geography", ignore_index=True)


def _read_blocks(sheet: pd.DataFrame) -> pd.DataFrame:
    header = [" ".join(map(str, column)) for column in sheet.iloc[5:7].to_numpy().T]
    if "Household" not in header[HOUSEHOLDS] or "Cost" not in header[COST]:
        raise CalibrationError(
            f"{FILE}, row 6: columns {HOUSEHOLDS} and {COST} are {header[HOUSEHOLDS]!r} and {header[COST]!r}, expected "
            "households and cost; correct the parser"
        )
    is_name = sheet[HOUSEHOLDS].isna() & sheet[0].notna()
    names = sheet[0].where(is_name).ffill().astype(str).str.strip()
    totals = sheet[sheet[0].astype(str).str.strip() == "Total"]
    return pd.DataFrame(
        {
            "name": names[totals.index],
            "households": totals[HOUSEHOLDS].astype(str),
            "cost": totals[COST].astype(str),
        }
    )


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: household_count and snap (dollars) where snap > 0, by state; the nation's households.

    The nation's benefits are targeted by the Congressional Budget Office's figure.
    """
    table = parse(raw[FILE])
    households = table.rename(columns={"households": "value"})
    cost = table[table["geography"] != NATION].rename(columns={"cost": "value"})
    return join_figures(
        [
            figure_table(households, SOURCE.key, "household_count", YEAR, ["snap>0"]),
            figure_table(cost, SOURCE.key, "snap", YEAR, ["snap>0"]),
        ]
    )


SOURCE = shape.Source(
    key="USDA FNS SNAP",
    publisher="USDA Food and Nutrition Service",
    table="SNAP data tables, state monthly participation and benefits, fiscal year totals",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, URL, "application/zip", parse),),
    figures=figures,
)
