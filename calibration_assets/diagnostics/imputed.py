"""A picture of source re-imputation: donors against records, variable by variable."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from calibration_assets.diagnostics.palette import BLUE, NO_VALUE, ORANGE
from calibration_assets.diagnostics.plots import png

FIGURES = {"p50": "s", "mean": "o", "p90": "^", "p99": "D"}
"""What is drawn of each variable, with its marker."""


def imputed_values_png(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Quantiles and means of donors and records on a logarithmic axis, and beside them the shares of zeros.

    `rows` are those of `imputation.sources.compare_values`.
    """
    figure = Figure(figsize=(8.5, 1.2 + 0.3 * len(rows)), layout="constrained")
    amounts, zeros = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [3, 1]})
    position = np.arange(len(rows))[::-1]
    for name, marker in FIGURES.items():
        _draw_pairs(amounts, rows, name, position, marker)
    _draw_pairs(zeros, rows, "zero_share", position, "o")
    amounts.set_yticks(position, [row["variable"] for row in rows], fontsize=8)
    amounts.set_xscale("log")
    amounts.set_xlabel("median ■, mean ●, 90 % ▲, 99 % ◆", fontsize=9)
    zeros.set_xlim(-0.03, 1.03)
    zeros.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    zeros.set_xlabel("share of zeros", fontsize=9)
    for axes in (amounts, zeros):
        axes.tick_params(axis="x", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*amounts.get_legend_handles_labels(), loc="outside upper right", ncols=2, fontsize=8, frameon=False)
    return png(figure)


def _draw_pairs(
    axes: Axes, rows: Sequence[Mapping[str, Any]], name: str, position: np.ndarray, marker: str
) -> None:
    """A donor's and a record's marker for every variable, joined; what is not above zero has no place on a log axis."""
    pairs = np.array([[row[f"{name}_donors"], row[f"{name}_records"]] for row in rows])
    if name != "zero_share":
        pairs = np.where(pairs > 0, pairs, np.nan)
    axes.hlines(position, pairs.min(axis=1), pairs.max(axis=1), color=NO_VALUE, linewidth=2, zorder=1)
    labels = ("donors", "records") if name == "mean" else (None, None)
    for side, (colour, label) in enumerate(zip((ORANGE, BLUE), labels, strict=True)):
        axes.plot(pairs[:, side], position, marker, color=colour, label=label, markersize=5)
