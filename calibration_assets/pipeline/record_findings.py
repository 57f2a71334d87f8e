"""What is found in records before they are weighted: their means, and how well what was imputed repeats its donors.

Of a Public Use File's donors the findings tell counts and names of variables alone.
"""

import math
from collections.abc import Iterator

import pandas as pd

from calibration_assets.microdata import sources
from calibration_assets.microdata.plausible import RECORD_MEANS, Range, describe_means
from calibration_assets.pipeline.findings import Finding, dataset_contract, shown
from calibration_assets.pipeline.imputed import QUALITY_FILE
from calibration_assets.settings import ImputationBounds
from calibration_assets.storage.store import StoredValue

ERRORS = 3
NUMBERS = ("mean_donors", "mean_imputed", "zero_share_donors", "zero_share_imputed")


def record_findings(records: StoredValue) -> Iterator[Finding]:
    """Whether records keep the contract, and how many of their means, by their own weights, are not plausible."""
    contract = dataset_contract(records)
    yield contract
    if contract.passed:
        dataset, _ = sources.read_records(records.folder)
        yield means_finding("record_means", describe_means(dataset), RECORD_MEANS)
    else:
        yield Finding("record_means", False, math.nan, math.nan, "The records cannot be read.")


def means_finding(check: str, means: dict[str, float], ranges: dict[str, Range]) -> Finding:
    """How many weighted means lie outside the range that is plausible for them."""
    rows = pd.DataFrame(
        [
            {"mean": name, "found": means[name], "lowest": ranges[name].low, "highest": ranges[name].high}
            for name in ranges
            if name in means
        ]
    )
    outside = rows[~rows["found"].between(rows["lowest"], rows["highest"])]
    sentence = f"{len(outside)} of {len(rows)} means are outside their range."
    if not outside.empty:
        sentence += f" The first: {outside.iloc[0]['mean']}, {outside.iloc[0]['found']:,.4g}."
    return Finding(check, outside.empty, len(outside), 0, sentence, shown(rows))


def held_out_donors(imputed_cps: StoredValue, bounds: ImputationBounds) -> Finding:
    """Variables whose mean or share of zeros, imputed to donors that were held out, is far from those donors' own."""
    judged = [pd.DataFrame(imputed_cps.metadata.get("held-out donors", []))]
    if QUALITY_FILE in imputed_cps.files:
        judged.append(pd.read_csv(imputed_cps.folder / QUALITY_FILE).assign(source="puf"))
    table = pd.concat(judged, ignore_index=True)
    if table.empty:
        return Finding("held_out_donors", True, 0, 0, "Nothing was imputed, or from too few donors to hold some out.")
    return judge_held_out(table, bounds)


def judge_held_out(table: pd.DataFrame, bounds: ImputationBounds) -> Finding:
    """Judge rows of `imputation.quality.forest_quality` with their `source`; numbers of the PUF are not shown.

    A difference counts where it exceeds its bound and ERRORS of its standard errors, since tails are heavy.
    """
    zeros = (table["zero_share_imputed"] - table["zero_share_donors"]).abs()
    mean = (table["mean_imputed"] - table["mean_donors"]).abs()
    is_far = (zeros > bounds.largest_zero_points / 100) & (zeros > ERRORS * table["zero_share_error"])
    is_far |= (mean > bounds.largest_mean_pct / 100 * table["mean_donors"].abs()) & (
        mean > ERRORS * table["mean_error"]
    )
    far = table[is_far]
    rows = far[["source", "variable", *NUMBERS]].astype(dict.fromkeys(NUMBERS, object))
    rows.loc[rows["source"] == "puf", list(NUMBERS)] = "private"
    share = 100 * len(far) / len(table)
    sentence = (
        f"{len(far)} of {len(table)} imputed variables are off by more than {bounds.largest_mean_pct:g} % of the mean "
        f"or {bounds.largest_zero_points:g} points of zeros on donors that were held out."
    )
    return Finding(
        "held_out_donors", share <= bounds.largest_far_pct, share, bounds.largest_far_pct, sentence, shown(rows)
    )
