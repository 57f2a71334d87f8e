"""Retirement contributions of the second half: drawn from the records' own, then held to the year's limits."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

DEFERRALS = ("traditional_401k_contributions", "roth_401k_contributions")
IRAS = ("traditional_ira_contributions", "roth_ira_contributions")
SELF_EMPLOYED = "self_employed_pension_contributions"
CONTRIBUTIONS = (*DEFERRALS, *IRAS, SELF_EMPLOYED)
SELF_EMPLOYED_SHARE = 0.25
"""Largest share of self-employment income that may be contributed, 26 U.S.C. 404(a)(8) and 415(c)."""


@dataclass(frozen=True)
class RetirementLimits:
    """Dollars a year; catch-ups add to the limits from `catch_up_age` on; `self_employed` is the dollar limit."""

    catch_up_age: int
    deferral: float
    deferral_catch_up: float
    ira: float
    ira_catch_up: float
    self_employed: float


def limit_contributions(
    contributions: pd.DataFrame,
    age: np.ndarray,
    wages: np.ndarray,
    self_employment: np.ndarray,
    limits: RetirementLimits,
) -> pd.DataFrame:
    """Contributions of CONTRIBUTIONS' columns (those there are) within the limits, none below 0.

    Deferrals need wages, self-employed contributions self-employment income. The two kinds of deferral share one limit,
    and the two kinds of IRA: beyond it both shrink in proportion.
    """
    older = age >= limits.catch_up_age
    limited = contributions.clip(lower=0)
    for names, largest in (
        (DEFERRALS, np.where(wages > 0, limits.deferral + older * limits.deferral_catch_up, 0.0)),
        (IRAS, limits.ira + older * limits.ira_catch_up),
        ((SELF_EMPLOYED,), np.clip(SELF_EMPLOYED_SHARE * self_employment, 0.0, limits.self_employed)),
    ):
        held = [name for name in names if name in limited]
        total = limited[held].sum(axis=1).to_numpy()
        scale = np.where(total > largest, largest / np.maximum(total, 1e-9), 1.0)
        limited[held] = limited[held].mul(scale, axis=0)
    return limited
