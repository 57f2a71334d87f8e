"""TANF families and basic assistance: HHS ACF caseload and financial data, fiscal year 2024.

Families are the average month's (workbook sheet `TFam`, the last filled column); dollars are the row `Basic
Assistance`, column `All Funds`, of each state's sheet, federal and state money together.
"""

import io
from collections.abc import Mapping

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.figures import NATION, figure_table, join_figures
from calibration_assets.targets.sources import source as shape
from calibration_assets.targets.sources.states import STATE_NAMES

YEAR = 2024
CASELOAD = f"tanf_caseload_{YEAR}.xlsx"
FINANCIAL = f"tanf_financial_{YEAR}.xlsx"
URL = "https://acf.gov/ofa/data/tanf-data-reports"
SHEET = "TFam"
HEADER_ROW = 4
ROW, COLUMN = "basic assistance", "all funds"


def parse(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """By state: geography int32, families and dollars float64."""
    table = _parse_families(raw[CASELOAD]).merge(_parse_dollars(raw[FINANCIAL]), on="geography", validate="1:1")
    shape.check_states(f"{CASELOAD} with {FINANCIAL}", table["geography"])
    return table.sort_values("geography", ignore_index=True)


def _parse_families(raw: bytes) -> pd.DataFrame:
    sheet = _read_sheets(CASELOAD, raw).get(SHEET)
    if sheet is None or len(sheet) <= HEADER_ROW:
        raise CalibrationError(
            f"{CASELOAD} has no sheet {SHEET} with a header in row {HEADER_ROW + 1}; correct the parser"
        )
    rows = sheet.iloc[HEADER_ROW + 1 :].dropna(axis="columns", how="all")
    names = rows.iloc[:, 0].astype(str).str.strip().str.rstrip("*")
    inside = names.isin(STATE_NAMES)
    average = rows[inside].iloc[:, -1].astype(str)
    families = shape.numbers(CASELOAD, average.rename("last column"))
    return pd.DataFrame({"geography": names[inside].map(STATE_NAMES).astype("int32"), "families": families})


def _parse_dollars(raw: bytes) -> pd.DataFrame:
    sheets = _read_sheets(FINANCIAL, raw)
    rows = [
        {"geography": code, "dollars": _find_cell(name, sheets[name])}
        for name, code in STATE_NAMES.items()
        if name in sheets
    ]
    return pd.DataFrame(rows, columns=["geography", "dollars"]).astype({"geography": "int32", "dollars": "float64"})


def _find_cell(name: str, sheet: pd.DataFrame) -> float:
    words = sheet.astype(str).apply(lambda column: column.str.strip().str.lower())
    columns = words.columns[(words == COLUMN).any()]
    rows = words.index[words[0] == ROW]
    if len(columns) != 1 or len(rows) != 1:
        raise CalibrationError(
            f"{FINANCIAL}, sheet {name} has {len(rows)} rows `{ROW}` and {len(columns)} columns `{COLUMN}`, "
            "expected one of each; correct the parser"
        )
    return float(shape.numbers(FINANCIAL, sheet.loc[rows, columns[0]].astype(str).rename(COLUMN)).iloc[0])


def _read_sheets(name: str, raw: bytes) -> dict[str, pd.DataFrame]:
    try:
        return pd.read_excel(io.BytesIO(raw), sheet_name=None, header=None)
    except ValueError as error:
        raise CalibrationError(f"{name} is not a workbook ({error}); fetch it again") from error


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets by state and for the nation: spm_unit_count and tanf (dollars) where tanf > 0."""
    table = parse(raw)
    nation = table.drop(columns="geography").sum().to_frame().T.assign(geography=NATION)
    both = pd.concat([nation, table], ignore_index=True)
    return join_figures(
        [
            figure_table(both.rename(columns={column: "value"}), SOURCE.key, variable, YEAR, ["tanf>0"])
            for column, variable in (("families", "spm_unit_count"), ("dollars", "tanf"))
        ]
    )


SOURCE = shape.Source(
    key="HHS ACF TANF",
    publisher="HHS Administration for Children and Families",
    table="TANF caseload data and TANF and MOE spending, fiscal year",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(CASELOAD, None, "spreadsheet"), shape.RawFile(FINANCIAL, None, "spreadsheet")),
    figures=figures,
)
