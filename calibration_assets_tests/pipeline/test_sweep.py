"""Points of a sweep: fitted as any fit, stored by name, compared where they can be, taken over by `weights`."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.pipeline import sweep
from calibration_assets.settings import FitSettings, PointSettings
from calibration_assets_tests.pipeline.stored import open_store, store_package

POINTS = {
    "weak": PointSettings(lambda_l0=1e-6),
    "strong": PointSettings(lambda_l0=1e-2),
    "few": PointSettings(target_records=60),
}
SETTINGS = FitSettings(epochs=40)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


@pytest.fixture
def package(store):
    return store_package(store)


def fit_points(store, package, *names):
    for name in names:
        store.set_current(sweep.sweep_weights(store, package, POINTS, name, SETTINGS))


def test_points_are_compared_where_they_exist_and_the_missing_are_stated(store, package):
    fit_points(store, package, "weak", "strong")
    frontier = sweep.sweep_frontier(store, package, POINTS)
    table = pd.read_csv(frontier.folder / sweep.TABLE_FILE)
    assert set(table["point"]) == {"weak", "strong"}
    assert table["recommended"].sum() == 1
    assert frontier.metadata["left_out"] == [{"point": "few", "left out": "not fitted yet"}]
    assert frontier.files.keys() == {"frontier.csv", "frontier.png"}
    for row in table.to_dict("records"):
        weights = np.load(store.current(f"sweep_weights/{row['point']}").folder / "weights.npy")
        assert row["kept_columns"] == np.count_nonzero(weights)
        assert row["largest_weight"] == weights.max()


def test_unchanged_points_are_neither_fitted_nor_compared_again(store, package):
    fit_points(store, package, "weak")
    first, compared = store.current("sweep_weights/weak"), sweep.sweep_frontier(store, package, POINTS)
    fit_points(store, package, "weak")
    assert store.current("sweep_weights/weak").version == first.version
    assert sweep.sweep_frontier(store, package, POINTS).version == compared.version


def test_a_point_of_another_package_other_targets_or_other_settings_is_left_out(store, package, tmp_path):
    fit_points(store, package, "weak", "strong")
    renamed = {**POINTS, "strong": PointSettings(lambda_l0=0.5)}
    left_out = sweep.sweep_frontier(store, package, renamed).metadata["left_out"]
    assert left_out[0] == {
        "point": "strong",
        "left out": "fitted with another lambda_l0 than its name stands for now",
    }
    config = tmp_path / "states.yaml"
    config.write_text("include: [{variable: person_count, geo_level: state}]")
    with pytest.raises(CalibrationError, match="none of the 3 points can be compared .weak: fitted to other targets"):
        sweep.sweep_frontier(store, package, POINTS, str(config))
    other = store_package(store, "b" * 64)
    with pytest.raises(CalibrationError, match="fitted to another package"):
        sweep.sweep_frontier(store, other, POINTS)


def test_weights_take_over_the_fit_of_a_point(store, package):
    fit_points(store, package, "strong")
    swept = store.current("sweep_weights/strong")
    chosen = sweep.chosen_weights(store, package, POINTS, "strong", SETTINGS)
    assert chosen.name == "weights"
    assert chosen.key == swept.key
    for file in swept.files:
        assert (chosen.folder / file).read_bytes() == (swept.folder / file).read_bytes()
    store.verify(chosen)


def test_weights_of_a_point_that_is_not_stored_are_fitted(store, package):
    chosen = sweep.chosen_weights(store, package, POINTS, "few", SETTINGS)
    assert chosen.metadata["settings"]["target_records"] == 60
    assert chosen.metadata["kept_columns"] < 240
    assert store.current_key("sweep_weights/few") is None
