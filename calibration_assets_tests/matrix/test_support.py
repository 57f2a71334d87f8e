import numpy as np

from calibration_assets.matrix.calibration_matrix import CalibrationMatrix
from calibration_assets.matrix.support import EMPTY, WRONG_SIGN, describe_support, row_support
from calibration_assets_tests.matrix.test_build import DISTRICTS, EXPECTED, ROWS, build


def test_support_counts_columns_and_households():
    matrix = build(DISTRICTS * 2)
    support = row_support(matrix)
    single = [int(np.count_nonzero(row)) for row in EXPECTED]
    assert support["columns"].tolist() == [2 * count for count in single]
    assert support["households"].tolist() == single
    assert support["reason"].isna().all()
    assert describe_support(matrix, support)["entries"] == 2 * sum(single)


def test_targets_that_no_weight_can_meet_say_why():
    rows = [
        ("snap", "state", "11", []),
        ("snap", "state", "6", []),
        ROWS[0],
        ("snap", "state", "11", [("age", "<", "0")]),
    ]
    built = build(rows=rows)
    values = [5.0, -5.0, 20.0, 0.0]
    matrix = CalibrationMatrix(built.matrix, built.targets.assign(value=values), built.columns)
    support = row_support(matrix)
    assert support["reason"].tolist() == [EMPTY, WRONG_SIGN, None, None]
    assert describe_support(matrix, support)["unreachable_targets"] == 2
