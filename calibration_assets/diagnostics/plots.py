"""Small pictures for asset pages, as PNG bytes: matplotlib's Figure objects alone, no global state, under 100 KB."""

from collections.abc import Mapping
from io import BytesIO

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from calibration_assets.diagnostics.families import LEVELS, WITHIN
from calibration_assets.diagnostics.palette import BAND_COLOURS, BANDS, BLUE, DARK_TEXT, GREEN, NO_VALUE, ORANGE

FAMILIES_SHOWN = 14
SMALLEST_ERROR = 1e-5
"""Errors below are drawn here, on a logarithmic axis."""


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
    _legend(figure, panels[0])
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


def held_out_png(families: pd.DataFrame) -> bytes:
    """Median error in sample and held out of the families with most targets, from `held_out_families`."""
    rows = families.nlargest(2 * FAMILIES_SHOWN, "targets").sort_index()[::-1]
    figure = Figure(figsize=(7, 1.1 + 0.22 * len(rows)), layout="constrained")
    axes = figure.subplots()
    position = np.arange(len(rows))
    inside, outside = (rows[name].clip(lower=SMALLEST_ERROR) for name in ("median", "held_out_median"))
    axes.hlines(position, inside, outside, color=NO_VALUE, linewidth=2)
    axes.plot(inside, position, "o", color=BLUE, label="in sample")
    axes.plot(outside, position, "D", color=ORANGE, label="held out")
    names = [
        f"{level.capitalize()}: {family} ({targets:,})"
        for level, family, targets in rows[["geo_level", "family", "targets"]].itertuples(index=False)
    ]
    axes.set_yticks(position, names, fontsize=8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.4%}".rstrip("0%").rstrip(".") + " %")
    axes.set_xlabel("Median absolute relative error", fontsize=9)
    _legend(figure, axes)
    return _finished(figure, axes)


def population_pyramid_png(persons: pd.DataFrame, weights: np.ndarray) -> bytes:
    """Persons of the sample by five-year age band, left as counted, right as the weights (persons,) blow them up.

    `persons` is a dataset's person table; shares of all persons on both sides.
    """
    band = np.minimum(persons["age"].to_numpy() // 5, 17).astype(np.int64)
    counted = np.bincount(band, minlength=18) / len(band)
    weighted = np.bincount(band, weights, minlength=18) / weights.sum()
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.barh(np.arange(18), -counted, height=0.85, color=ORANGE, label="sample, as drawn")
    axes.barh(np.arange(18), weighted, height=0.85, color=BLUE, label="weighted")
    axes.set_yticks(np.arange(18), [*(f"{5 * age}-{5 * age + 4}" for age in range(17)), "85+"], fontsize=8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0%}")
    axes.set_xlabel("Share of persons", fontsize=9)
    _legend(figure, axes)
    return _finished(figure, axes)


def target_sources_png(targets_df: pd.DataFrame) -> bytes:
    """How many targets every source gives at every level."""
    counts = pd.crosstab(targets_df["source"], targets_df["geo_level"])
    counts = counts.loc[counts.sum(axis=1).sort_values().index]
    figure = Figure(figsize=(7, 0.9 + 0.28 * len(counts)), layout="constrained")
    axes = figure.subplots()
    begin = np.zeros(len(counts))
    for level, colour in zip(LEVELS, (GREEN, ORANGE, BLUE), strict=True):
        width = counts[level].to_numpy() if level in counts else np.zeros(len(counts))
        axes.barh(np.arange(len(counts)), width, left=begin, color=colour, label=level)
        begin = begin + width
    axes.set_yticks(np.arange(len(counts)), [str(source)[:48] for source in counts.index], fontsize=8)
    axes.set_xlabel("Targets", fontsize=9)
    _legend(figure, axes)
    return _finished(figure, axes)


def district_columns_png(columns: pd.DataFrame) -> bytes:
    """Columns of the matrix by district, from the fewest to the most."""
    counts = np.sort(columns.groupby("district").size().to_numpy())
    figure = Figure(figsize=(7, 2.8), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(np.arange(len(counts)), counts, step="mid", color=BLUE)
    axes.set_xlabel(
        f"{len(counts)} districts, from the fewest ({counts[0]:,}) to the most ({counts[-1]:,})", fontsize=9
    )
    axes.set_ylabel("Columns", fontsize=9)
    axes.set_ylim(0)
    return _finished(figure, axes)


def row_entries_png(targets_df: pd.DataFrame, entries: np.ndarray) -> bytes:
    """How many targets of every level rest on how many columns; `entries` (targets,) of each row of the matrix."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    edges = 2.0 ** np.arange(np.log2(max(entries.max(initial=1), 1)) + 2)
    for level, colour, style in zip(LEVELS, (GREEN, ORANGE, BLUE), ("-", "--", ":"), strict=True):
        own = entries[(targets_df["geo_level"] == level).to_numpy()]
        counts = np.histogram(own, edges)[0]
        label = f"{level} ({np.count_nonzero(own == 0):,} of {len(own):,} rest on none)"
        axes.stairs(counts, edges, color=colour, linestyle=style, linewidth=1.8, label=label)
    axes.set_xscale("log", base=2)
    axes.set_xlabel("Columns with a value, by powers of two", fontsize=9)
    axes.set_ylabel("Targets", fontsize=9)
    _legend(figure, axes)
    return _finished(figure, axes)


def seconds_png(seconds: Mapping[str, float]) -> bytes:
    """Where the time went, one bar a part."""
    figure = Figure(figsize=(7, 0.9 + 0.28 * len(seconds)), layout="constrained")
    axes = figure.subplots()
    axes.barh(list(seconds), list(seconds.values()), color=BLUE)
    axes.invert_yaxis()
    axes.set_xlabel("Seconds", fontsize=9)
    return _finished(figure, axes)


def loss_curve_png(terms: pd.DataFrame) -> bytes:
    """The loss's terms (every column but the first) by epoch (the first), on a logarithmic axis."""
    step, *names = terms.columns
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    for name, colour, style in zip(names, (BLUE, ORANGE, GREEN, DARK_TEXT), ("-", "--", ":", "-."), strict=False):
        axes.plot(
            terms[step], terms[name].where(terms[name] > 0), style, color=colour, label=str(name).replace("_", " ")
        )
    axes.set_yscale("log")
    axes.set_xlabel(str(step).capitalize(), fontsize=9)
    _legend(figure, axes)
    return _finished(figure, axes)


def weight_histogram_png(bins: pd.DataFrame) -> bytes:
    """Columns by weight on a logarithmic axis, fitted and initial, from `records.weight_bins`."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    edges = [*bins["lower"], *bins["upper"].tail(1)]
    if len(bins):
        axes.stairs(bins["columns"], edges, fill=True, color=BLUE, label="fitted")
        axes.stairs(bins["initial_columns"], edges, color=ORANGE, linewidth=1.8, label="initial")
        axes.set_xscale("log")
        _legend(figure, axes)
    axes.set_xlabel("Weight (households)", fontsize=9)
    axes.set_ylabel("Columns", fontsize=9)
    return _finished(figure, axes)


def frontier_png(frontier: pd.DataFrame) -> bytes:
    """Median error against columns kept for the points of a sweep, from `frontier.mark_frontier`; the knee ringed."""
    rows = frontier[(frontier["kept_columns"] > 0) & (frontier["median_error_pct"] > 0)]
    best = rows[rows["on_frontier"]]
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(rows["kept_columns"], rows["median_error_pct"], "o", color=NO_VALUE, label="beaten by another point")
    axes.plot(best["kept_columns"], best["median_error_pct"], "o-", color=BLUE, label="frontier")
    for row in rows.to_dict("records"):
        at = (row["kept_columns"], row["median_error_pct"])
        axes.annotate(str(row["point"]), at, fontsize=7, xytext=(5, 5), textcoords="offset points")
    knee = rows[rows["knee"]]
    if len(knee):
        place = (knee["kept_columns"], knee["median_error_pct"])
        axes.plot(*place, "o", markersize=16, markerfacecolor="none", color=ORANGE, label="knee")
    _legend(figure, axes)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("Columns kept", fontsize=9)
    axes.set_ylabel("Median absolute relative error, %", fontsize=9)
    return _finished(figure, axes)


def knee_position(kept: np.ndarray, errors: np.ndarray) -> int:
    """Which point lies farthest below the line from the first point to the last, both axes logarithmic."""
    x, y = (np.log(values / values[0]) / (np.log(values[-1] / values[0]) or 1.0) for values in (kept, errors))
    return int(np.argmax(y - x if errors[-1] < errors[0] else x - y))


def _legend(figure: Figure, axes: Axes) -> None:
    """Below the picture, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8, frameon=False)


def _finished(figure: Figure, axes: Axes) -> bytes:
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return png(figure)
