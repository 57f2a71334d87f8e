"""What the second half gets from the records themselves, given the incomes that the PUF's donors gave it.

The parts of Social Security, weeks unemployed and retirement contributions: none of them is in the PUF. Each is learnt
from the records, whose own values stay in the first half.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration_assets.imputation.forest import draw_donors, fit_forest, impute
from calibration_assets.imputation.puf_records import PARTS, SOCIAL_SECURITY, person_values
from calibration_assets.imputation.retirement import (
    CONTRIBUTIONS,
    RetirementLimits,
    limit_contributions,
)
from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import PERSON, group_rows

TRAINING_ROWS = 5_000
FEWEST_BENEFICIARIES = 100
RETIREMENT_AGE = 62
WEEKS, WEEKS_OF_A_YEAR = "weeks_unemployed", 52
UNEMPLOYMENT = "taxable_unemployment_compensation"
CONTRIBUTION_PREDICTORS = (
    "employment_income", "self_employment_income", "taxable_interest_income", "qualified_dividend_income",
    "taxable_pension_income", SOCIAL_SECURITY,
)  # fmt: skip


@dataclass(frozen=True)
class SecondHalf:
    """The records, their predictors by person, and the PUF's variables drawn for the second half, by person."""

    dataset: Dataset
    predictors: pd.DataFrame
    drawn: pd.DataFrame
    seed: int
    trees: int

    def social_security_parts(self) -> dict[str, np.ndarray]:
        """The parts of the drawn total: in the shares of records with benefits, else by age; they add up to the total.

        A draw without any share, and records with fewer than 100 beneficiaries, follow the rule: retirement from 62
        on, disability before.
        """
        total = self.drawn[SOCIAL_SECURITY].to_numpy()
        by_age = np.where(
            self.predictors["age"].to_numpy()[:, None] >= RETIREMENT_AGE, [[1.0, 0, 0, 0]], [[0, 1.0, 0, 0]]
        )
        shares = self._drawn_shares() if total.any() else None
        if shares is not None:
            summed = shares.sum(axis=1, keepdims=True)
            by_age = np.where(summed > 0, shares / np.where(summed > 0, summed, 1), by_age)
        return {name: total * by_age[:, place] for place, name in enumerate(PARTS)}

    def weeks_unemployed(self) -> dict[str, np.ndarray]:
        """Weeks, 0 to 52, none without compensation; nothing where the records hold no weeks."""
        weeks, own = self._person(WEEKS), person_values(self.dataset, UNEMPLOYMENT)
        if weeks is None or own is None or UNEMPLOYMENT not in self.drawn:
            return {}
        compensation = self.drawn[UNEMPLOYMENT].to_numpy()
        drawn = self._learn(
            {WEEKS: weeks}, {UNEMPLOYMENT: own}, {UNEMPLOYMENT: compensation}, skip="tax_unit_count_dependents"
        )
        if drawn is not None:
            weeks = drawn[WEEKS].to_numpy()
        return {WEEKS: np.where(compensation > 0, weeks.clip(0, WEEKS_OF_A_YEAR), 0.0)}

    def retirement_contributions(self, limits: RetirementLimits) -> dict[str, np.ndarray]:
        """Those of the five contributions that the records hold, as drawn and limited, by the records' column."""
        columns = {name: column for name in CONTRIBUTIONS if (column := self._contribution_column(name))}
        own = {name: person_values(self.dataset, name) for name in CONTRIBUTION_PREDICTORS}
        known = {name: values for name, values in own.items() if values is not None and name in self.drawn}
        if not columns or not known:
            return {}
        new = {name: self.drawn[name].to_numpy() for name in known}
        if "sstb_self_employment_income" in self.drawn and "self_employment_income" in new:
            new["self_employment_income"] = new["self_employment_income"] + self.drawn["sstb_self_employment_income"]
        person = self.dataset.tables[PERSON]
        held = {name: person[column].to_numpy(np.float64) for name, column in columns.items()}
        drawn = self._learn(held, known, new)
        contributions = pd.DataFrame(held) * 0.0 if drawn is None else pd.DataFrame(held) * 0.0 + drawn
        nothing = np.zeros(len(person))
        limited = limit_contributions(
            contributions.fillna(0.0),
            self.predictors["age"].to_numpy(),
            new.get("employment_income", nothing),
            np.asarray(new.get("self_employment_income", nothing)),
            limits,
        )
        return {column: limited[name].to_numpy() for name, column in columns.items()}

    def _drawn_shares(self) -> np.ndarray | None:
        """Shares of the four parts, drawn for every person, float64 (persons, 4); None with too few beneficiaries."""
        person = self.dataset.tables[PERSON]
        held = [name for name in PARTS if name in person]
        amounts = person[held].to_numpy(np.float64).clip(min=0)
        total = amounts.sum(axis=1)
        paid = np.flatnonzero(total > 0)
        if len(paid) < FEWEST_BENEFICIARIES:
            return None
        own = dict(zip(held, (amounts / np.where(total > 0, total, 1)[:, None]).T, strict=True))
        drawn = self._learn(own, {}, {}, rows=paid, skip="tax_unit_count_dependents")
        if drawn is None:
            return np.tile([float(name == held[0]) for name in PARTS], (len(person), 1))
        shares = drawn.reindex(columns=list(PARTS)).fillna(0.0)
        return shares.to_numpy().clip(0, 1)

    def _learn(
        self, targets: dict[str, np.ndarray], own: dict[str, np.ndarray], new: dict[str, np.ndarray],
        rows: np.ndarray | None = None, skip: str = "",
    ) -> pd.DataFrame | None:  # fmt: skip
        """Targets drawn for every person of the second half from at most 5,000 records of the first.

        Predictors are the PUF's (without `skip`) and `own`, which the second half has as `new`. Targets that do not
        vary among the records are left out; None where none does.
        """
        demographics = self.predictors.drop(columns=skip, errors="ignore")
        donors = demographics.assign(**own, **targets)
        weights = self._weights()
        candidates = np.flatnonzero(weights > 0) if rows is None else rows[weights[rows] > 0]
        chosen = candidates[draw_donors(len(candidates), TRAINING_ROWS, self.seed)]
        varying = [name for name, values in targets.items() if np.ptp(values[chosen]) > 0]
        if not varying:
            return None
        names = [*demographics.columns, *own]
        model = fit_forest(donors.iloc[chosen], names, varying, weights[chosen], self.seed, trees=self.trees)
        return impute(model, demographics.assign(**new)[names], self.seed + 1)

    def _weights(self) -> np.ndarray:
        """Household weight of every person; alike where no household has one."""
        weights = self.dataset.tables["household"]["household_weight"].to_numpy(np.float64)
        weights = weights[group_rows(self.dataset.tables, "household")]
        return weights if weights.any() else np.ones(len(weights))

    def _person(self, column: str) -> np.ndarray | None:
        person = self.dataset.tables[PERSON]
        return person[column].to_numpy(np.float64) if column in person else None

    def _contribution_column(self, name: str) -> str | None:
        """The records' column of a contribution: as reported, or as desired before the law's limits."""
        person = self.dataset.tables[PERSON]
        return next((column for column in (name, f"{name}_desired") if column in person), None)
