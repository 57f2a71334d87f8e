"""The dataset contract: what is written is read, published files are read, and what breaks the contract is refused."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.microdata.dataset import Dataset, read_dataset, select_households, write_dataset
from calibration_assets.microdata.links import ENTITIES, household_rows, link_column


def assert_same(one: Dataset, other: Dataset) -> None:
    assert one.period == other.period
    for entity in ENTITIES:
        pd.testing.assert_frame_equal(one.tables[entity], other.tables[entity])


def changed(dataset: Dataset, entity: str, **columns: object) -> dict[str, pd.DataFrame]:
    return {**dataset.tables, entity: dataset.tables[entity].assign(**columns)}


def write_published(dataset: Dataset, path: Path) -> None:
    """The dataset as other writers store it: no attributes, groups in alphabetical order, ids as floats."""
    with h5py.File(path, "w") as file:
        for frame in dataset.tables.values():
            for name in frame.columns:
                values = frame[name].to_numpy()
                if name.endswith("_id"):
                    values = values.astype(np.float64)
                elif values.dtype.kind not in "iufb":
                    values = values.astype("S")
                file[f"{name}/{dataset.period}"] = values


def test_what_is_written_is_read(tiny_dataset, tmp_path):
    write_dataset(tiny_dataset, tmp_path / "new" / "records.h5")
    assert_same(read_dataset(tmp_path / "new" / "records.h5"), tiny_dataset)


def test_text_outside_ascii_survives(tiny_dataset, tmp_path):
    tables = changed(tiny_dataset, "household", county=["DOÑA_ANA_COUNTY_NM"] * 20)
    write_dataset(Dataset(2024, tables), tmp_path / "records.h5")
    assert_same(read_dataset(tmp_path / "records.h5"), Dataset(2024, tables))


def test_equal_datasets_make_equal_files(tiny_dataset, tmp_path):
    for name in ("one.h5", "two.h5"):
        write_dataset(tiny_dataset, tmp_path / name)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_the_file_follows_the_contract(tiny_dataset, tmp_path):
    write_dataset(tiny_dataset, tmp_path / "records.h5")
    with h5py.File(tmp_path / "records.h5") as file:
        assert file["tax_unit_role_input/2024"].dtype.kind == "S"
        assert file["tax_unit_role_input/2024"][0] == b"HEAD"
        assert len(file["household_weight/2024"]) == 20
        assert {"person_id", *map(link_column, ENTITIES[1:])} <= set(file)


def test_a_failed_write_leaves_the_old_file_and_no_other(tiny_dataset, tmp_path):
    path = tmp_path / "records.h5"
    write_dataset(tiny_dataset, path)
    before = path.read_bytes()
    unwritable = Dataset(2024, changed(tiny_dataset, "person", **{".": 1}))
    with pytest.raises(ValueError, match="name"):
        write_dataset(unwritable, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_published_file_is_read(tiny_dataset, tmp_path):
    write_published(tiny_dataset, tmp_path / "published.h5")
    read = read_dataset(tmp_path / "published.h5")
    for entity in ENTITIES:
        expected = tiny_dataset.tables[entity]
        pd.testing.assert_frame_equal(read.tables[entity][list(expected)], expected)


def test_months_become_a_year(tiny_dataset, tmp_path):
    path = tmp_path / "months.h5"
    write_published(tiny_dataset, path)
    with h5py.File(path, "a") as file:
        file["is_incarcerated/2024-01"] = np.arange(48) == 3
        for month in range(1, 13):
            file[f"snap_child_support_deduction/2024-{month:02d}"] = np.full(20, 10.0 * month)
        file["is_blind/ETERNITY"] = np.arange(48) == 5
    read = read_dataset(path).tables
    assert read["person"]["is_incarcerated"].sum() == 1
    assert read["person"]["is_blind"].sum() == 1
    assert (read["spm_unit"]["snap_child_support_deduction"] == 780).all()


def test_some_months_of_an_amount_are_refused(tiny_dataset, tmp_path):
    write_published(tiny_dataset, tmp_path / "months.h5")
    with h5py.File(tmp_path / "months.h5", "a") as file:
        file["snap_child_support_deduction/2024-01"] = np.ones(20)
    with pytest.raises(
        CalibrationError, match=r"snap_child_support_deduction is stored for \['2024-01'\].*twelve months"
    ):
        read_dataset(tmp_path / "months.h5")


def test_the_catalogue_decides_where_counts_are_equal(tiny_dataset, tmp_path):
    # 20 households and 20 SPM units; 26 tax units and 26 families.
    path = tmp_path / "equal.h5"
    write_published(tiny_dataset, path)
    with h5py.File(path, "a") as file:
        file["spm_unit_pre_subsidy_childcare_expenses/2024"] = np.arange(20.0)
        file["would_file_taxes_voluntarily/2024"] = np.ones(26, dtype=bool)
    read = read_dataset(path).tables
    assert "spm_unit_pre_subsidy_childcare_expenses" in read["spm_unit"]
    assert "would_file_taxes_voluntarily" in read["tax_unit"]


def test_an_unknown_variable_goes_where_only_its_length_fits(tiny_dataset, tmp_path):
    path = tmp_path / "unknown.h5"
    write_published(tiny_dataset, path)
    with h5py.File(path, "a") as file:
        file["auxiliary/2024"] = np.ones(48)
    assert "auxiliary" in read_dataset(path).tables["person"]
    with h5py.File(path, "a") as file:
        file["ambiguous/2024"] = np.ones(20)
    with pytest.raises(CalibrationError, match="ambiguous has 20 values, expected the count of exactly one entity"):
        read_dataset(path)


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("age", np.ones(47), "age has 47 values, expected the count of person"),
        ("state_fips", np.ones(26), "state_fips has 26 values, expected the count of household"),
        ("person_id", np.arange(48) + 0.5, "person_id holds float64 values that are not all whole numbers"),
        ("tax_unit_id", None, "tax_unit_id not found"),
        ("person_family_id", None, "person_family_id not found"),
        ("household_weight", None, "no group household_weight was found"),
    ],
)
def test_a_file_that_breaks_the_contract_is_named(tiny_dataset, tmp_path, name, values, sentence):
    path = tmp_path / "broken.h5"
    write_published(tiny_dataset, path)
    with h5py.File(path, "a") as file:
        del file[name]
        if values is not None:
            file[f"{name}/2024"] = values
    with pytest.raises(CalibrationError, match=sentence):
        read_dataset(path)


def test_an_array_without_a_period_is_refused(tiny_dataset, tmp_path):
    write_published(tiny_dataset, tmp_path / "flat.h5")
    with h5py.File(tmp_path / "flat.h5", "a") as file:
        file["hours"] = np.ones(48)
    with pytest.raises(CalibrationError, match="hours is an array without a period, expected /hours/2024"):
        read_dataset(tmp_path / "flat.h5")


def test_of_several_years_the_model_year_is_read(tiny_dataset, tmp_path):
    path = tmp_path / "years.h5"
    write_published(tiny_dataset, path)
    with h5py.File(path, "a") as file:
        file["household_weight/2023"] = np.zeros(20)
    assert read_dataset(path).tables["household"]["household_weight"].sum() > 0
    with h5py.File(path, "a") as file:
        file.move("household_weight/2024", "household_weight/2022")
    with pytest.raises(
        CalibrationError, match=r"household_weight is stored for \[2022, 2023\], expected one year or 2024"
    ):
        read_dataset(path)


def test_missing_and_damaged_files_are_sentences(tiny_dataset, tmp_path):
    with pytest.raises(CalibrationError, match="no such file"):
        read_dataset(tmp_path / "absent.h5")
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(CalibrationError, match="it cannot be read"):
        read_dataset(tmp_path / "text.h5")
    write_dataset(tiny_dataset, tmp_path / "whole.h5")
    whole = (tmp_path / "whole.h5").read_bytes()
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CalibrationError, match="it cannot be read"):
        read_dataset(tmp_path / "half.h5")


@pytest.mark.parametrize(
    ("entity", "columns", "sentence"),
    [
        ("household", {"household_weight": -1.0}, "smallest household_weight is -1, expected none below zero"),
        ("household", {"household_weight": np.nan}, "household_weight has 20 missing or infinite values"),
        ("household", {"state_fips": 3}, "state_fips 3 is no state"),
        ("household", {"state_fips": 72}, "state_fips 72 is no state"),
        ("household", {"household_id": 1}, "household table: id 1 occurs more than once"),
        ("household", {"household_id": np.arange(20.0)}, "household_id is float64, expected int64"),
        ("household", {"age": 1}, "age is a column of two tables"),
        ("tax_unit", {"tax_unit_id": np.arange(101, 127)}, "person_tax_unit_id: 48 ids were not found, the first is 1"),
        (
            "person",
            {"age": [None, *range(47)]},
            "person table: age has 1 missing or infinite values, the first in row 0",
        ),
        ("person", {"person_tax_unit_id": 1}, "persons live in more than one household"),
        ("person", {"person_marital_unit_id": np.r_[[1, 1], np.arange(2, 3), np.ones(45)].astype(int)}, "household"),
    ],
)
def test_tables_that_break_the_contract_are_refused(tiny_dataset, entity, columns, sentence):
    with pytest.raises(CalibrationError, match=sentence):
        Dataset(2024, changed(tiny_dataset, entity, **columns))


def test_a_missing_column_or_table_is_refused(tiny_dataset):
    tables = dict(tiny_dataset.tables)
    for entity, column in (
        ("household", "household_weight"),
        ("household", "state_fips"),
        ("person", "person_family_id"),
    ):
        with pytest.raises(CalibrationError, match=column):
            Dataset(2024, {**tables, entity: tables[entity].drop(columns=column)})
    del tables["family"]
    with pytest.raises(CalibrationError, match="expected .*family"):
        Dataset(2024, tables)


def test_an_entity_without_persons_is_refused(tiny_dataset):
    tables = dict(tiny_dataset.tables)
    for entity in ("household", "family"):
        extra = tables[entity].iloc[[0]].assign(**{f"{entity}_id": 99})
        with pytest.raises(CalibrationError, match=f"{entity} 99: no person belongs to it"):
            Dataset(2024, {**tables, entity: pd.concat([tables[entity], extra])})


def test_selected_households_come_whole_and_in_the_order_given(tiny_dataset):
    selected = select_households(tiny_dataset, np.array([15, 2])).tables
    assert selected["household"]["household_id"].tolist() == [15, 2]
    assert selected["tax_unit"]["tax_unit_id"].tolist() == [19, 20, 2]
    assert selected["person"]["age"].tolist() == [45, 44, 20, 12, 74, 41, 39, 11, 7]
    assert selected["person"]["person_household_id"].tolist() == [15] * 5 + [2] * 4


def test_selecting_all_gives_all(tiny_dataset):
    ids = tiny_dataset.tables["household"]["household_id"].to_numpy()
    assert_same(select_households(tiny_dataset, ids), tiny_dataset)


def test_a_selection_of_unknown_or_repeated_households_is_refused(tiny_dataset):
    with pytest.raises(CalibrationError, match="1 ids were not found, the first is 21"):
        select_households(tiny_dataset, np.array([1, 21]))
    with pytest.raises(CalibrationError, match="an id was given twice"):
        select_households(tiny_dataset, np.array([1, 1]))
    with pytest.raises(CalibrationError, match="0 rows"):
        select_households(tiny_dataset, np.array([], dtype=int))


def test_every_unit_lies_in_its_persons_household(tiny_dataset):
    # Tax units 5, 6 and 7 share the fifth household.
    assert household_rows(tiny_dataset.tables, "tax_unit")[:9].tolist() == [0, 1, 2, 3, 4, 4, 4, 5, 6]
    assert household_rows(tiny_dataset.tables, "person")[:6].tolist() == [0, 1, 1, 1, 1, 2]
    assert household_rows(tiny_dataset.tables, "household").tolist() == list(range(20))


@pytest.mark.slow
def test_policyengine_opens_the_file(policyengine, tiny_dataset, tmp_path):
    write_dataset(tiny_dataset, tmp_path / "tiny.h5")
    simulation = policyengine.Microsimulation(dataset=str(tmp_path / "tiny.h5"))
    person = tiny_dataset.tables["person"]
    weight = tiny_dataset.tables["household"]["household_weight"].to_numpy()[
        household_rows(tiny_dataset.tables, "person")
    ]
    assert len(simulation.calculate("age", 2024)) == 48
    assert list(simulation.calculate("household_weight", 2024)) == pytest.approx(
        tiny_dataset.tables["household"]["household_weight"].tolist()
    )
    for variable, column in (
        ("employment_income", "employment_income_before_lsr"),
        ("social_security", "social_security_retirement"),
        ("capital_gains", "long_term_capital_gains_before_response"),
    ):
        assert simulation.calculate(variable, 2024).sum() == pytest.approx((weight * person[column]).sum(), rel=1e-6)
    roles = simulation.calculate("is_tax_unit_spouse", 2024)
    assert list(roles) == (person["tax_unit_role_input"] == "SPOUSE").tolist()
