"""Where things lie: areas are right, nothing overlaps, every state and district has a place."""

import numpy as np
import pytest

from calibration_assets.diagnostics.report.layout import STATE_TILES, district_cells, squarify, state_tiles
from calibration_assets_tests.diagnostics.nation import districts


def overlap(cells: np.ndarray) -> float:
    """Area that pairs of rectangles (left, right, bottom, top) share."""
    left, right, bottom, top = cells.T
    width = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    height = np.minimum.outer(top, top) - np.maximum.outer(bottom, bottom)
    shared = width.clip(0) * height.clip(0)
    return float(shared[np.triu_indices(len(cells), 1)].sum())


def test_squarified_example_of_the_paper():
    rectangles = squarify(np.array([6, 6, 4, 3, 2, 2, 1]), 0, 0, 6, 4)
    assert rectangles[0].tolist() == [0, 0, 3, 2]
    assert rectangles[1].tolist() == [0, 2, 3, 2]
    assert rectangles[2].tolist() == pytest.approx([3, 0, 12 / 7, 7 / 3])


@pytest.mark.parametrize("n", [1, 2, 7, 200])
def test_rectangles_fill_the_area_without_overlap(n):
    sizes = np.sort(np.random.default_rng(n).exponential(1, n))[::-1]
    left, bottom, width, height = squarify(sizes, 1, 2, 5, 3).T
    assert (width * height).tolist() == pytest.approx((sizes / sizes.sum() * 15).tolist())
    assert overlap(np.column_stack([left, left + width, bottom, bottom + height])) == pytest.approx(0, abs=1e-9)
    assert left.min() == 1
    assert (left + width).max() == pytest.approx(6)


def test_every_state_once_and_no_two_in_one_place():
    assert STATE_TILES["state"].nunique() == STATE_TILES["name"].nunique() == 51
    assert not STATE_TILES[["row", "column"]].duplicated().any()


def test_districts_lie_under_their_state_without_overlap():
    names = ["left", "right", "bottom", "top"]
    cells = district_cells(districts())
    assert sorted(cells["district"]) == sorted(districts())
    assert len(cells) == 436
    tiles = state_tiles()
    whole = np.concatenate([cells[names].to_numpy(float), tiles[names].to_numpy(float)])
    assert overlap(whole) == pytest.approx(0, abs=1e-9)
    home = cells.merge(tiles.assign(home=tiles["left"]), on="name")
    assert ((home["left_x"] >= home["home"] - 1e-9) & (home["right_x"] <= home["home"] + 1)).all()
