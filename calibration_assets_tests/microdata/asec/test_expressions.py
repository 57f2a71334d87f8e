"""The mapping's small language, on literal tables."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.asec.expressions import columns_of, evaluate

TABLE = pd.DataFrame({"AGE": [70, 30, 61], "VAL": [5.0, np.nan, -2.0], "CODE": [1, 2, np.nan], "OTHER": [0, 1, 1]})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("VAL", [5, 0, -2]),
        ("VAL + AGE", [75, 30, 59]),
        ("VAL where CODE is 1", [5, 0, 0]),
        ("AGE where CODE is not 1 2", [0, 0, 61]),
        ("AGE where CODE is 2 + VAL where CODE is 1", [5, 30, 0]),
        ("AGE where OTHER is 1 and AGE is over 60", [0, 0, 61]),
        ("AGE where AGE is not over 61", [0, 30, 61]),
        ("CODE is 1 2", [True, True, False]),
        ("CODE is 1 or OTHER is 1", [True, True, True]),
        ("CODE is 2 and OTHER is 1", [False, True, False]),
        ("CODE as 0=NOBODY 1=ONE 2=TWO", ["ONE", "TWO", "NOBODY"]),
        ("OLD where AGE is over 65; KNOWN where CODE is 2 or OTHER is 2; NEITHER", ["OLD", "KNOWN", "NEITHER"]),
    ],
)
def test_an_expression_has_its_value(expression, expected):
    assert evaluate(expression, TABLE).tolist() == expected


def test_an_expression_names_its_columns():
    assert columns_of("DST_VAL1 where DST_SC1 is 4 + DST_VAL2 where DST_SC2 is not over 0") == [
        "DST_VAL1", "DST_SC1", "DST_VAL2", "DST_SC2",
    ]  # fmt: skip
    assert columns_of("CODE as 0=NOBODY 1=ONE") == ["CODE"]
    assert columns_of("OLD where AGE is over 65; NEW where CODE is 2; NEITHER") == ["AGE", "CODE"]


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("VAL where CODE equals 1", "mapping: 'CODE equals 1' is no condition"),
        ("CODE as 1=ONE", r"ASEC column CODE holds 2, expected one of \[1\]"),
    ],
)
def test_what_has_no_value_is_a_sentence(expression, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        evaluate(expression, TABLE)
