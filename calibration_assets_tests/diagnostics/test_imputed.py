"""The picture of re-imputation."""

import io

import numpy as np
from matplotlib.image import imread

from calibration_assets.diagnostics.imputed import imputed_values_png

ROW = {f"{figure}_{side}": 10.0 for figure in ("p50", "mean", "p90", "p99") for side in ("donors", "records")}
ROW |= {"variable": "rent", "zero_share_donors": 0.5, "zero_share_records": 0.6}


def test_the_picture_grows_with_its_variables_and_shows_what_differs():
    one, two = (imputed_values_png([ROW] * count) for count in (1, 2))
    other = imputed_values_png([{**ROW, "mean_records": 50.0}])
    heights = [imread(io.BytesIO(png)).shape[0] for png in (one, two)]
    assert heights[1] > heights[0]
    assert not np.array_equal(imread(io.BytesIO(one)), imread(io.BytesIO(other)))
    assert len(two) < 100_000


def test_a_variable_of_zeros_has_a_picture_too():
    nothing = dict.fromkeys(ROW, 0.0) | {"variable": "tips"}
    assert imputed_values_png([nothing, ROW])[:4] == b"\x89PNG"
