"""The stratified sample: few households, with many of the high incomes that tax totals hang on.

Weights are not rescaled; a calibration gives every column its own. Where AGI comes from stays out.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset, select_households
from calibration_assets.microdata.links import find_rows
from calibration_assets.schemas import HOUSEHOLD_AGI
from calibration_assets.settings import SampleSettings

VERSION = 1

BRACKETS = ((500e3, 1e6, 400), (1e6, 2e6, 400), (2e6, 5e6, 400), (5e6, 10e6, 300), (10e6, np.inf, 300))
"""High-AGI brackets [lower, upper) and how many households of each a sample of `FULL_SIZE` takes at most."""
FULL_SIZE = 12_000
BOTTOM_SHARE = 0.25
OVERSAMPLING = 1.5


@dataclass(frozen=True)
class Sample:
    """A sample, AGI of its households, and its strata (agi_from, agi_below, available, selected), one row each."""

    dataset: Dataset
    household_agi: pd.DataFrame
    strata: pd.DataFrame


def draw_stratified_sample(dataset: Dataset, household_agi: pd.DataFrame, settings: SampleSettings) -> Sample:
    """Draw households by AGI (`schemas.HOUSEHOLD_AGI`) without replacement, with a generator seeded by the settings.

    The high brackets give all they have up to their caps, weighted households first. What is left of the target is
    shared by the rest at one rate, or, oversampled, at 1.5 times the rate for the bottom quarter. Below 12,000
    households the caps shrink in proportion, so that a small sample is not made of high incomes alone. A target of 0,
    or of more households than there are, keeps all. Households keep their order.
    """
    households = dataset.tables["household"]
    if settings.target_households < 0:
        raise CalibrationError(
            f"target_households: {settings.target_households} was found, expected 0 (all) or more; correct the profile."
        )
    household_agi = HOUSEHOLD_AGI.validate(household_agi)
    rows = find_rows(household_agi["household_id"], households["household_id"], "AGI by household")
    agi = household_agi["adjusted_gross_income"].to_numpy()[rows]
    target = min(settings.target_households or len(agi), len(agi))
    generator = np.random.default_rng(settings.seed)
    weighted = households["household_weight"].to_numpy() > 0
    scale = np.inf if target == len(agi) else min(1.0, target / FULL_SIZE)
    top = [_draw_bracket(agi, weighted, lower, upper, cap * scale, generator) for lower, upper, cap in BRACKETS]
    quota = target - sum(stratum.selected.size for stratum in top)
    rest = _draw_rest(agi, quota, OVERSAMPLING if settings.oversample_poor else 1.0, generator)
    selected = np.sort(np.concatenate([stratum.selected for stratum in (*top, *rest)]))
    return Sample(
        select_households(dataset, households["household_id"].to_numpy()[selected]),
        household_agi.iloc[rows[selected]].reset_index(drop=True),
        pd.DataFrame([stratum.describe() for stratum in (*top, *rest)]),
    )


@dataclass(frozen=True)
class _Stratum:
    """Households with AGI in [lower, upper): how many there are, and the rows selected."""

    lower: float
    upper: float
    available: int
    selected: np.ndarray

    def describe(self) -> dict[str, float]:
        """The stratum's row in the report."""
        counts = {"available": self.available, "selected": self.selected.size}
        return {"agi_from": self.lower, "agi_below": self.upper, **counts}


def _draw_bracket(
    agi: np.ndarray, weighted: np.ndarray, lower: float, upper: float, cap: float, generator: np.random.Generator
) -> _Stratum:
    """At most `cap` households of a bracket, at random, those without weight only after all that have one."""
    candidates = np.flatnonzero((agi >= lower) & (agi < upper))
    if len(candidates) <= cap:
        return _Stratum(lower, upper, len(candidates), candidates)
    size = int(cap)
    first, second = candidates[weighted[candidates]], candidates[~weighted[candidates]]
    if len(first) >= size:
        return _Stratum(lower, upper, len(candidates), generator.choice(first, size, replace=False))
    filled = np.concatenate([first, generator.choice(second, size - len(first), replace=False)])
    return _Stratum(lower, upper, len(candidates), filled)


def _draw_rest(
    agi: np.ndarray, quota: int, oversampling: float, generator: np.random.Generator
) -> tuple[_Stratum, _Stratum]:
    """The bottom quarter and the middle of those below the brackets: rates in proportion, at most everyone."""
    ceiling = BRACKETS[0][0]
    below = np.flatnonzero(agi < ceiling)
    quartile = float(np.quantile(agi[below], BOTTOM_SHARE)) if below.size else ceiling
    bottom, middle = below[agi[below] < quartile], below[agi[below] >= quartile]
    rate = quota / max(oversampling * bottom.size + middle.size, 1.0)
    from_bottom = min(bottom.size, int(bottom.size * oversampling * rate))
    from_middle = min(middle.size, quota - from_bottom)
    return (
        _Stratum(-np.inf, quartile, bottom.size, generator.choice(bottom, from_bottom, replace=False)),
        _Stratum(quartile, ceiling, middle.size, generator.choice(middle, from_middle, replace=False)),
    )
