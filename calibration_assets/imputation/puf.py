"""PUF cloning: every household of the records a second time, with the tax detail that donors of the PUF give it.

Two forests with the same predictors: `full` draws all variables for the second half; `override` draws those that the
survey knows badly, and its draws replace them in both halves, where the records hold them. Reading the PUF, doubling
itself and the limits of contributions are elsewhere. What is returned beside the records holds counts alone.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.doubling import double_records
from calibration_assets.imputation.forest import TREES, draw_donors, fit_forest, impute
from calibration_assets.imputation.puf_growth import uprate_donors
from calibration_assets.imputation.puf_records import SOCIAL_SECURITY, Place, find_places, person_predictors
from calibration_assets.imputation.quality import forest_quality
from calibration_assets.imputation.retirement import RetirementLimits
from calibration_assets.imputation.second_half import SecondHalf
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import PERSON, group_rows
from calibration_assets.microdata.puf import PREDICTORS, PufDonors, puf_variables

VERSION = 1
TRAINING_ROWS = 20_000
HELD_OUT_ROWS = 2_000
SAMPLE_SEED = 42
TOP_SHARE = 0.995
"""Every donor whose return's income lies at or above this quantile is trained on."""


@dataclass(frozen=True)
class PufClone:
    """The doubled records, how well each forest does on held-out donors, and counts fit to be shown."""

    dataset: Dataset
    quality: pd.DataFrame
    counts: dict[str, Any]


def clone_with_puf(
    dataset: Dataset, donors: PufDonors, limits: RetirementLimits, seed: int, trees: int = TREES
) -> PufClone:
    """Double the records; the second half has weight 0 and the PUF's variables."""
    plan = _plan(dataset, donors)
    uprated = uprate_donors(donors, dataset.period)
    drawn, quality = _draw_all(uprated, plan, person_predictors(dataset), seed, trees)
    override = drawn.get("override", pd.DataFrame())
    second_half = drawn["full"].assign(**{name: override[name] for name in map(str, override.columns)})
    first, second = _by_entity(dataset, override, plan.places), _by_entity(dataset, second_half, plan.places)
    second.setdefault(PERSON, {}).update(_from_records(dataset, second_half, limits, seed, trees))
    return PufClone(double_records(dataset, first, second, plan.defaults), quality, plan.counts)


@dataclass(frozen=True)
class _Plan:
    """What is drawn, from which donors and predictors, where it goes, and what is left out."""

    rows: np.ndarray
    weights: np.ndarray
    predictors: tuple[str, ...]
    targets: dict[str, list[str]]
    places: dict[str, Place]
    defaults: dict[str, float]
    counts: dict[str, Any]


def _plan(dataset: Dataset, donors: PufDonors) -> _Plan:
    table, places = puf_variables(), find_places(dataset)
    rows, weights = _training_rows(donors)
    known = tuple(person_predictors(dataset).columns)
    taken = [str(name) for name in table.index if name in places or name == SOCIAL_SECURITY]
    trained = donors.persons.iloc[rows]
    full = [name for name in taken if name in donors.variables and trained[name].min() < trained[name].max()]
    override = [name for name in full if table.loc[name, "both_halves"] and places[name].held]
    if not full:
        raise CalibrationError("PUF: 0 variables that the records take were found, expected some; give the whole file.")
    counts = {
        "PUF year": donors.period,
        "PUF persons": len(donors.persons),
        "PUF persons trained on": len(rows),
        "variables drawn": len(full),
        "variables replaced in both halves": len(override),
        "predictors that the records lack": ", ".join(name for name in PREDICTORS if name not in known) or "none",
        "variables that the PUF does not know, or on too few returns": ", ".join(
            name for name in taken if name not in full
        )
        or "none",
        "variables that the rules compute": ", ".join(str(name) for name in table.index if name not in taken),
    }
    default = table["default"].astype(float).to_dict()
    defaults = {places[name].column: default[name] for name in full if name in places}
    return _Plan(rows, weights, known, {"full": full, "override": override}, places, defaults, counts)


def _draw_all(
    donors: PufDonors, plan: _Plan, recipients: pd.DataFrame, seed: int, trees: int
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Both forests' draws for every person, and their quality on held-out donors."""
    trained = donors.persons.iloc[plan.rows]
    rest = np.setdiff1d(np.flatnonzero(donors.weights > 0), plan.rows)
    held_out = rest[draw_donors(len(rest), HELD_OUT_ROWS, SAMPLE_SEED)]
    drawn, quality, vintage = {}, [], f"IRS PUF in dollars of {donors.period}"
    for name, targets in plan.targets.items():
        if not targets:
            continue
        try:
            model = fit_forest(trained, plan.predictors, targets, plan.weights, seed, vintage=vintage, trees=trees)
        except CalibrationError as error:
            raise CalibrationError(f"PUF: {error}") from error
        drawn[name] = impute(model, recipients, seed + 1)
        if len(held_out):
            judged = forest_quality(model, donors.persons.iloc[held_out], donors.weights[held_out], seed)
            quality.append(judged.assign(model=name))
    return drawn, pd.concat(quality, ignore_index=True) if quality else pd.DataFrame()


def _training_rows(donors: PufDonors) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on, all of the highest incomes among them, and weights that stand for all donors."""
    weights, count = donors.weights, len(donors.weights)
    weighted = np.flatnonzero(weights > 0)
    if len(weighted) <= TRAINING_ROWS:
        return weighted, weights[weighted]
    incomes = donors.incomes[weighted]
    top = np.flatnonzero(incomes >= np.quantile(incomes, TOP_SHARE))
    drawn = draw_donors(len(weighted), TRAINING_ROWS, SAMPLE_SEED, keep=top)
    is_top = np.zeros(count, dtype=bool)
    is_top[weighted[top]] = True
    chosen = weighted[drawn]
    others = ~is_top[chosen]
    scale = (len(weighted) - len(top)) / max(int(others.sum()), 1)
    return chosen, weights[chosen] * np.where(others, scale, 1.0)


def _by_entity(dataset: Dataset, drawn: pd.DataFrame, places: dict[str, Place]) -> dict[str, dict[str, np.ndarray]]:
    """Drawn variables by table and column; a unit takes the value of its first person."""
    values: dict[str, dict[str, np.ndarray]] = {}
    for name in drawn.columns.intersection(list(places), sort=False):
        place, column = places[name], drawn[name].to_numpy()
        if place.entity != PERSON:
            _, first = np.unique(group_rows(dataset.tables, place.entity), return_index=True)
            column = column[first]
        values.setdefault(place.entity, {})[place.column] = column
    return values


def _from_records(
    dataset: Dataset, drawn: pd.DataFrame, limits: RetirementLimits, seed: int, trees: int
) -> dict[str, np.ndarray]:
    """Variables of the second half that the records teach, by column of the person table."""
    second = SecondHalf(dataset, person_predictors(dataset), drawn, seed, trees)
    parts = second.social_security_parts() if SOCIAL_SECURITY in drawn else {}
    return parts | second.weeks_unemployed() | second.retirement_contributions(limits)
