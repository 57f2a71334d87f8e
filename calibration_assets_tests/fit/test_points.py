"""The sweep's points: the file that ships, what a point replaces, and one sentence for every fault."""

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.fit.points import point_settings, read_points
from calibration_assets.settings import FitSettings, PointSettings


def test_the_file_that_ships_has_twelve_points():
    points = read_points()
    assert len(points) == 12
    assert points["local"] == PointSettings(lambda_l0=1e-8)


def test_a_point_replaces_only_what_it_gives():
    points = {"few": PointSettings(target_records=50, seed=7)}
    settings = point_settings(points, "few", FitSettings(lambda_l0=1e-3, beta=0.5))
    assert settings == FitSettings(lambda_l0=None, target_records=50, seed=7, beta=0.5)


def test_a_penalty_replaces_a_number_of_records():
    points = {"penalty": PointSettings(lambda_l0=0.1)}
    assert point_settings(points, "penalty", FitSettings(target_records=50)) == FitSettings(lambda_l0=0.1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("local: {beta: 0.5}\nlocal: {beta: 0.6}", "names the point local twice"),
        ("one: {beta: 0.5}\ntwo: {beta: 0.5}", "the points one and two have the same settings"),
        ("local: {lamda_l0: 0.1}", "the setting 'lamda_l0' is unknown.*nearest: lambda_l0"),
        ("local: {lambda_l0: 1e-8}", "lambda_l0 is '1e-8', expected a number .1.0e-8, not 1e-8"),
        ("local: {epochs: 2.5}", "epochs is 2.5, expected a whole number"),
        ("local: {epochs: true}", "epochs is True, expected a whole number"),
        ("local: {lambda_l0: 0.1, target_records: 5}", "both lambda_l0 and target_records"),
        ("local:", "None was found, expected some of lambda_l0"),
        ("- local", "holds list, expected points by name"),
        ("local: {beta: ", "is not YAML"),
    ],
)
def test_a_fault_in_the_file_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "sweep.yaml"
    path.write_text(text)
    with pytest.raises(CalibrationError, match=sentence):
        read_points(path)


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(CalibrationError, match="cannot be read"):
        read_points(tmp_path / "sweep.yaml")


def test_a_renamed_point_names_the_nearest():
    with pytest.raises(CalibrationError, match="is not among the 12 .*nearest names: l0-1e-2"):
        point_settings(read_points(), "l0-1e2", FitSettings())
