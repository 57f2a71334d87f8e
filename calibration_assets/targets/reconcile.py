"""Hierarchical domains: district figures scaled so that they sum to their state's, then aged with it. Pure."""

from collections.abc import Sequence

import pandas as pd

from calibration_assets.errors import CalibrationError


def reconcile_domains(targets: pd.DataFrame, domains: Sequence[str], model_year: int) -> pd.DataFrame:
    """Targets with the districts of each named domain brought into line with their states.

    In a domain, for every variable and set of figures that a state and its districts both have, a district's value
    becomes original value x (state's original / sum of districts' originals) x the state's uprating factor; the state
    and national rows of the domain that are not of the model year then leave. A column `hierarchy_factor` keeps the
    first ratio (1 elsewhere). A domain that no target has is an error; districts that sum to zero stay as they are.
    """
    targets = targets.assign(hierarchy_factor=1.0)
    for domain in domains:
        targets = _reconcile(targets, domain, model_year)
    return targets


def _reconcile(targets: pd.DataFrame, domain: str, model_year: int) -> pd.DataFrame:
    inside = targets["domain_variable"] == domain
    if not inside.any():
        known = ", ".join(sorted(targets["domain_variable"].dropna().unique())[:8])
        raise CalibrationError(
            f"hierarchical domain {domain!r} has no target, expected one of {known}, …; correct the name"
        )
    keys = ["state", "variable", "reform_id", "domain_constraints"]
    districts = _with_state(targets[inside & (targets["geo_level"] == "district")], 100)
    states = _with_state(targets[inside & (targets["geo_level"] == "state")], 1)
    totals = districts.groupby(keys, dropna=False)["original_value"].sum().rename("district_sum").reset_index()
    columns = [*keys, "original_value", "uprating_factor"]
    above = totals.merge(states[columns], on=keys, validate="1:1")
    above = above[above["district_sum"] != 0]
    matched = districts[["target_id", *keys]].merge(above, on=keys, validate="m:1").set_index("target_id")
    ratio = (matched["original_value"] / matched["district_sum"]).reindex(targets["target_id"]).to_numpy()
    state_factor = matched["uprating_factor"].reindex(targets["target_id"]).to_numpy()
    moved = pd.notna(ratio)
    result = targets.copy()
    result.loc[moved, "hierarchy_factor"] = ratio[moved]
    result.loc[moved, "uprating_factor"] = state_factor[moved]
    result.loc[moved, "value"] = (result["original_value"] * result["hierarchy_factor"] * result["uprating_factor"])[
        moved
    ]
    leaves = inside & result["geo_level"].isin(["state", "national"]) & (result["period"] != model_year)
    return result[~leaves]


def _with_state(rows: pd.DataFrame, districts_a_state: int) -> pd.DataFrame:
    return rows.assign(state=rows["geographic_id"].astype(int) // districts_a_state)
