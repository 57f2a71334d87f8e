"""The README of `reference/`, from the compiled tables: families by level, sources, uprating, consistency. Pure."""

import pandas as pd

_HEAD = """# Reference figures

Compiled from public tables by `python -m calibration_assets.targets.compile --raw FOLDER`, which also writes this page.
`figures.parquet` holds one row a target: source, geography (0 the nation, a state's FIPS number or a district's),
variable, constraints, period and value, in dollars a year, persons or units, of the source's own year.
`variables`, `parameters` and `counties` come from policyengine-us {version}
(`python -m calibration_assets.simulation.catalogue`), `county_shares` from the 2020 census.
"""


def write_readme(
    targets: pd.DataFrame, sources: pd.DataFrame, uprating: pd.DataFrame, consistency: pd.DataFrame, version: str
) -> str:
    """The page as Markdown: `targets` and `consistency` as `read_targets` and `consistency_report` give them."""
    return "\n".join(
        [
            _HEAD.format(version=version),
            f"## {len(targets):,} active targets, by family\n\n"
            "A family is a variable and what its domain is cut by; the totals are aged to the model year.\n",
            _table(_families(targets)),
            "## Sources\n",
            _table(_sources(targets, sources)),
            "## Uprating\n\nA figure keeps its value and year; its factor to another year is in `uprating.parquet`.\n",
            _table(_factors(uprating)),
            "## Consistency\n\nAll figures aged to the model year; tolerances and exceptions are in "
            "`targets/consistency.py`.\n",
            _verdicts(consistency),
            _table(_widest(consistency)),
        ]
    )


def _families(targets: pd.DataFrame) -> pd.DataFrame:
    families = targets.assign(domain=targets["domain_variable"].fillna(""))
    groups = families.groupby(["variable", "domain"])
    counts = families.pivot_table("value", ["variable", "domain"], "geo_level", "count", fill_value=0).astype(int)
    sums = families.pivot_table("value", ["variable", "domain"], "geo_level", "sum")
    table = counts.join(sums.add_suffix(" sum")).assign(period=groups["period"].agg(lambda years: _span(years)))
    for column in sums.add_suffix(" sum"):
        table[column] = [f"{value:,.4g}" if pd.notna(value) else "" for value in table[column]]
    return table.reset_index()


def _span(years: pd.Series) -> str:
    return "-".join(sorted({str(years.min()), str(years.max())}))


def _sources(targets: pd.DataFrame, sources: pd.DataFrame) -> pd.DataFrame:
    counts = targets.groupby("source").size().rename("targets")
    table = sources.join(counts, on="source")[["source", "table_name", "vintage", "targets", "url"]]
    return table.astype({"targets": "Int64"})


def _factors(uprating: pd.DataFrame) -> pd.DataFrame:
    to_model_year = uprating[(uprating["to_year"] == 2024) & uprating["from_year"].isin([2021, 2022, 2023])]
    factors = to_model_year.pivot_table("factor", ["uprating_class", "method"], "from_year").round(4)
    return factors.add_prefix("from ").reset_index().fillna("")


def _verdicts(consistency: pd.DataFrame) -> str:
    counts = consistency["verdict"].value_counts()
    return (
        f"{len(consistency)} comparisons: " + ", ".join(f"{number} {name}" for name, number in counts.items()) + ".\n"
    )


def _widest(consistency: pd.DataFrame) -> pd.DataFrame:
    shown = consistency[(consistency["verdict"] != "ok") | (consistency["gap"] > 0.005)]
    values = {name: [f"{value:,.4g}" for value in shown[name]] for name in ("left_value", "right_value")}
    gaps = [f"{value:.2%}" for value in shown["gap"]]
    return shown.assign(**values, gap=gaps).drop(columns=["check", "tolerance"])


def _table(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns), *frame.astype(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows) + "\n"
