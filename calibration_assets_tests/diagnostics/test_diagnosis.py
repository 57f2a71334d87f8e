"""One fit's diagnosis: what it says of a made package, and that its folder says the same."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from calibration_assets.diagnostics.diagnosis import diagnose, key_figures, read_diagnosis, write_diagnosis
from calibration_assets.errors import CalibrationError
from calibration_assets_tests.diagnostics.example import RECORDS, make_package


def make_attributes(columns):
    return pd.DataFrame(
        {
            "household_id": columns["household_id"].to_numpy()[:RECORDS],
            "persons": np.full(RECORDS, 2),
            "income_band": pd.Categorical(["0-25K", "1M+"] * (RECORDS // 2)),
            "age_band": pd.Categorical(["75+"] * RECORDS),
        }
    )


def test_diagnosis_of_weights_that_meet_every_target():
    X, targets, columns, weights = make_package()
    gated = weights * 1.1
    diagnosis = diagnose(X, targets, columns, weights, gated_weights=gated, attributes=make_attributes(columns))
    assert diagnosis.targets["abs_rel_error"].max() < 1e-12
    assert diagnosis.targets["gated_abs_rel_error"].tolist() == pytest.approx([0.1] * len(targets))
    assert diagnosis.population == pytest.approx(2 * weights.sum())
    assert diagnosis.targets["carrying_records"].iloc[0] == RECORDS
    bands = diagnosis.weight_groups[diagnosis.weight_groups["by"] == "income_band"]
    assert bands["group"].tolist() == ["0-25K", "1M+"]
    rich = weights[columns["record"] % 2 == 1].sum()
    assert bands["households"].iloc[1] == pytest.approx(rich)
    for by in ("state", "district", "income_band", "age_band"):
        table = diagnosis.weight_groups[diagnosis.weight_groups["by"] == by]
        assert table["households"].sum() == pytest.approx(weights.sum())


def test_largest_weight_names_what_it_carries():
    X, targets, columns, weights = make_package()
    weights[77] = 9_000.0
    top = diagnose(X, targets, columns, weights).largest.iloc[0]
    assert (top["household_id"], top["clone"], top["weight"]) == (177, 1, 9_000.0)
    assert top["share"] == pytest.approx(9_000 / weights.sum())
    assert top["carries"].startswith("district_")
    assert top["carried_share"] > 0.5


def test_folder_round_trip(tmp_path):
    X, targets, columns, weights = make_package()
    diagnosis = diagnose(X, targets, columns, weights, initial_weights=np.full(len(weights), 30.0))
    diagnosis = dataclasses.replace(diagnosis, loss=pd.DataFrame({"epoch": [1, 2], "data_loss": [3.0, 2.0]}))
    write_diagnosis(diagnosis, tmp_path / "d")
    again = read_diagnosis(tmp_path / "d")
    assert again.weights == diagnosis.weights
    assert again.held_out is None
    for name in ("targets", "records", "weight_groups", "weight_bins", "largest", "loss"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(diagnosis, name), check_dtype=False)


def test_records_of_another_dataset_are_refused():
    X, targets, columns, weights = make_package()
    attributes = make_attributes(columns).iloc[::-1]
    with pytest.raises(CalibrationError, match="do not fit the package's 60 records"):
        diagnose(X, targets, columns, weights, attributes=attributes)


def test_folder_without_diagnostics_is_refused(tmp_path):
    with pytest.raises(CalibrationError, match="holds no diagnostics"):
        read_diagnosis(tmp_path)


def test_key_figures_are_those_of_the_tables():
    X, targets, columns, weights = make_package()
    targets["value"] = targets["value"] * np.where(np.arange(len(targets)) == 0, 2.0, 1.0)
    figures = key_figures(diagnose(X, targets, columns, weights))
    assert figures["targets"] == len(targets)
    assert figures["mean_error_pct"] == pytest.approx(50 / len(targets))
    assert figures["within_10_pct"] == pytest.approx(100 * (len(targets) - 1) / len(targets))
    assert figures["loss"] == pytest.approx(0.25, rel=1e-3)
    assert np.isnan(figures["held_out_median_error_pct"])
