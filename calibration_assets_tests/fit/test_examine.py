"""What the examination before a fit finds in a literal example."""

import numpy as np
from scipy import sparse

from calibration_assets.fit.examine import achievable_targets, examine_targets
from calibration_assets.matrix.cell_matrix import as_cell_matrix
from calibration_assets.matrix.reach import NO_COLUMN, ONLY_NEGATIVE

NAMES = [
    "national/snap",
    "state_1/snap",
    "state_2/snap",
    "cd_101/snap",
    "cd_102/snap",
    "cd_201/snap",
    "state_1/rent",
    "national/loss",
    "national/rent",
    "national/rent_paid",
]
ROWS = [
    [1, 2, 3, 4, 0],
    [1, 2, 3, 0, 0],
    [0, 0, 0, 4, 0],
    [1, 2, 0, 0, 0],
    [0, 0, 3, 0, 0],
    [0, 0, 0, 4, 0],
    [0, 0, 0, 0, 0],
    [0, -1, 0, 0, -2],
    [5, 0, 0, 0, 0],
    [5, 0, 0, 0, 0],
]
TARGETS = np.array([100.0, 60.0, 40.0, 30.0, 20.0, 40.0, 7.0, 5.0, 9.0, 8.0])


def found():
    return examine_targets(sparse.csr_matrix(np.array(ROWS, dtype=np.float32)), TARGETS, NAMES)


def test_targets_that_no_column_can_move():
    assert found().unmovable.to_numpy().tolist() == [
        ["state_1/rent", 7.0, NO_COLUMN],
        ["national/loss", 5.0, ONLY_NEGATIVE],
    ]


def test_rows_that_repeat_another():
    assert found().duplicates.to_numpy().tolist() == [
        ["cd_201/snap", "state_2/snap", 40.0, 40.0],
        ["national/rent_paid", "national/rent", 8.0, 9.0],
    ]


def test_parents_that_differ_from_the_sum_of_their_children():
    table = found().contradictions
    assert table["parent"].tolist() == ["national/snap", "state_1/snap"]
    assert table["children"].tolist() == [3, 2]
    assert table["sum_of_children"].tolist() == [90.0, 50.0]
    np.testing.assert_allclose(table["rel_difference"], [100 / 90 - 1, 60 / 50 - 1])


def test_a_parent_that_is_not_the_sum_of_its_rows_children_is_left_alone():
    rows = np.array(ROWS, dtype=np.float32)
    rows[0, 4] = 1
    table = examine_targets(sparse.csr_matrix(rows), TARGETS, NAMES).contradictions
    assert table["parent"].tolist() == ["state_1/snap"]


def test_sentences_name_the_numbers():
    sentences = found().sentences()
    assert "2 targets cannot be moved by any column." in sentences
    assert "  national/snap = 100, but its 3 children sum to 90 (+11.1%)" in sentences


def test_nothing_to_say_about_a_sound_problem():
    X = sparse.csr_matrix(np.array([[1, 1], [1, 0], [0, 2]], dtype=np.float32))
    assert examine_targets(X, np.array([5.0, 2.0, 1.0]), ["national/a", "national/b", "national/c"]).sentences() == []


def test_achievable_follows_the_signs():
    X = sparse.csr_matrix(np.array([[1, 1], [1, -1], [0, 0], [-1, 0], [0, 0]], dtype=np.float32))
    targets = np.array([-1.0, -1.0, 3.0, -2.0, 0.0])
    assert achievable_targets(as_cell_matrix(X), targets).tolist() == [False, True, False, True, True]
