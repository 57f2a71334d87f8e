"""Where things lie: the squarified treemap and the tile grid of the states. Geometry alone; drawing is in `figures`."""

import numpy as np
import pandas as pd

STATE_TILES = pd.DataFrame(
    [
        (2, "AK", 0, 0), (23, "ME", 0, 11),
        (50, "VT", 1, 10), (33, "NH", 1, 11),
        (53, "WA", 2, 1), (16, "ID", 2, 2), (30, "MT", 2, 3), (38, "ND", 2, 4), (27, "MN", 2, 5), (17, "IL", 2, 6),
        (55, "WI", 2, 7), (26, "MI", 2, 8), (36, "NY", 2, 9), (44, "RI", 2, 10), (25, "MA", 2, 11),
        (41, "OR", 3, 1), (32, "NV", 3, 2), (56, "WY", 3, 3), (46, "SD", 3, 4), (19, "IA", 3, 5), (18, "IN", 3, 6),
        (39, "OH", 3, 7), (42, "PA", 3, 8), (34, "NJ", 3, 9), (9, "CT", 3, 10),
        (6, "CA", 4, 1), (49, "UT", 4, 2), (8, "CO", 4, 3), (31, "NE", 4, 4), (29, "MO", 4, 5), (21, "KY", 4, 6),
        (54, "WV", 4, 7), (51, "VA", 4, 8), (24, "MD", 4, 9), (10, "DE", 4, 10),
        (4, "AZ", 5, 2), (35, "NM", 5, 3), (20, "KS", 5, 4), (5, "AR", 5, 5), (47, "TN", 5, 6), (37, "NC", 5, 7),
        (45, "SC", 5, 8), (11, "DC", 5, 9),
        (40, "OK", 6, 4), (22, "LA", 6, 5), (28, "MS", 6, 6), (1, "AL", 6, 7), (13, "GA", 6, 8),
        (15, "HI", 7, 0), (48, "TX", 7, 4), (12, "FL", 7, 9),
    ],
    columns=["state", "name", "row", "column"],
)  # fmt: skip
"""Every state, and the District of Columbia, near where it lies on a map, in 8 rows of 12."""

GAP = 0.06
STRIP = 0.24
"""Height of the strip on top of a state's tile that shows the state's own targets; districts fill the rest."""


def squarify(sizes: np.ndarray, left: float, bottom: float, width: float, height: float) -> np.ndarray:
    """Rectangles (n, 4: left, bottom, width, height) filling the given one, areas as `sizes` (positive, falling).

    Rows are closed where one more rectangle would make the worst one longer (Bruls, Huizing and van Wijk 2000).
    """
    areas = np.asarray(sizes, dtype=np.float64) * (width * height / np.sum(sizes))
    rectangles: list[tuple[float, float, float, float]] = []
    start = 0
    while start < len(areas):
        short = min(width, height)
        stop = start + 1
        while stop < len(areas) and _worst(areas[start : stop + 1], short) <= _worst(areas[start:stop], short):
            stop += 1
        depth = areas[start:stop].sum() / short
        lengths = areas[start:stop] / depth
        offsets = np.cumsum(lengths) - lengths
        if width >= height:
            rectangles += [(left, bottom + o, depth, n) for o, n in zip(offsets, lengths, strict=True)]
            left, width = left + depth, width - depth
        else:
            rectangles += [(left + o, bottom, n, depth) for o, n in zip(offsets, lengths, strict=True)]
            bottom, height = bottom + depth, height - depth
        start = stop
    return np.array(rectangles).reshape(-1, 4)


def _worst(areas: np.ndarray, short: float) -> float:
    """Largest ratio of sides in a row of these areas along a side of length `short`."""
    depth = areas.sum() / short
    return float(np.max(np.maximum(depth**2 / areas, areas / depth**2)))


def state_tiles() -> pd.DataFrame:
    """The strip of every state: state, name, left, right, bottom, top; rows count downwards."""
    left, top = STATE_TILES["column"] + 0.0, -STATE_TILES["row"] + 0.0
    return STATE_TILES.assign(left=left, right=left + 1 - GAP, bottom=top - STRIP, top=top)


def district_cells(districts: np.ndarray) -> pd.DataFrame:
    """The cell of every district (state * 100 + number, sorted) below its state's strip."""
    tiles = STATE_TILES.set_index("state").to_dict("index")
    cells = []
    for state, group in pd.Series(np.sort(districts)).groupby(np.sort(districts) // 100):
        across = min(len(group), int(np.ceil(np.sqrt(len(group) / (1 - STRIP)))))
        down = -(-len(group) // across)
        row, column = np.divmod(np.arange(len(group)), across)
        width, height = (1 - GAP) / across, (1 - GAP - STRIP) / down
        left = tiles[state]["column"] + column * width
        top = -tiles[state]["row"] - STRIP - row * height
        places = {"left": left, "right": left + width, "bottom": top - height, "top": top}
        cells.append(pd.DataFrame({"district": group.to_numpy(), "name": tiles[state]["name"], **places}))
    names = ["district", "name", "left", "right", "bottom", "top"]
    return pd.concat(cells, ignore_index=True) if cells else pd.DataFrame(columns=names)
