"""Reference tables: equal rows are equal bytes; a missing table is one sentence."""

import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.storage.reference import read_reference, write_reference


def test_written_and_read_back_with_equal_bytes(tmp_path):
    table = pd.DataFrame({"name": ["a", None], "value": [1.5, 2.5], "code": pd.Series([1, 2], dtype="int32")})
    first = write_reference(table, "table", tmp_path).read_bytes()
    assert write_reference(table.copy(), "table", tmp_path).read_bytes() == first
    pd.testing.assert_frame_equal(read_reference("table", tmp_path), table, check_dtype=False)


def test_a_missing_table(tmp_path):
    with pytest.raises(CalibrationError, match=r"figures\.parquet does not exist \(no table there\)"):
        read_reference("figures", tmp_path)
