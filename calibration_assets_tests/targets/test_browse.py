"""The browse command: a summary of one database, the difference of two."""

import pytest

from calibration_assets.targets.browse import compare_databases, main, summarise_database
from calibration_assets.targets.database import build_database

from .conftest import figures, make_reference, small_tables


def test_the_summary_counts_and_sums(database):
    table = summarise_database(database).set_index(["geo_level", "variable"])
    row = table.loc[("state", "person_count")]
    assert (row["targets"], row["total"], row["domain_variable"]) == (4, 400, "age")
    assert (row["source"], row["vintage"], row["url"]) == ("Census ACS S0101", 2024, "https://example.org/table")


@pytest.fixture
def later(tmp_path):
    path = tmp_path / "later.db"
    tables = [*small_tables()[:2], figures({1: 20, 2: 33, 101: 20, 201: 33}, "household_count", constraints=["snap>0"])]
    build_database(path, make_reference(*tables, figures({0: 5.0}, "rent")))
    return path


def test_the_difference_of_two_databases(database, later):
    moved = compare_databases(database, later)
    found = [
        (row.change, row.geographic_id, row.variable, row.value_old, row.value_new)
        for row in moved[moved["variable"] != "adjusted_gross_income"]
        .fillna({"value_old": -1, "value_new": -1})
        .itertuples()
    ]
    assert found == [
        ("added", "US", "rent", -1, 5.0),
        ("changed", "101", "household_count", 5.0, 20.0),
        ("changed", "201", "household_count", 30.0, 33.0),
        ("changed", "2", "household_count", 30.0, 33.0),
        ("removed", "102", "household_count", 15.0, -1),
    ]
    changed = moved[(moved["change"] == "changed") & (moved["geographic_id"] == "2")]
    assert changed["relative_change"].item() == pytest.approx(0.1)
    assert compare_databases(database, database).empty


def test_the_command(database, later, capsys):
    assert main(["--db-path", str(database)]) == 0
    assert "20 active targets" in capsys.readouterr().out
    assert main(["--db-path", str(later), "--compare", str(database)]) == 0
    assert "8 differences" in capsys.readouterr().out
    assert main(["--db-path", str(database.parent / "none.db")]) == 1
    assert "does not exist" in capsys.readouterr().err
