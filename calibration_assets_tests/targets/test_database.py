"""The database: its rows, what it refuses from Python and from raw SQL, and the swap of old for new."""

import hashlib
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.connection import open_database
from calibration_assets.targets.database import build_database

from .conftest import figures, make_reference, small_tables


def query(path, sql, *values):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql, values).fetchall()


def dump(path):
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def execute(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_places_are_explicit_and_strata_unique_by_their_own_constraints(database):
    places = query(
        database, "SELECT geo_level, geographic_id FROM strata WHERE kind = 'geographic' ORDER BY stratum_id"
    )
    assert places == [
        ("national", "US"), ("state", "1"), ("state", "2"),
        ("district", "101"), ("district", "102"), ("district", "201"),
    ]  # fmt: skip
    lines = "age|<|18\nage|>=|0\ncongressional_district_geoid|==|101"
    expected = hashlib.sha256(lines.encode()).hexdigest()
    found = query(database, "SELECT geographic_id, kind FROM strata WHERE definition_hash = ?", expected)
    assert found == [("101", "domain")]


def test_parents_are_places(database):
    rows = query(
        database,
        "SELECT s.kind, s.geographic_id, p.kind, p.geographic_id FROM strata s "
        "JOIN strata p ON p.stratum_id = s.parent_stratum_id WHERE s.geographic_id IN ('1', '101') ORDER BY 1, 2",
    )
    assert set(rows) == {
        ("geographic", "1", "geographic", "US"),
        ("geographic", "101", "geographic", "1"),
        ("domain", "1", "geographic", "1"),
        ("domain", "101", "geographic", "101"),
    }


def test_the_sql_of_the_manual(database):
    rows = query(database, "SELECT DISTINCT variable, geo_level\nFROM target_overview\nORDER BY variable, geo_level;")
    assert rows == [
        ("adjusted_gross_income", "district"),
        ("household_count", "district"), ("household_count", "state"),
        ("person_count", "district"), ("person_count", "national"), ("person_count", "state"),
    ]  # fmt: skip


def test_the_overview_names_domains_without_geography_and_filing(tmp_path):
    path = tmp_path / "d.db"
    domain = ["snap>0", "age>=5", "age<10", "tax_unit_is_filer==1"]
    build_database(path, make_reference(figures({101: 7}, "person_count", constraints=domain)))
    row = query(path, "SELECT geo_level, geographic_id, domain_variable, value, period, active FROM target_overview")
    assert row == [("district", "101", "age,snap", 7.0, 2024, 1)]
    domains = query(path, "SELECT domain_variable FROM stratum_domain ORDER BY 1")
    assert domains == [("age",), ("snap",)]


def test_a_zero_is_kept_but_not_active(tmp_path):
    path = tmp_path / "d.db"
    build_database(path, make_reference(figures({1: 0, 2: 5}, "household_count")))
    rows = query(
        path,
        "SELECT geographic_id, targets.active, notes IS NULL "
        "FROM target_overview JOIN targets USING (target_id) ORDER BY 1",
    )
    assert rows == [("1", 0, 0), ("2", 1, 1)]


def test_an_amount_that_no_household_has_by_itself_is_kept_but_not_active(tmp_path):
    path = tmp_path / "d.db"
    build_database(path, make_reference(figures({0: 871.7e9}, "medicaid"), figures({1: 5}, "household_count")))
    rows = query(path, "SELECT value, active, notes LIKE 'the rules spread%' FROM targets WHERE variable = 'medicaid'")
    assert rows == [(871.7e9, 0, 1)]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("INSERT INTO stratum_constraints VALUES (4, 'shoe_size', '==', '1', NULL)", "field_valid_values"),
        ("INSERT INTO stratum_constraints VALUES (4, 'age', '~', '1', NULL)", "field_valid_values"),
        ("INSERT INTO targets (variable, period, stratum_id) VALUES ('shoe_size', 2024, 1)", "field_valid_values"),
        ("INSERT INTO targets (variable, period, stratum_id) VALUES ('rent', 1815, 1)", "field_valid_values"),
        ("INSERT INTO targets (variable, period, stratum_id, source) VALUES ('rent', 2024, 1, 'me')", "field_valid"),
        ("UPDATE targets SET active = 7 WHERE target_id = 1", "field_valid_values"),
        ("UPDATE targets SET variable = 'shoe_size' WHERE target_id = 1", "field_valid_values"),
        ("INSERT INTO stratum_constraints VALUES (4, 'state_fips', '==', '2', NULL)", "geographic"),
        ("INSERT INTO strata VALUES (999, 'x', 2, 'domain', 'district', '201', NULL)", "outside the geography"),
        ("INSERT INTO targets (variable, period, stratum_id) VALUES ('rent', 2024, 12345)", "FOREIGN KEY"),
    ],
)
def test_raw_sql_is_refused(database, statement, message):
    with pytest.raises(sqlite3.IntegrityError, match=message):
        execute(database, statement)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (("==", "5"), (">=", "5"), "equality must stand alone"),
        ((">", "5"), (">=", "6"), "two bounds on one side"),
        (("<", "5"), (">=", "5"), "no values"),
        ((">", "9"), ("<=", "5"), "no values"),
    ],
)
def test_raw_sql_cannot_contradict_itself(database, first, second, message):
    insert = "INSERT INTO stratum_constraints VALUES (1, 'age', '{}', '{}', NULL)"
    with pytest.raises(sqlite3.IntegrityError, match=message):
        execute(database, insert.format(*first), insert.format(*second))


def test_one_target_a_population_variable_period_and_reform(database):
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        execute(
            database,
            "INSERT INTO targets (variable, period, stratum_id, value) "
            "SELECT variable, period, stratum_id, 1 FROM targets WHERE target_id = 1",
        )


def test_unknown_variables_and_contradictions_stop_the_build(tmp_path):
    with pytest.raises(CalibrationError, match="variable shoe_size is not in policyengine-us 2.68.0"):
        build_database(tmp_path / "d.db", make_reference(figures({0: 1}, "shoe_size")))
    with pytest.raises(CalibrationError, match="a range without values"):
        build_database(tmp_path / "d.db", make_reference(figures({0: 1}, "rent", constraints=["age<5", "age>6"])))
    assert list(tmp_path.iterdir()) == []


def test_the_old_database_stays_until_the_new_one_is_accepted(database):
    before = database.read_bytes()
    tables = [figures({0: 100, 1: 40, 2: 90}, "person_count", constraints=["age>=0", "age<18"])]
    with pytest.raises(CalibrationError, match=r"targets disagree .*person_count by age is 100 for national and 130"):
        build_database(database, make_reference(*tables))
    assert database.read_bytes() == before
    assert [path.name for path in database.parent.iterdir()] == [database.name]


def test_two_builds_of_one_reference_hold_the_same_rows(database, tmp_path):
    other = tmp_path / "other.db"
    build_database(other, make_reference(*small_tables()))
    assert dump(database) == dump(other)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CalibrationError, match="cannot be written"):
        build_database(tmp_path / "file" / "d.db", make_reference(*small_tables()))


def test_no_figures(tmp_path):
    reference = make_reference(*small_tables())
    empty = type(reference)(reference.figures.iloc[:0], reference.sources, reference.uprating, reference.variables)
    with pytest.raises(CalibrationError, match="there are no figures"):
        build_database(tmp_path / "d.db", empty)


def test_a_missing_foreign_or_older_database(database, tmp_path):
    def read(path):
        with open_database(path) as connection:
            connection.execute(text("SELECT * FROM targets")).all()

    with pytest.raises(CalibrationError, match="does not exist; build it with `make database`"):
        read(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("this is no database, and it is long enough to be looked at " * 20)
    with pytest.raises(CalibrationError, match="file is not a database"):
        read(tmp_path / "text.db")
    execute(database, "PRAGMA user_version = 99")
    with pytest.raises(CalibrationError, match="schema version 99, expected 1; rebuild it"):
        read(database)


def test_a_locked_database(database):
    with closing(sqlite3.connect(database)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with (
            pytest.raises(CalibrationError, match="database is locked"),
            open_database(database) as connection,
        ):
            connection.execute(text("SELECT * FROM targets")).all()
