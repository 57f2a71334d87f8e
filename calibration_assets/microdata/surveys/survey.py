"""The one shape of a donor survey: its raw files, how they become donors, and what donors give to which records.

A donor table has the model's predictors, its imputed variables and `weight`, one row a donor, in dollars of the model
year. Reading the agencies' formats is `formats.py`, the imputation itself stays out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.uprating import uprating_factor
from calibration_assets.settings import MODEL_YEAR
from calibration_assets.storage.raw_cache import RawCache

WEIGHT = "weight"
FETCH_SECONDS = (10, 1800)
UPRATING = {
    "employment_income": "wages",
    "self_employment_income": "self_employment",
    "social_security": "prices",
    "pension_income": "pensions",
    "social_security_pension_income": "pensions",
    "interest_income": "taxable_interest",
    "dividend_income": "dividends",
    "interest_dividend_income": "taxable_interest",
    "rental_income": "rent",
    "pre_subsidy_rent": "prices",
    "real_estate_taxes": "prices",
    "tip_income": "wages",
    "bank_account_assets": "prices",
    "stock_assets": "prices",
    "bond_assets": "prices",
    "household_vehicles_value": "prices",
    "net_worth": "prices",
    "auto_loan_balance": "prices",
    "auto_loan_interest": "prices",
    "hourly_wage": "wages",
}
"""The class of the factor table that ages each amount; the table has none for wealth, which follows prices."""


@dataclass(frozen=True)
class RawFile:
    """A file of an agency: its name in the raw folder, its address, and the type with which a true answer begins."""

    name: str
    url: str
    content_type: str


@dataclass(frozen=True)
class DonorModel:
    """What is imputed together: the recipients' kind, the predictors, and the variables in order.

    Recipients are every `person`, every `head` (the household's reference person; its other members get nothing) or
    every `household`. `among` names the predictor that must be above zero (others give nothing and get nothing) and
    `at_most` the predictor that the values do not exceed.
    """

    name: str
    recipients: str
    predictors: tuple[str, ...]
    imputed: tuple[str, ...]
    max_donors: int
    among: str = ""
    at_most: str = ""


@dataclass(frozen=True)
class Survey:
    """An agency's survey: the year of its dollars, its files, and how they become one donor table a model."""

    key: str
    title: str
    year: int
    files: tuple[RawFile, ...]
    models: tuple[DonorModel, ...]
    read: Callable[[Mapping[str, Path]], Mapping[str, pd.DataFrame]]


def fetch_files(survey: Survey, raw_folder: Path) -> dict[str, Path]:
    """The survey's raw files by name, fetched where they are not in the raw folder yet."""
    cache = RawCache(raw_folder, timeout_seconds=FETCH_SECONDS)
    for file in survey.files:
        cache.fetch(file.name, file.url, file.content_type, _refuse_page)
    return {file.name: cache.path(file.name) for file in survey.files}


def read_donors(survey: Survey, paths: Mapping[str, Path]) -> dict[str, pd.DataFrame]:
    """A donor table for each of the survey's models, checked and aged to the model year."""
    tables = survey.read(paths)
    return {model.name: _prepare(survey, model, tables[model.name]) for model in survey.models}


def _refuse_page(body: bytes) -> None:
    if body.lstrip()[:1] == b"<":
        raise CalibrationError("the answer is a web page, expected a file of data; try again later.")


def _prepare(survey: Survey, model: DonorModel, table: pd.DataFrame) -> pd.DataFrame:
    """The donors that a model learns from, in dollars of the model year."""
    where = f"{survey.title}, {model.name}"
    weight = table[WEIGHT]
    bad = ~(weight >= 0)
    if bad.any() or not weight.any():
        found = f"{int(bad.sum()):,} negative or missing weights" if bad.any() else "no weight above zero"
        raise CalibrationError(f"{where}: {found} in {len(table):,} donors, expected weights; check the raw file.")
    wanted = weight.gt(0) & table[model.among].gt(0) if model.among else weight.gt(0)
    donors = table.loc[wanted, [*model.predictors, *model.imputed, WEIGHT]].reset_index(drop=True)
    _check_values(where, donors, model)
    for column in donors.columns.intersection(list(UPRATING)):
        donors[column] = donors[column].astype(np.float64) * uprating_factor(UPRATING[column], survey.year, MODEL_YEAR)
    return donors


def _check_values(where: str, donors: pd.DataFrame, model: DonorModel) -> None:
    """More than one donor, no missing value, and something of every variable."""
    if len(donors) < 2:
        raise CalibrationError(f"{where}: {len(donors)} donors were found, expected many; check the raw file.")
    incomplete = donors.columns[donors.isna().any()]
    if len(incomplete):
        raise CalibrationError(
            f"{where}: {incomplete[0]} is missing in {int(donors[incomplete[0]].isna().sum()):,} of {len(donors):,} "
            "donors, expected a value in each; check the raw file."
        )
    for variable in model.imputed:
        if not donors[variable].any():
            raise CalibrationError(
                f"{where}: {variable} is zero in all {len(donors):,} donors, expected values; check the raw file."
            )
