"""Uprating factors: published totals first, then a series; classes of variables."""

import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.uprating import CLASSES, UpratingClass, compile_factors, uprating_class


def series(name, **years):
    return pd.DataFrame(
        [(name, int(year[1:]), value) for year, value in years.items()], columns=["series", "year", "value"]
    )


def factor(factors, start, end):
    row = factors[(factors["from_year"] == start) & (factors["to_year"] == end)]
    return row["factor"].item()


def test_published_totals_then_the_series():
    item = UpratingClass("net", "a.series", ("gains", "-losses"), ("net_income",))
    published = pd.concat([series("gains", y2022=120.0, y2023=150.0), series("losses", y2022=20.0, y2023=40.0)])
    factors = compile_factors(series("a.series", y2021=1.0, y2022=2.0, y2023=4.0, y2024=5.0), published, [item])
    assert factor(factors, 2022, 2023) == pytest.approx(110 / 100)
    assert factor(factors, 2022, 2024) == pytest.approx(110 * (5 / 4) / 100)
    assert factor(factors, 2024, 2022) == pytest.approx(100 / (110 * 5 / 4))
    assert not (factors["from_year"] == 2021).any()
    assert set(factors["method"]) == {"published totals of the item, then growth of a.series"}


def test_a_series_alone():
    factors = compile_factors(
        series("a.series", y2022=2.0, y2024=3.0), series("x", y2022=1.0), [UpratingClass("prices", "a.series")]
    )
    assert factor(factors, 2022, 2024) == 1.5
    assert factor(factors, 2024, 2024) == 1.0


def test_a_series_that_is_not_compiled():
    with pytest.raises(CalibrationError, match=r"series a\.series is not in the catalogue"):
        compile_factors(series("b", y2024=1.0), series("x", y2022=1.0), [UpratingClass("prices", "a.series")])


def test_classes_of_variables():
    assert uprating_class("tax_unit_count") == "population"
    assert uprating_class("irs_employment_income") == "wages"
    assert uprating_class("rent") is None
    variables = [variable for item in CLASSES for variable in item.variables]
    assert len(variables) == len(set(variables))
    assert len({item.name for item in CLASSES}) == len(CLASSES)
