"""Which records carry a target, by hand."""

import numpy as np
import pytest

from calibration_assets.diagnostics import carrying
from calibration_assets.matrix.cell_matrix import as_cell_matrix

X = as_cell_matrix(np.array([[1, 2, 3, 4], [0, 0, 0, 0], [-1, 0, 1, 0], [0, -6, 0, 2]], dtype=np.float32))
RECORD = np.array([0, 1, 0, 1], dtype=np.int32)


def test_carriers_by_hand():
    table = carrying.carrying_records(X, np.array([1.0, 1.0, 2.0, 0.0]), RECORD)
    assert table["carrying_records"].tolist() == [2, 0, 1, 1]
    assert table["largest_record"].tolist() == [0, -1, 0, 1]
    assert table["largest_record_share"].tolist() == pytest.approx([7 / 9, 0, 1, 1])


def test_blocks_do_not_matter(monkeypatch):
    whole = carrying.carrying_records(X, np.arange(1.0, 5.0), RECORD)
    monkeypatch.setattr(carrying, "BLOCK_CELLS", 1)
    assert carrying.carrying_records(X, np.arange(1.0, 5.0), RECORD).equals(whole)
