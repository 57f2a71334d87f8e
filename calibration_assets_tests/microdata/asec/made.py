"""A made ASEC in the Census Bureau's layout: four households with persons and one without, values as in the file.

    household 1, California: a couple with two children, the wife self-employed; one family, one tax unit
    household 2, Texas: a widow of 80 on Social Security and an IRA; a lodger of 24 who studies (own family and units)
    household 3, New York: a father and his son of 17 who files a return of his own and is claimed on his father's
    household 4, Vermont: nobody interviewed, no persons
"""

import io
import zipfile

import pandas as pd

from calibration_assets.microdata.asec.records import needed_columns

FILLERS = {
    "person": {"PERIDNUM": "22222222222222222222 1", "A_HGA": 40},
    "family": {"FHIP_VAL": 0},
    "household": {"H_YEAR": 2025},
}
"""Columns that the file has and nobody reads."""

HOUSEHOLDS = [
    {"H_SEQ": 1, "GESTFIPS": 6, "HSUP_WGT": 150_025, "H_TENURE": 1},
    {"H_SEQ": 2, "GESTFIPS": 48, "HSUP_WGT": 200_000, "H_TENURE": 2},
    {"H_SEQ": 3, "GESTFIPS": 36, "HSUP_WGT": 99_900, "H_TENURE": 3},
    {"H_SEQ": 4, "GESTFIPS": 50, "HSUP_WGT": 0, "H_TENURE": 0},
]

FAMILIES = [
    {"FH_SEQ": 1, "FFPOS": 1},
    {"FH_SEQ": 2, "FFPOS": 1},
    {"FH_SEQ": 2, "FFPOS": 2},
    {"FH_SEQ": 3, "FFPOS": 1},
]

PERSONS = [
    {
        "PH_SEQ": 1, "A_LINENO": 1, "PF_SEQ": 1, "TAX_ID": 101, "SPM_ID": 1001, "A_SPOUSE": 2, "A_EXPRRP": 1,
        "A_AGE": 41, "A_SEX": 1, "WSAL_VAL": 80_000, "INT_VAL": 1_000, "DIV_VAL": 500, "RETCB_VAL": 10_000, "HRSWK": 40,
        "WKSWORK": 52, "NOW_GRP": 1, "PRCITSHP": 1, "SPM_CAPHOUSESUB": 0, "SPM_ENGVAL": 300, "SPM_TENMORTSTATUS": 1,
        "A_HRS1": 38, "CAP_VAL": 2_000,
    },
    {
        "PH_SEQ": 1, "A_LINENO": 2, "PF_SEQ": 1, "TAX_ID": 101, "SPM_ID": 1001, "A_SPOUSE": 1, "A_EXPRRP": 4,
        "A_AGE": 39, "A_SEX": 2, "SEMP_VAL": -4_000, "RETCB_VAL": 1_000, "NOW_GRP": 1, "PRCITSHP": 5, "A_HRS1": -4,
        "SPM_ENGVAL": 300, "SPM_TENMORTSTATUS": 1, "PRDTHSP": 1,
    },
    {
        "PH_SEQ": 1, "A_LINENO": 3, "PF_SEQ": 1, "TAX_ID": 101, "SPM_ID": 1001, "A_EXPRRP": 5, "A_AGE": 8, "A_SEX": 1,
        "DEP_STAT": 1, "PEPAR1": 1, "PEPAR2": 2, "NOW_CAID": 1, "SPM_ENGVAL": 300, "SPM_TENMORTSTATUS": 1,
    },
    {
        "PH_SEQ": 1, "A_LINENO": 4, "PF_SEQ": 1, "TAX_ID": 101, "SPM_ID": 1001, "A_EXPRRP": 5, "A_AGE": 5, "A_SEX": 2,
        "DEP_STAT": 1, "PEPAR1": 2, "NOW_CAID": 1, "SPM_ENGVAL": 300, "SPM_TENMORTSTATUS": 1,
    },
    {
        "PH_SEQ": 2, "A_LINENO": 1, "PF_SEQ": 1, "TAX_ID": 201, "SPM_ID": 2001, "A_EXPRRP": 2, "A_AGE": 80, "A_SEX": 2,
        "A_MARITL": 4, "SS_VAL": 24_000, "RESNSS1": 1, "DST_SC1": 4, "DST_VAL1": 6_000, "DST_SC2": 3, "DST_VAL2": 1_500,
        "PNSN_VAL": 5_000, "ANN_VAL": 1_000, "PEMCPREM": 2_096, "PEDISPHY": 1, "SPM_TENMORTSTATUS": 3,
        "SPM_CAPHOUSESUB": 4_200,
    },
    {
        "PH_SEQ": 2, "A_LINENO": 2, "PF_SEQ": 2, "TAX_ID": 202, "SPM_ID": 2002, "A_EXPRRP": 14, "A_AGE": 24, "A_SEX": 1,
        "WSAL_VAL": 9_000, "PRCITSHP": 5, "PEIO1COW": 3, "A_HSCOL": 2, "A_FTPT": 1, "ED_VAL": 3_000,
        "OI_OFF": 20, "OI_VAL": 700, "LKWEEKS": -1, "SPM_TENMORTSTATUS": 3,
    },
    {
        "PH_SEQ": 3, "A_LINENO": 1, "PF_SEQ": 1, "TAX_ID": 301, "SPM_ID": 3001, "A_EXPRRP": 1, "A_AGE": 45, "A_SEX": 1,
        "WSAL_VAL": 60_000, "UC_VAL": 2_500, "LKWEEKS": 9, "DIS_SC1": 1, "DIS_VAL1": 800, "DIS_SC2": 3, "DIS_VAL2": 400,
        "WC_VAL": 800, "SS_VAL": 3_600, "RESNSS1": 8, "SPM_TENMORTSTATUS": 3,
    },
    {
        "PH_SEQ": 3, "A_LINENO": 2, "PF_SEQ": 1, "TAX_ID": 302, "SPM_ID": 3001, "A_EXPRRP": 5, "A_AGE": 17, "A_SEX": 1,
        "DEP_STAT": 1, "PEPAR1": 1, "WSAL_VAL": 15_000, "SPM_TENMORTSTATUS": 3,
    },
]  # fmt: skip


def made_tables() -> dict[str, pd.DataFrame]:
    """Person, family and household tables with every column that is read (0 where nothing is said) and some others."""
    persons = [{"P_SEQ": row["A_LINENO"], "PRCITSHP": 1, "PRDTRACE": 1, **row} for row in PERSONS]
    rows = {"person": persons, "family": FAMILIES, "household": HOUSEHOLDS}
    return {
        kind: pd.DataFrame(rows[kind]).reindex(columns=columns).fillna(0).astype(int).assign(**FILLERS[kind])
        for kind, columns in needed_columns().items()
    }


def write_zip(path, tables=None, survey_year=2025, leave_out=()):
    """The zip as the Census Bureau packs it; returns its path."""
    stems = {"person": "pppub", "family": "ffpub", "household": "hhpub"}
    with zipfile.ZipFile(path, "w") as archive:
        for kind, table in (tables or made_tables()).items():
            if kind not in leave_out:
                buffer = io.StringIO()
                table.to_csv(buffer, index=False)
                archive.writestr(f"{stems[kind]}{survey_year % 100:02}.csv", buffer.getvalue())
    return path
