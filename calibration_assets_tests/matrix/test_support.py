import numpy as np

from calibration_assets.matrix.calibration_matrix import CalibrationMatrix
from calibration_assets.matrix.reach import NO_COLUMN, ONLY_POSITIVE
from calibration_assets.matrix.support import describe_support
from calibration_assets_tests.matrix.test_build import DISTRICTS, EXPECTED, ROWS, build


def test_support_counts_columns_by_level_and_kind():
    figures = describe_support(build(DISTRICTS * 2))
    single = [int(np.count_nonzero(row)) for row in EXPECTED]
    assert figures["non_zeros"] == 2 * sum(single)
    assert figures["stored_non_zeros"] < figures["non_zeros"]
    assert figures["targets_a_column"] == round(2 * sum(single) / 40, 2)
    assert figures["unreachable_targets"] == {}
    levels = {row["geo_level"]: row for row in figures["support_by_level"]}
    assert levels["district"]["fewest_columns"] == 2 * min(single[7:])
    assert levels["national"]["most_columns"] == 40
    kinds = {(row["geo_level"], row["variable"], row["domain_variable"]): row for row in figures["support_by_kind"]}
    assert kinds["state", "snap", ""]["targets"] == 2
    assert kinds["district", "person_count", "age"]["median_columns"] == 2 * single[8]


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
    assert describe_support(matrix)["unreachable_targets"] == {NO_COLUMN: 1, ONLY_POSITIVE: 1}
