"""Two runs side by side, by hand; and the command on two folders."""

import pytest

from calibration_assets.diagnostics.compare import compare_runs, main, render_comparison
from calibration_assets.diagnostics.diagnosis import diagnose, write_diagnosis
from calibration_assets_tests.diagnostics.example import make_package


@pytest.fixture(scope="module")
def runs():
    X, targets, columns, weights = make_package()
    before_weights = weights * (columns["record"] != 3)
    after_weights = weights * (columns["record"] != 4)
    kept = list(range(1, len(targets)))
    before = diagnose(X, targets, columns, before_weights)
    after = diagnose(X[kept], targets.iloc[kept], columns, after_weights)
    return before, after, weights, columns


def test_targets_and_records_that_entered_and_left(runs):
    before, after, weights, columns = runs
    comparison = compare_runs(before, after)
    status = comparison.targets.set_index("target")["status"]
    assert status["national_US/person_count/0"] == "left"
    assert (status == "left").sum() == 1
    records = comparison.records.set_index("household_id")["status"]
    assert (records[37], records[47], records[57]) == ("entered", "left", "kept")
    moved = comparison.figures.set_index("figure").loc["Households whose weight moved to another record", "after"]
    lost, gained = (weights[columns["record"] == record].sum() for record in (4, 3))
    assert moved == pytest.approx((lost + gained) / 2)


def test_better_and_worse(runs):
    before, after, *_ = runs
    comparison = compare_runs(before, after)
    both = comparison.targets.dropna()
    change = both["abs_rel_error_after"] - both["abs_rel_error_before"]
    assert both.loc[change > 0.001, "status"].eq("worse").all()
    assert both.loc[change < -0.001, "status"].eq("better").all()
    back = compare_runs(after, before).targets["status"].value_counts()
    assert back["entered"] == 1
    assert back["better"] == comparison.targets["status"].value_counts()["worse"]


def test_a_run_equals_itself(runs):
    comparison = compare_runs(runs[0], runs[0])
    assert set(comparison.targets["status"]) == {"same"}
    assert "0 entered, 0 left" in render_comparison(comparison)


def test_command(runs, tmp_path, capsys):
    for name, run in zip("ab", runs[:2], strict=True):
        write_diagnosis(run, tmp_path / name)
    assert main([str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert "Targets: 0 entered, 1 left" in capsys.readouterr().out
    assert main([str(tmp_path / "a"), str(tmp_path / "none")]) == 1
    assert "holds no diagnostics" in capsys.readouterr().err


def test_families_of_both_runs(runs):
    families = compare_runs(*runs[:2]).families
    row = families[(families["geo_level"] == "national") & (families["family"] == "person_count by age")].iloc[0]
    assert (row["targets_before"], row["targets_after"]) == (2, 1)
