"""The table of all targets: search by words of the name, filter by level, family, state and reach, sort by any column.

Filtering runs in the reader's browser over the embedded columns; families and states travel as small numbers.
"""

from typing import Any

import numpy as np
import pandas as pd
from bokeh.layouts import column, row
from bokeh.models import (
    CDSView,
    ColumnDataSource,
    CustomJS,
    DataTable,
    Div,
    HTMLTemplateFormatter,
    IndexFilter,
    NumberFormatter,
    ScientificFormatter,
    Select,
    TableColumn,
    TextInput,
)
from bokeh.models.layouts import Column

from calibration_assets.diagnostics.families import LEVELS
from calibration_assets.diagnostics.report.figures import WIDTH
from calibration_assets.diagnostics.report.layout import STATE_TILES

EVERY = "all"
RIGHT = {"text_align": "right"}
REACHES = ("can be met", "cannot be met", "near zero")

MATCH = """
const data = source.data, n = data.target.length;
const words = search.value.toLowerCase().split(/\\s+/).filter((word) => word);
const wanted = (select) => select.value == "all" ? -1 : codes[select.name].indexOf(select.value);
const level = wanted(levels), family = wanted(families), state = wanted(states), reach = wanted(reaches);
const indices = [];
for (let i = 0; i < n; i++) {
  if (level >= 0 && data.level[i] != level) continue;
  if (family >= 0 && data.family[i] != family) continue;
  if (state >= 0 && data.state[i] != state) continue;
  if (reach >= 0 && data.reach[i] != reach) continue;
  if (words.length && !words.every((word) => data.target[i].toLowerCase().includes(word))) continue;
  indices.push(i);
}
filter.indices = indices;
shown.text = `${indices.length.toLocaleString("en")} of ${n.toLocaleString("en")} targets`;
"""

FOLLOW_TAP = """
const picked = cells.selected.indices;
if (!picked.length) return;
const family = cells.data.family[picked[0]], place = cells.data.place[picked[0]];
families.value = codes.family.includes(family) ? family : "all";
states.value = codes.state.includes(place) ? place : "all";
cells.selected.indices = [];
"""


def target_table(detail: pd.DataFrame, treemap: ColumnDataSource | None = None) -> Column:
    """The table with its filters, worst targets first, those out of reach last.

    A tap on the treemap of the same targets sets the filters.
    """
    detail = detail.sort_values(["achievable", "abs_rel_error"], ascending=False, kind="stable")
    codes, data = _columns(detail)
    source = ColumnDataSource(data)
    index_filter = IndexFilter(indices=None)
    shown = Div(text=f"{len(detail):,} of {len(detail):,} targets", width=WIDTH)
    search = TextInput(title="Search the names", placeholder="cd_601 age", width=240, name="search")
    selects = {
        name: Select(title=title, value=EVERY, options=[EVERY, *codes[name]], width=190, name=name)
        for name, title in (("level", "Level"), ("family", "Family"), ("state", "State"), ("reach", "Reach"))
    }
    arguments = {"source": source, "codes": codes, "filter": index_filter, "shown": shown, "search": search}
    arguments |= {"levels": selects["level"], "families": selects["family"], "states": selects["state"]}
    match = CustomJS(args=arguments | {"reaches": selects["reach"]}, code=MATCH)
    search.js_on_change("value_input", match)
    for select in selects.values():
        select.js_on_change("value", match)
    if treemap is not None:
        follow = {"cells": treemap, "codes": codes, "families": selects["family"], "states": selects["state"]}
        treemap.selected.js_on_change("indices", CustomJS(args=follow, code=FOLLOW_TAP))
    table = DataTable(
        source=source,
        view=CDSView(filter=index_filter),
        columns=_table_columns(),
        width=WIDTH,
        height=520,
        index_position=None,
        reorderable=False,
        name="targets",
        stylesheets=[":host { font-size: 12px; }"],
    )
    return column(row(search, *selects.values()), shown, table)


def _columns(detail: pd.DataFrame) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """The lists that codes stand for, and the table's columns; numbers as the CSV has them."""
    names = STATE_TILES.set_index("state")["name"].to_dict() | {0: "nation"}
    place = detail["state"].map(lambda state: names.get(state, str(state)))
    reach = np.where(~detail["achievable"], "cannot be met", np.where(detail["near_zero"], "near zero", "can be met"))
    codes = {
        "level": list(LEVELS),
        "family": sorted(detail["family"].unique()),
        "state": sorted(place.unique()),
        "reach": list(REACHES),
    }
    texts: dict[str, Any] = {"level": detail["geo_level"], "family": detail["family"], "state": place, "reach": reach}
    coded = {name: pd.Index(codes[name]).get_indexer(pd.Index(text)).astype(np.uint16) for name, text in texts.items()}
    numbers = {name: detail[name].to_numpy() for name in ("true_value", "estimate", "rel_error")}
    single = ("abs_rel_error", "largest_record_share", "shadow_price", "loss")
    small = {name: detail[name].to_numpy(dtype=np.float32) for name in single}
    carrying = {"carrying_records": detail["carrying_records"].to_numpy(dtype=np.int32)}
    return codes, {"target": detail["target"].tolist(), **coded, **numbers, **small, **carrying}


def _table_columns() -> list[TableColumn]:
    number, percent = NumberFormatter(format="0,0.[00]", **RIGHT), NumberFormatter(format="0.00%", **RIGHT)
    name = HTMLTemplateFormatter(template='<span title="<%= value %>"><%= value %></span>')
    fine = ScientificFormatter(precision=2, **RIGHT)
    whole = NumberFormatter(format="0,0", **RIGHT)
    return [
        TableColumn(field="target", title="Target", formatter=name, width=330),
        TableColumn(field="true_value", title="True value", formatter=number, width=125),
        TableColumn(field="estimate", title="Estimate", formatter=number, width=125),
        TableColumn(field="rel_error", title="Rel. error", formatter=percent, width=75),
        TableColumn(field="abs_rel_error", title="Its size", formatter=percent, width=75),
        TableColumn(field="carrying_records", title="Carriers", formatter=whole, width=65),
        TableColumn(field="largest_record_share", title="Top share", formatter=percent, width=70),
        TableColumn(field="shadow_price", title="Shadow price", formatter=fine, width=85),
        TableColumn(field="loss", title="Loss", formatter=fine, width=70),
    ]
