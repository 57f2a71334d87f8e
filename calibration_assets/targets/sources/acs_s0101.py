"""Population by age: Census ACS 1-year subject table S0101, persons in 18 age bins.

Nation, states and districts of the 119th Congress.
"""

from collections.abc import Mapping
from functools import partial

import pandas as pd

from calibration_assets.targets.constraints import band
from calibration_assets.targets.figures import figure_table, join_figures
from calibration_assets.targets.sources import source as shape

YEAR = 2024
URL = f"https://api.census.gov/data/{YEAR}/acs/acs1/subject"
LEVELS = {"national": "us:*", "state": "state:*", "district": "congressional district:*&in=state:*"}
AGE_BINS = {
    f"S0101_C01_{2 + step:03}E": (5.0 * step, 5.0 * step + 5 if step < 17 else float("inf")) for step in range(18)
}
"""Column of the estimate and the ages [lower, upper) that it counts."""


def parse(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Persons by geography (int32) with one float64 column an age bin, of all three levels; territories dropped."""
    return pd.concat([_parse_level(name, raw[name]) for name in sorted(raw)], ignore_index=True)


def _parse_level(name: str, raw: bytes) -> pd.DataFrame:
    answer = shape.read_census_json(name, raw, ["GEO_ID", "S0101_C01_001E", *AGE_BINS])
    table = answer[list(AGE_BINS)].apply(lambda column: shape.numbers(name, column))
    total = shape.numbers(name, answer["S0101_C01_001E"])
    shape.check_sums(name, table.sum(axis="columns"), total, "age bins", "the total population")
    table.insert(0, "geography", shape.geography_from_ucgid(answer["GEO_ID"]))
    table = table.dropna(subset="geography").astype({"geography": "int32"})
    if "state" in name:
        shape.check_states(name, table["geography"])
    if "district" in name:
        shape.check_districts(name, table["geography"])
    return table


def figures(raw: Mapping[str, bytes]) -> pd.DataFrame:
    """Targets: person_count by age bin."""
    table = parse(raw)
    return join_figures(
        [
            figure_table(
                table[["geography", column]].rename(columns={column: "value"}),
                SOURCE.key, "person_count", YEAR, band("age", *ages),
            )
            for column, ages in AGE_BINS.items()
        ]
    )  # fmt: skip


SOURCE = shape.Source(
    key="Census ACS S0101",
    publisher="Census Bureau",
    table="ACS 1-year subject table S0101, age and sex",
    vintage=YEAR,
    url=URL,
    files=tuple(
        shape.RawFile(
            f"acs_S0101_{level}_{YEAR}.json",
            f"{URL}?get=group(S0101)&for={place}",
            "application/json",
            partial(_parse_level, f"acs_S0101_{level}_{YEAR}.json"),
        )
        for level, place in LEVELS.items()
    ),
    figures=figures,
)
