"""Small pictures for asset pages, as PNG bytes: matplotlib's Figure objects alone, no global state, under 100 KB."""

from io import BytesIO

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from calibration_assets.diagnostics.families import LEVELS, WITHIN
from calibration_assets.diagnostics.palette import BAND_COLOURS, BANDS

FAMILIES_SHOWN = 14


def png(figure: Figure) -> bytes:
    """The figure as PNG."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=90, metadata={"Software": None})
    return buffer.getvalue()


def error_distribution_png(table: pd.DataFrame) -> bytes:
    """How many targets of each level and family lie within 1, 5, 10 and 25 %, from `level_family_table`.

    The families with most targets are shown, at most 14 a level.
    """
    levels = [level for level in LEVELS if (table["geo_level"] == level).any()]
    chosen = [table[table["geo_level"] == level].nlargest(FAMILIES_SHOWN, "targets") for level in levels]
    heights = [len(rows) + 1 for rows in chosen]
    figure = Figure(figsize=(8.5, 0.8 + 0.24 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(levels), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, level, rows in zip(panels, levels, chosen, strict=True):
        _stacked_shares(axes, rows)
        axes.set_title(level.capitalize(), loc="left", fontsize=10, fontweight="bold")
    panels[-1].set_xlabel("Share of targets by absolute relative error", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(BANDS), fontsize=8, frameon=False)
    return png(figure)


def _stacked_shares(axes: Axes, rows: pd.DataFrame) -> None:
    within = rows[[f"within_{cut}" for cut in WITHIN]].fillna(0).to_numpy()
    edges = np.column_stack([np.zeros(len(rows)), within, rows["median"].notna()])
    position = np.arange(len(rows))[::-1]
    for band, label in enumerate(BANDS):
        axes.barh(
            position,
            edges[:, band + 1] - edges[:, band],
            left=edges[:, band],
            height=0.8,
            color=BAND_COLOURS[band],
            label=label,
        )
    names = [f"{family} ({targets:,})" for family, targets in zip(rows["family"], rows["targets"], strict=True)]
    axes.set_yticks(position, names, fontsize=8)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
