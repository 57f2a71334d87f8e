"""Target names, as the manual's users read them: `<place>/<variable>[_expenditure]/[constraints]`. Pure and unique."""

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.constraints import GEOGRAPHIC_VARIABLES

_PREFIX = {"national": "", "state": "state_", "district": "cd_"}


def target_names(targets: pd.DataFrame, constraints: pd.DataFrame) -> list[str]:
    """The name of every row of `targets`, e.g. `cd_101/household_count/[snap>0]`; two rows of one name are an error."""
    domains = domain_texts(targets["stratum_id"], constraints)
    place = targets["geo_level"].map(_PREFIX) + targets["geographic_id"]
    place = place.where(targets["geo_level"] != "national", "national")
    expenditure = (targets["reform_id"] > 0).map({True: "_expenditure", False: ""})
    suffix = domains.map({text: f"/[{text}]" if text else "" for text in domains.unique()})
    names = place + "/" + targets["variable"] + expenditure + suffix
    repeated = names[names.duplicated()]
    if len(repeated):
        raise CalibrationError(
            f"target name {repeated.iloc[0]} stands for two targets, expected one; remove the repetition"
        )
    return names.tolist()


def domain_texts(stratum_ids: pd.Series, constraints: pd.DataFrame) -> pd.Series:
    """Each stratum's constraints that are not geographic, joined by commas in stored order."""
    inside = constraints[~constraints["constraint_variable"].isin(GEOGRAPHIC_VARIABLES)]
    parts: dict[int, list[str]] = {}
    columns = (inside[column].tolist() for column in ("stratum_id", "constraint_variable", "operation", "value"))
    for stratum, variable, operation, value in zip(*columns, strict=True):
        parts.setdefault(stratum, []).append(f"{variable}{operation}{value}")
    texts = [",".join(parts.get(stratum, ())) for stratum in stratum_ids.tolist()]
    return pd.Series(texts, index=stratum_ids.index, dtype="str")
