"""Pregnant persons by state: CDC provisional monthly live births (`hmz2-vwda`), annualised, times 39 of 52 weeks."""

import json
from collections.abc import Mapping

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.figures import figure_table, join_figures
from calibration_assets.targets.sources import source as shape
from calibration_assets.targets.sources.states import STATE_NAMES

YEAR = 2024
FILE = f"cdc_vsrr_births_{YEAR}.json"
URL = "https://data.cdc.gov/resource/hmz2-vwda.json"
PREGNANT_SHARE_OF_YEAR = 39 / 52


def parse(raw: bytes, year: int = YEAR) -> pd.DataFrame:
    """Births of a year by state: geography int32, value float64; a year in progress counts as its months say."""
    try:
        rows = pd.DataFrame(json.loads(raw))
    except ValueError as error:
        raise CalibrationError(f"{FILE} is not a JSON list of months ({error}); fetch it again") from error
    columns = ["state", "year", "month", "period", "indicator", "data_value"]
    shape.check_columns(FILE, rows, columns)
    monthly = rows[
        (rows["indicator"] == "Number of Live Births")
        & (rows["period"] == "Monthly")
        & (rows["year"].astype(str) == str(year))
        & rows["state"].str.title().str.replace(" Of ", " of ").isin(STATE_NAMES)
    ]
    table = pd.DataFrame(
        {
            "geography": monthly["state"].str.title().str.replace(" Of ", " of ").map(STATE_NAMES).astype("int32"),
            "month": monthly["month"],
            "value": shape.numbers(FILE, monthly["data_value"].astype(str)),
        }
    )
    if table.duplicated(["geography", "month"]).any():
        raise CalibrationError(f"{FILE} repeats a state's month, expected each once; fetch it again")
    births = table.groupby("geography")["value"].mean().mul(12).reset_index()
    shape.check_states(FILE, births["geography"])
    return births


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: person_count where is_pregnant, at a moment of the year."""
    births = parse(raw[FILE])
    pregnant = births.assign(value=births["value"] * PREGNANT_SHARE_OF_YEAR)
    return join_figures([figure_table(pregnant, SOURCE.key, "person_count", YEAR, ["is_pregnant==True"])])


SOURCE = shape.Source(
    key="CDC VSRR Natality",
    publisher="Centers for Disease Control and Prevention",
    table="VSRR state and national provisional counts for live births",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, f"{URL}?year={YEAR}&$limit=50000", "application/json", parse),),
    figures=figures,
)
