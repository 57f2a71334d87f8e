"""Source re-imputation: variables that surveys know better than the CPS, drawn from their donors onto the records.

One model at a time: fit on a sample of the survey's donors by the predictors that the records know too, draw for the
recipients, put the values into their table. Reading the surveys is `microdata/surveys`, the forest is `forest.py`.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.forest import FittedForests, fit_forest, impute
from calibration_assets.imputation.quality import forest_quality, weighted_quantile
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.surveys import SURVEYS
from calibration_assets.microdata.surveys.recipients import Recipients, find_recipients
from calibration_assets.microdata.surveys.survey import WEIGHT, DonorModel, Survey, fetch_files, read_donors
from calibration_assets.storage.keys import content_key, file_key, files_key
from calibration_assets.storage.reference import REFERENCE

VERSION = 1
HELD_OUT = 2_000
"""Donors that a fit does not see and is judged on; never more than a tenth of them."""
FEWEST_HELD_OUT = 20
QUANTILES = (0.5, 0.9, 0.99)


def check_sources(sources: Sequence[str]) -> list[Survey]:
    """The surveys of these keys in the order of imputation; an unknown key is an error."""
    unknown = [key for key in sources if key not in SURVEYS]
    if unknown:
        raise CalibrationError(
            f"source {unknown[0]}: no survey has this key, expected some of {', '.join(SURVEYS)}; correct `sources`."
        )
    return [survey for key, survey in SURVEYS.items() if key in sources]


def source_keys(sources: Sequence[str], raw_folder: Path) -> dict[str, str]:
    """What re-imputation hangs on beside the records: each survey's files, fetched where missing, and the factors."""
    keys = {}
    for survey in check_sources(sources):
        with _named(survey):
            files = files_key(fetch_files(survey, raw_folder).values())
        keys[survey.key] = content_key(survey.key, VERSION, {"files": files}, [str(model) for model in survey.models])
    return keys | {"factors": file_key(REFERENCE / "uprating.parquet")} if keys else {}


def impute_sources(
    dataset: Dataset, sources: Sequence[str], seed: int, raw_folder: Path
) -> tuple[Dataset, dict[str, Any]]:
    """The records with the variables of the named surveys drawn anew, and three tables of what was done.

    The draws of a model depend on the seed, its donors and the records, not on which other sources are named. The
    tables are `sources` (a row a model), `imputed variables` (donors against records) and `held-out donors`.
    """
    tables = dict(dataset.tables)
    shown: dict[str, list[dict[str, Any]]] = {"sources": [], "imputed variables": [], "held-out donors": []}
    for survey in check_sources(sources):
        with _named(survey):
            donors = read_donors(survey, fetch_files(survey, raw_folder))
            for model in survey.models:
                recipients = find_recipients(dataset, model.recipients)
                fitted, judged = fit_model(survey, model, donors[model.name], recipients, seed)
                drawn = draw_values(model, fitted, recipients, model_seed(seed, survey, model))
                tables[recipients.entity] = put_values(tables[recipients.entity], drawn, recipients.rows)
                shown["sources"].append(_describe(survey, model, fitted))
                shown["imputed variables"] += compare_values(survey, model, donors[model.name], recipients, drawn)
                shown["held-out donors"] += [
                    {"source": survey.key, **judged.loc[row].to_dict()} for row in judged.index
                ]
    return Dataset(dataset.period, tables), shown


def fit_model(
    survey: Survey, model: DonorModel, donors: pd.DataFrame, recipients: Recipients, seed: int
) -> tuple[FittedForests, pd.DataFrame]:
    """Forests on a sample of the donors by the predictors that the recipients have, and how they do on others."""
    predictors = [name for name in model.predictors if name in recipients.known]
    own_seed = model_seed(seed, survey, model)
    held_out = min(HELD_OUT, len(donors) // 10)
    shuffled = np.random.default_rng(own_seed).permutation(len(donors))
    fit_rows = np.sort(shuffled[held_out : held_out + model.max_donors])
    weight = donors[WEIGHT].to_numpy(np.float64)
    fitted = fit_forest(
        donors.iloc[fit_rows], predictors, model.imputed, weight[fit_rows], own_seed, vintage=survey.title
    )
    if held_out < FEWEST_HELD_OUT:
        return fitted, pd.DataFrame()
    test_rows = np.sort(shuffled[:held_out])
    return fitted, forest_quality(fitted, donors.iloc[test_rows], weight[test_rows], own_seed)


def draw_values(model: DonorModel, fitted: FittedForests, recipients: Recipients, seed: int) -> pd.DataFrame:
    """The model's variables of every recipient; nothing for those it does not concern."""
    known = recipients.known
    concerned = known[model.among].to_numpy() > 0 if model.among else np.ones(len(known), dtype=bool)
    drawn = impute(fitted, known.loc[concerned, list(fitted.predictors)], seed)
    if model.at_most:
        drawn = drawn.clip(upper=known.loc[concerned, model.at_most], axis=0)
    return pd.DataFrame({name: _spread(drawn[name].to_numpy(), concerned) for name in model.imputed})


def put_values(table: pd.DataFrame, values: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """The table with the values in the given rows, and nothing in all others."""
    columns = {}
    for name in values.columns:
        new = values[name].to_numpy()
        column = np.zeros(len(table), dtype=new.dtype)
        column[rows] = new
        columns[name] = column
    return table.assign(**columns)


def compare_values(
    survey: Survey, model: DonorModel, donors: pd.DataFrame, recipients: Recipients, drawn: pd.DataFrame
) -> list[dict[str, Any]]:
    """Donors against the records that the model concerns: weighted mean, share of zeros and quantiles by variable."""
    weight = recipients.weight * (recipients.known[model.among] > 0 if model.among else 1)
    rows = []
    for name in model.imputed:
        row: dict[str, Any] = {"source": survey.key, "variable": name}
        for side, values, weights in (("donors", donors[name], donors[WEIGHT]), ("records", drawn[name], weight)):
            row |= {f"{figure}_{side}": value for figure, value in _summarise(values, weights).items()}
        rows.append(row | {"total_records": float((drawn[name] * weight).sum())})
    return rows


def _summarise(values: pd.Series, weights: pd.Series | np.ndarray) -> dict[str, float]:
    """Mean, share of zeros and QUANTILES, by weight; alike for all where there is no weight (a PUF's half)."""
    amounts = values.to_numpy(np.float64)
    weight = np.asarray(weights, dtype=np.float64)
    weight = weight if weight.any() else np.ones(len(weight))
    quantiles = weighted_quantile(amounts, weight, np.array(QUANTILES))
    return {
        "mean": float(np.average(amounts, weights=weight)),
        "zero_share": float(np.average(amounts == 0, weights=weight)),
        **{f"p{100 * share:.0f}": float(value) for share, value in zip(QUANTILES, quantiles, strict=True)},
    }


def model_seed(seed: int, survey: Survey, model: DonorModel) -> int:
    """A seed of the model's own, so that a source switched off changes no other's draws."""
    return int.from_bytes(hashlib.sha256(f"{seed} {survey.key} {model.name}".encode()).digest()[:4])


def _spread(values: np.ndarray, concerned: np.ndarray) -> np.ndarray:
    """Values of those concerned among all, as flags, int32 or float32."""
    kind = {"b": "bool", "i": "int32"}.get(values.dtype.kind, "float32")
    spread = np.zeros(len(concerned), dtype=kind)
    spread[concerned] = values
    return spread


def _describe(survey: Survey, model: DonorModel, fitted: FittedForests) -> dict[str, Any]:
    """What a model was trained on; predictors that the records lack are named."""
    left_out = [name for name in model.predictors if name not in fitted.predictors]
    return {
        "source": survey.key,
        "vintage": fitted.vintage,
        "model": model.name,
        "donor_rows": fitted.donor_rows,
        "imputed": ", ".join(model.imputed),
        "predictors": ", ".join(fitted.predictors),
        "left out (not in the records)": ", ".join(left_out) or "none",
    }


@contextmanager
def _named(survey: Survey) -> Iterator[None]:
    """Errors inside name the source."""
    try:
        yield
    except CalibrationError as error:
        raise CalibrationError(f"source {survey.key} ({survey.title}): {error}") from error
