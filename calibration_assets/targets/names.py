"""Target names, as the manual's users read them: `<place>/<variable>[_expenditure]/[constraints]`. Pure and unique."""

import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.constraints import GEOGRAPHIC_VARIABLES

_PREFIX = {"national": "", "state": "state_", "district": "cd_"}


def target_names(targets: pd.DataFrame, constraints: pd.DataFrame) -> list[str]:
    """The name of every row of `targets`, e.g. `cd_101/household_count/[snap>0]`; two rows of one name are an error."""
    inside = constraints[~constraints["constraint_variable"].isin(GEOGRAPHIC_VARIABLES)]
    parts = inside["constraint_variable"] + inside["operation"] + inside["value"]
    suffix = parts.groupby(inside["stratum_id"], sort=False).agg(",".join).map("/[{}]".format)
    place = targets["geo_level"].map(_PREFIX) + targets["geographic_id"]
    place = place.where(targets["geo_level"] != "national", "national")
    expenditure = (targets["reform_id"] > 0).map({True: "_expenditure", False: ""})
    names = (
        place + "/" + targets["variable"] + expenditure + suffix.reindex(targets["stratum_id"]).fillna("").to_numpy()
    )
    repeated = names[names.duplicated()]
    if len(repeated):
        raise CalibrationError(
            f"target name {repeated.iloc[0]} stands for two targets, expected one; remove the repetition"
        )
    return names.tolist()
