"""Marketplace consumers with a bronze plan and a credit: CMS 2024 open enrolment, state, metal level and status.

Only the states on HealthCare.gov are published by metal level. Consumers are persons; a bronze plan costs less than the
benchmark plan. Consumers of all metal levels are not a target: the premium tax credit source counts the same persons.
"""

from collections.abc import Mapping

import pandas as pd

from calibration_assets.geography.crosswalk import STATE_FIPS
from calibration_assets.targets.figures import figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2024
FILE = f"aca_marketplace_state_metal_selection_{YEAR}.csv"
URL = "https://www.cms.gov/marketplace/resources/data/public-use-files"
BRONZE, ALL = "B", "All"


def parse(raw: bytes) -> pd.DataFrame:
    """Consumers with a credit by HealthCare.gov state: geography int32, bronze and total float64."""
    columns = ["state_code", "platform", "metal_level", "enrollment_status", "aptc_consumers"]
    text = shape.read_csv(FILE, raw, columns)
    text = text[(text["platform"] == "HC.gov") & (text["aptc_consumers"] != "")]
    table = text.assign(
        geography=text["state_code"].map(STATE_FIPS), persons=shape.numbers(FILE, text["aptc_consumers"])
    ).dropna(subset="geography")
    total = table[table["metal_level"] == ALL].groupby("geography")["persons"].sum()
    is_bronze = (table["metal_level"] == BRONZE) & (table["enrollment_status"] == ALL)
    bronze = table[is_bronze].groupby("geography")["persons"].sum()
    joined = pd.concat({"bronze": bronze, "total": total}, axis="columns", join="inner").reset_index()
    shape.check_parts(FILE, joined["bronze"], joined["total"], "bronze consumers", "consumers")
    return joined.astype({"geography": "int32"})


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: person_count of the covered with a credit in a plan below the benchmark."""
    table = parse(raw[FILE]).rename(columns={"bronze": "value"})
    domain = ["used_aca_ptc>0", "is_aca_ptc_eligible==True", "selected_marketplace_plan_benchmark_ratio<1"]
    return join_figures([figure_table(table, SOURCE.key, "person_count", YEAR, domain)])


SOURCE = shape.Source(
    key="CMS Marketplace",
    publisher="Centers for Medicare & Medicaid Services",
    table="2024 open enrollment period state, metal level and enrollment status public use file",
    vintage=YEAR,
    url=URL,
    files=(shape.RawFile(FILE, None, "text/csv"),),
    figures=figures,
)
