"""Sequential quantile regression forests: values of donors, drawn for recipients.

Each variable has a forest on the predictors and all variables before it. A draw takes a tree at random and the donor
that this tree keeps in the recipient's leaf, which is a draw from the forest's conditional distribution (Meinshausen
2006): zeros stay zeros, categories stay categories, and no value arises that no donor has. Trees grow on bootstrap
samples drawn by the donors' weights. Where donors come from, and what becomes of the values, stays out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.encoding import check_columns, encode, read_categories, restore

VERSION = 2
TREES = 32
SMALLEST_LEAF = 5
FEWEST_FEATURES = 10
FEATURE_SHARE = 1 / 3
"""A split chooses from a third of the predictors, as is usual for regression, but from ten where there are as many."""
FEWEST_DONORS = 20
BLOCK = 1 << 16
"""Recipients whose predictors are in memory at once."""


@dataclass(frozen=True)
class Forest:
    """One variable's trees, and the value that each tree keeps in each of its nodes, float64 (trees, nodes)."""

    trees: tuple[Any, ...]
    values: np.ndarray = field(repr=False)

    def draw(self, X: np.ndarray, tree: np.ndarray) -> np.ndarray:
        """For each row of X, float32 (rows, predictors), the value in its leaf of the given tree, float64 (rows,)."""
        drawn = np.empty(len(X))
        for number in np.unique(tree):
            rows = np.flatnonzero(tree == number)
            drawn[rows] = self.values[number, self.trees[number].apply(X[rows])]
        return drawn

    def distribution(self, X: np.ndarray) -> np.ndarray:
        """For each row of X the values of all trees, equally probable, float64 (rows, trees)."""
        return np.column_stack([kept[tree.apply(X)] for tree, kept in zip(self.trees, self.values, strict=True)])


@dataclass(frozen=True)
class FittedForests:
    """Forests in the order in which their targets are drawn, and what they were trained on."""

    predictors: tuple[str, ...]
    targets: tuple[str, ...]
    donor_rows: int
    vintage: str
    categories: Mapping[str, np.ndarray] = field(repr=False)
    dtypes: Mapping[str, Any] = field(repr=False)
    forests: tuple[Forest, ...] = field(repr=False)

    def describe(self) -> dict[str, Any]:
        """Donor rows, predictors, targets and vintage, as metadata shows them."""
        return {
            "vintage": self.vintage,
            "donor_rows": self.donor_rows,
            "predictors": list(self.predictors),
            "targets": list(self.targets),
        }


def fit_forest(
    donors: pd.DataFrame, predictors: Sequence[str], targets: Sequence[str], weights: np.ndarray | None, seed: int, *,
    vintage: str = "", trees: int = TREES, jobs: int = -1,
) -> FittedForests:  # fmt: skip
    """Fit a forest for each target in turn, each on the predictors and the targets before it.

    Columns are numbers, booleans or text (categories), without missing values. `weights` are one per donor, not
    negative; None weighs all alike. The forests depend on the rows' order and the seed, not on `jobs`.
    """
    weights = np.ones(len(donors)) if weights is None else np.asarray(weights, dtype=np.float64)
    _check_donors(donors, predictors, targets, weights)
    donors, weights = donors[weights > 0], weights[weights > 0]
    categories = read_categories(donors, [*predictors, *targets])
    coded = {name: encode(donors[name], name, categories, "donors") for name in [*predictors, *targets]}
    X = np.column_stack([coded[name] for name in [*predictors, *targets]]).astype(np.float32)
    seeds = np.random.default_rng(seed).integers(2**31, size=len(targets))
    forests = tuple(
        _grow(X[:, : len(predictors) + place], coded[target], weights, int(seeds[place]), trees, jobs)
        for place, target in enumerate(targets)
    )
    dtypes = {name: donors[name].dtype for name in targets}
    return FittedForests(tuple(predictors), tuple(targets), len(donors), vintage, categories, dtypes, forests)


def impute(model: FittedForests, recipients: pd.DataFrame, seed: int, block: int = BLOCK) -> pd.DataFrame:
    """Draw the model's targets for recipients, in their order and with their index; dtypes are the donors'.

    The draws depend on the seed and the recipients' order, not on `block`.
    """
    check_columns(recipients, model.predictors, "recipients")
    generator = np.random.default_rng(seed)
    chosen = generator.integers(len(model.forests[0].trees), size=(len(model.targets), len(recipients)), dtype=np.int32)
    parts = [
        _impute_block(model, recipients.iloc[start : start + block], chosen[:, start : start + block])
        for start in range(0, len(recipients), block)
    ]
    drawn = np.concatenate(parts) if parts else np.empty((0, len(model.targets)))
    columns = {
        name: restore(drawn[:, place], name, model.categories, model.dtypes[name])
        for place, name in enumerate(model.targets)
    }
    return pd.DataFrame(columns, index=recipients.index)


def draw_donors(count: int, size: int, seed: int, keep: np.ndarray | None = None) -> np.ndarray:
    """Rows of at most `size` donors out of `count`, sorted: all of `keep` (rows), the others at random."""
    if count <= size:
        return np.arange(count)
    kept = np.empty(0, dtype=np.int64) if keep is None else np.asarray(keep)
    others = np.setdiff1d(np.arange(count), kept)
    drawn = np.random.default_rng(seed).choice(others, max(0, size - len(kept)), replace=False)
    return np.sort(np.concatenate([kept, drawn]))


def _grow(X: np.ndarray, y: np.ndarray, weights: np.ndarray, seed: int, trees: int, jobs: int) -> Forest:
    from quantile_forest import RandomForestQuantileRegressor

    model = RandomForestQuantileRegressor(
        n_estimators=trees,
        min_samples_leaf=SMALLEST_LEAF,
        max_samples_leaf=1,
        max_features=min(X.shape[1], max(FEWEST_FEATURES, int(FEATURE_SHARE * X.shape[1]))),
        random_state=seed,
        n_jobs=jobs,
    )
    model.fit(X, y, sample_weight=weights)
    place = np.asarray(model.forest_.y_train_leaves)[:, :, 0, 0] - 1
    return Forest(tuple(one.tree_ for one in model.estimators_), np.sort(y)[place])


def _impute_block(model: FittedForests, recipients: pd.DataFrame, chosen: np.ndarray) -> np.ndarray:
    """Codes of all targets for a block of recipients, float64 (rows, targets)."""
    known = [encode(recipients[name], name, model.categories, "recipients") for name in model.predictors]
    X = np.empty((len(recipients), len(known) + len(model.targets)), dtype=np.float32)
    X[:, : len(known)] = np.column_stack(known)
    drawn = np.empty((len(recipients), len(model.targets)))
    for place, forest in enumerate(model.forests):
        drawn[:, place] = forest.draw(np.ascontiguousarray(X[:, : len(known) + place]), chosen[place])
        X[:, len(known) + place] = drawn[:, place]
    return drawn


def _check_donors(donors: pd.DataFrame, predictors: Sequence[str], targets: Sequence[str], weights: np.ndarray) -> None:
    """Refuse donors that teach nothing, with a sentence."""
    check_columns(donors, [*predictors, *targets], "donors")
    if not predictors or not targets:
        raise CalibrationError(
            f"donors: {len(predictors)} predictors and {len(targets)} variables to impute were found, expected at "
            "least one of each; name them, or leave the imputation out."
        )
    if weights.shape != (len(donors),) or not np.isfinite(weights).all() or (weights < 0).any():
        raise CalibrationError(
            f"donors: weights of shape {weights.shape} with {int((~(weights >= 0)).sum()):,} negative or missing "
            f"values were found, expected {len(donors):,} that are not negative; correct the weights."
        )
    weighted = donors[weights > 0]
    if len(weighted) < FEWEST_DONORS:
        raise CalibrationError(
            f"donors: {len(weighted)} rows with a positive weight were found, expected at least {FEWEST_DONORS}; give "
            "a complete donor file."
        )
    for name in targets:
        if (weighted[name] == weighted[name].iloc[0]).all():
            raise CalibrationError(
                f"donors: {name} has one value in all {len(weighted):,} rows, expected values that differ; leave it "
                "out, or give donors that know it."
            )
