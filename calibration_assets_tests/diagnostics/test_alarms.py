"""Every alarm is raised by the case planted for it, and by nothing else."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from calibration_assets.diagnostics.alarms import alarms
from calibration_assets.diagnostics.diagnosis import diagnose
from calibration_assets_tests.diagnostics.example import make_package


def found(diagnosis) -> dict[str, str]:
    return {alarm.kind: alarm.sentence for alarm in alarms(diagnosis)}


def test_nothing_planted_nothing_found():
    X, targets, columns, weights = make_package()
    assert found(diagnose(X, targets, columns, weights, initial_weights=np.full(len(columns), 30.0))) == {}


def test_dominating_record_is_named():
    X, targets, columns, weights = make_package()
    weights = np.where(columns["record"] == 5, weights * 200, weights)
    sentence = found(diagnose(X, targets, columns, weights))["dominating record"]
    assert "Household 57 carries" in sentence


def test_wrong_unit_is_named():
    X, targets, columns, weights = make_package()
    targets.loc[5, "value"] *= 1000
    sentence = found(diagnose(X, targets, columns, weights, initial_weights=np.full(len(columns), 30.0)))["wrong unit"]
    assert sentence.startswith("state_1/employment_income/2 = ")
    assert "times what the same figure of other places" in sentence


def test_conflicting_pair_is_named_and_takes_up_the_whole_pull():
    X, targets, columns, weights = make_package()
    X = sparse.vstack([X, X[[0]]], format="csr")
    twin = targets.iloc[[0]].assign(value=targets["value"].iloc[0] * 1.2, target_name="twin")
    low, high = targets["value"].iloc[0], twin["value"].iloc[0]
    best = (low / (low + 1) ** 2 + high / (high + 1) ** 2) / (1 / (low + 1) ** 2 + 1 / (high + 1) ** 2)
    targets["value"] *= best / low
    targets.loc[0, "value"] = low
    targets = pd.concat([targets, twin], ignore_index=True)
    diagnosis = diagnose(X, targets, columns, weights * best / low)
    pair = diagnosis.conflicts[diagnosis.conflicts["target"] == "national_US/person_count/0"]
    assert pair["opponent"].iloc[0] == "twin"
    assert pair["share"].iloc[0] == pytest.approx(1.0, rel=1e-3)
    assert "is held back by twin, which takes up 100%" in found(diagnosis)["conflicting targets"]


def test_district_without_column_without_weight_and_with_little():
    X, targets, columns, weights = make_package()
    lost = pd.DataFrame(targets.iloc[[-1]]).assign(geographic_id="5001", target_name="vermont")
    X = sparse.vstack([X, sparse.csr_matrix((1, X.shape[1]), dtype=np.float32)], format="csr")
    district = columns["district"].to_numpy()
    weights = np.where(district == 3602, 0.0, weights)
    weights = np.where((district == 3601) & (columns["record"] > 3), 0.0, weights)
    diagnosis = diagnose(X, pd.concat([targets, lost], ignore_index=True), columns, weights)
    sentence = found(diagnosis)["district without support"]
    assert "District 5001 has targets but no column." in sentence
    assert "District 3602 has 120 columns, none kept." in sentence
    assert "District 3601 rests on an effective" in sentence
    assert diagnosis.targets["reason"].iloc[-1] == "no column lies in the area"


def test_all_zero_weights_are_an_alarm_not_a_crash():
    X, targets, columns, weights = make_package()
    diagnosis = diagnose(X, targets, columns, weights * 0)
    assert "Every one of the 480 columns has weight 0" in found(diagnosis)["no weight"]
    assert diagnosis.conflicts.empty


def test_poor_held_out_accuracy_is_an_alarm():
    X, targets, columns, weights = make_package()
    diagnosis = diagnose(X, targets, columns, weights)
    held_out = diagnosis.targets.assign(held_out_abs_rel_error=0.31)
    sentence = found(dataclasses.replace(diagnosis, held_out=held_out))["held-out accuracy"]
    assert "off by 31.0% at the median, those it saw by 0.0%" in sentence
