"""Tax units of the public CPS file inside taxcalc, aged to the model year by taxcalc itself.

Holds what needs taxcalc (imported inside the function; `pip install 'calibration-assets[cps]'`) and nothing else:
persons and entities are made from the units elsewhere.
"""

import importlib.metadata
from types import ModuleType

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError

AGI_STEPS = (
    "EI_PayrollTax",
    "DependentCare",
    "Adj",
    "ALD_InvInc_ec_base",
    "CapGainsLoss",
    "AGIIncome",
    "SSBenefits",
    "AGI",
)
"""The functions, in taxcalc's own order, that its adjusted gross income (c00100) depends on; the forty others that
`Calculator.calc_all` runs after them cost half a minute and change nothing here."""


def read_units(year: int) -> pd.DataFrame:
    """One row per tax unit of the CPS file: its columns in dollars of `year`, and its AGI as `c00100`.

    `FLPDYR` stays the survey year that the unit comes from (2012 to 2014), which with `h_seq` names its household.
    """
    taxcalc = _import_taxcalc()
    raw = taxcalc.Records.read_cps_data()
    survey_year = raw["FLPDYR"].to_numpy()
    columns = [column for column in raw.columns if column != "FLPDYR"]
    records = taxcalc.Records.cps_constructor(data=raw)
    policy = taxcalc.Policy()
    policy.set_year(year)
    while records.current_year < year:
        records.increment_year()
    for step in AGI_STEPS:
        getattr(taxcalc.calcfunctions, step)(policy, records)
    arrays = {column: np.asarray(getattr(records, column)) for column in [*columns, "c00100"]}
    return pd.DataFrame({"FLPDYR": survey_year, **arrays})


def taxcalc_version() -> str:
    """The installed taxcalc, without importing it (numba takes seconds)."""
    try:
        return importlib.metadata.version("taxcalc")
    except importlib.metadata.PackageNotFoundError:
        return "that is not installed"


def _import_taxcalc() -> ModuleType:
    """taxcalc, or a sentence that says how to get it."""
    try:
        import taxcalc
        import taxcalc.calcfunctions
    except ModuleNotFoundError as error:
        raise CalibrationError(
            f"dataset taxcalc: the package {error.name} is not installed, expected taxcalc with its public CPS file; "
            "run pip install 'calibration-assets[cps]'."
        ) from error
    module: ModuleType = taxcalc
    return module
