"""The report's interactive figures, as Bokeh models; what a figure says in words is in `page`."""

import numpy as np
import pandas as pd
from bokeh.models import ColumnDataSource, HoverTool, LabelSet, TapTool
from bokeh.plotting import figure

from calibration_assets.diagnostics.families import error_table
from calibration_assets.diagnostics.palette import BLUE, DARK_TEXT, GREEN, ORANGE, error_colours, text_colours
from calibration_assets.diagnostics.report.layout import district_cells, squarify, state_tiles

WIDTH = 1080
TREEMAP_HEIGHT = 460
SMALLEST_WIDTH, SMALLEST_HEIGHT = 8, 18
"""Pixels that the name of a place needs: by letter, and in height; twice that below the family's name."""

FAMILIES_SHOWN = 16
SMALLEST_LABEL = 0.018
"""Share of the treemap's area below which a rectangle bears no name."""

PERCENTS = [1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
LINE = "#7f7f7f"
OTHER = "all other families"


def loss_treemap(detail: pd.DataFrame) -> tuple[figure, ColumnDataSource]:
    """Every family's part of the loss, cut by state (0 the nation); colour is the 90th percentile of errors.

    Returns the source too, whose columns `family` and `state` say what a tapped rectangle stands for.
    """
    cells = treemap_cells(detail)
    source = _source(cells)
    plot = _bare_figure(height=TREEMAP_HEIGHT, ranges=((0, 1), (0, 1)), tools="tap")
    squares = plot.quad(
        name="treemap",
        left="left",
        right="right",
        bottom="bottom",
        top="top",
        source=source,
        fill_color="colour",
        line_color="#ffffff",
        line_width=0.6,
        nonselection_fill_alpha=1.0,
    )
    _name_places(plot, cells)
    families = cells.groupby("family", sort=False).agg(
        left=("left", "min"), right=("right", "max"), bottom=("bottom", "min"), top=("top", "max"), loss=("loss", "sum")
    )
    plot.quad(
        left="left",
        right="right",
        bottom="bottom",
        top="top",
        source=_source(families.reset_index()),
        fill_color=None,
        line_color=DARK_TEXT,
        line_width=1.6,
    )
    large = families[families["loss"] > SMALLEST_LABEL * families["loss"].sum()].reset_index()
    large["text"] = [_fitting(row["family"], row["right"] - row["left"]) for row in large.to_dict("records")]
    plot.add_layout(
        LabelSet(
            x="left",
            y="top",
            text="text",
            x_offset=4,
            y_offset=-4,
            text_baseline="top",
            source=_source(large),
            text_font_size="11px",
            text_font_style="bold",
            background_fill_color="#ffffff",
            background_fill_alpha=0.85,
        )
    )
    tips = [
        ("Family", "@family"),
        ("Place", "@place"),
        ("Targets", "@targets"),
        ("Share of loss", "@share{0.0%}"),
        ("90th percentile of errors", "@p90{0.00%}"),
    ]
    plot.add_tools(HoverTool(renderers=[squares], tooltips=tips))
    plot.select_one(TapTool).renderers = [squares]
    return plot, source


def _name_places(plot: figure, cells: pd.DataFrame) -> None:
    """Write the place into every rectangle that has room for it."""
    wide = (cells["right"] - cells["left"]) * WIDTH > SMALLEST_WIDTH * cells["place"].str.len()
    at_top = cells["top"] >= cells.groupby("family")["top"].transform("max") - 1e-9
    needed = SMALLEST_HEIGHT * (1 + at_top)
    tall = (cells["top"] - cells["bottom"]) * TREEMAP_HEIGHT > needed
    named = cells[wide & tall]
    middles = {"x": (named["left"] + named["right"]) / 2, "y": (named["bottom"] + named["top"]) / 2}
    plot.text(
        x="x",
        y="y",
        text="place",
        source=_source(named[["place"]].assign(**middles, ink=text_colours(named["p90"].to_numpy()))),
        text_color="ink",
        text_align="center",
        text_baseline="middle",
        text_font_size="10px",
    )


def treemap_cells(detail: pd.DataFrame) -> pd.DataFrame:
    """Rectangles of the treemap in the unit square: family, state, place, targets, loss, share, p90, colour."""
    by_family = detail.groupby("family")["loss"].sum().nlargest(FAMILIES_SHOWN)
    named = detail.assign(family=detail["family"].where(detail["family"].isin(by_family.index), OTHER))
    by_place = named.groupby(["family", "state"])
    groups = by_place.agg(targets=("loss", "size"), loss=("loss", "sum"))
    groups = groups.assign(p90=by_place["abs_rel_error"].quantile(0.9))[groups["loss"] > 0].reset_index()
    total = groups.groupby("family")["loss"].sum().sort_values(ascending=False)
    frames = []
    for family, outer in zip(total.index, squarify(total.to_numpy(), 0, 0, 1, 1), strict=True):
        rows = groups[groups["family"] == family].sort_values("loss", ascending=False)
        left, bottom, width, height = squarify(rows["loss"].to_numpy(), *outer).T
        frames.append(rows.assign(left=left, right=left + width, bottom=bottom, top=bottom + height))
    columns = [*groups.columns, "left", "right", "bottom", "top"]
    cells = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    names = state_tiles().set_index("state")["name"].to_dict() | {0: "nation"}
    return cells.assign(
        place=[names.get(state, str(state)) for state in cells["state"]],
        share=cells["loss"] / total.sum(),
        colour=error_colours(cells["p90"].to_numpy()),
    )


def state_grid(detail: pd.DataFrame, weight_groups: pd.DataFrame) -> figure:
    """Tiles of the states: the strip is the state's own targets, the cells its districts; colour as in the treemap."""
    errors = error_table(detail, ["geo_level", "state", "district"])
    states = errors[errors["geo_level"] == "state"][["state", "targets", "median", "within_10"]]
    strips = state_tiles().merge(states, on="state", how="left").assign(district="state as a whole")
    districts = errors[errors["geo_level"] == "district"][["district", "targets", "median", "within_10"]]
    size = weight_groups[weight_groups["by"] == "district"].assign(district=lambda t: t["group"].astype("int64"))
    size = size[["district", "kept_columns", "effective_sample_size"]]
    cells = (
        district_cells(districts["district"].to_numpy())
        .merge(districts, on="district")
        .merge(size, on="district", how="left")
    )
    cells["district"] = "district " + (cells["district"] % 100).astype(str)
    plot = _bare_figure(height=540, ranges=((-0.1, 12.1), (-8.05, 0.1)))
    for table, more in ((strips, []), (cells, SUPPORT_TIPS)):
        table = table.assign(colour=error_colours(table["median"].to_numpy()))
        drawn = plot.quad(
            left="left",
            right="right",
            bottom="bottom",
            top="top",
            source=_source(table),
            fill_color="colour",
            line_color=LINE,
            line_width=0.5,
        )
        plot.add_tools(HoverTool(renderers=[drawn], tooltips=[*PLACE_TIPS, *more]))
    strips = strips.assign(middle=(strips["left"] + strips["right"]) / 2, ink=text_colours(strips["median"].to_numpy()))
    plot.text(
        x="middle",
        y="bottom",
        text="name",
        source=_source(strips),
        text_color="ink",
        text_align="center",
        text_baseline="bottom",
        text_font_size="12px",
        text_font_style="bold",
    )
    return plot


PLACE_TIPS = [
    ("Place", "@name, @district"),
    ("Targets", "@targets"),
    ("Median error", "@median{0.00%}"),
    ("Within 10 %", "@within_10{0.0%}"),
]
SUPPORT_TIPS = [("Columns kept", "@kept_columns{0,0}"), ("Effective sample size", "@effective_sample_size{0,0.0}")]


def loss_curve(loss: pd.DataFrame) -> figure:
    """The terms of the loss (every column but the first) over the first column, on a logarithmic axis."""
    step, *terms = loss.columns
    plot = figure(width=WIDTH, height=300, y_axis_type="log", tools="pan,wheel_zoom,reset", toolbar_location="right")
    plot.xaxis.axis_label, plot.yaxis.axis_label = str(step).capitalize(), "Loss"
    positive = loss.where(loss > 0)
    source = _source(positive)
    for term, colour, dash in zip(
        terms, (BLUE, ORANGE, GREEN, DARK_TEXT), ("solid", "dashed", "dotted", "dotdash"), strict=False
    ):
        plot.line(
            step,
            term,
            source=source,
            legend_label=str(term).replace("_", " "),
            line_color=colour,
            line_dash=dash,
            line_width=2,
        )
    plot.add_tools(HoverTool(tooltips=[(str(name), f"@{{{name}}}") for name in loss.columns], mode="vline"))
    return plot


def weight_histogram(bins: pd.DataFrame) -> figure:
    """Columns by weight, fitted as bars and initial as a line of steps, on a logarithmic axis of weight."""
    plot = figure(width=WIDTH, height=300, x_axis_type="log", tools="", toolbar_location=None)
    plot.xaxis.axis_label, plot.yaxis.axis_label = "Weight (households)", "Columns"
    source = _source(bins)
    bars = plot.quad(
        left="lower",
        right="upper",
        bottom=0,
        top="columns",
        source=source,
        legend_label="fitted",
        fill_color=BLUE,
        line_color="#ffffff",
    )
    if bins["initial_columns"].any():
        edges = np.append(bins["lower"], bins["upper"].iloc[-1])
        plot.step(
            edges,
            np.append(bins["initial_columns"], 0),
            mode="after",
            legend_label="initial",
            line_color=ORANGE,
            line_width=2,
        )
    plot.add_tools(
        HoverTool(
            renderers=[bars], tooltips=[("Weight", "@lower{0.0[00]} to @upper{0.0[00]}"), ("Columns", "@columns{0,0}")]
        )
    )
    plot.yaxis.formatter.use_scientific = False
    return plot


def held_out_chart(families: pd.DataFrame) -> figure:
    """Median absolute relative error of every family in sample (circle) and held out (diamond), joined by a line."""
    rows = families.assign(label=families["geo_level"] + ": " + families["family"])
    plot = figure(
        width=WIDTH,
        height=60 + 22 * len(rows),
        y_range=list(rows["label"])[::-1],
        x_axis_type="log",
        tools="",
        toolbar_location=None,
    )
    source = _source(rows.assign(low=rows["median"].clip(lower=1e-6), high=rows["held_out_median"].clip(lower=1e-6)))
    plot.segment("low", "label", "high", "label", source=source, line_color=LINE, line_width=2)
    inside = plot.scatter("low", "label", source=source, size=9, color=BLUE, legend_label="in sample")
    plot.scatter("high", "label", source=source, size=11, marker="diamond", color=ORANGE, legend_label="held out")
    plot.add_tools(
        HoverTool(
            renderers=[inside], tooltips=[("In sample", "@median{0.00%}"), ("Held out", "@held_out_median{0.00%}")]
        )
    )
    plot.xaxis.axis_label = "Median absolute relative error"
    plot.xaxis.ticker = PERCENTS
    plot.xaxis.major_label_overrides = {share: f"{share:.4%}".rstrip("0%").rstrip(".") + " %" for share in PERCENTS}
    return plot


def _bare_figure(height: int, ranges: tuple[tuple[float, float], tuple[float, float]], tools: str = "") -> figure:
    plot = figure(width=WIDTH, height=height, x_range=ranges[0], y_range=ranges[1], tools=tools, toolbar_location=None)
    plot.axis.visible = False
    plot.grid.visible = False
    plot.outline_line_color = None
    return plot


def _fitting(text: str, width: float) -> str:
    """As much of a name as a rectangle of this share of the figure's width can bear."""
    letters = int(width * WIDTH / 6.6)
    return text if len(text) <= letters else text[: max(letters - 1, 1)] + "…"


def _source(frame: pd.DataFrame) -> ColumnDataSource:
    return ColumnDataSource({str(name): frame[name].to_numpy() for name in frame})
