"""A pipeline small enough to run whole in a deployment's tests: 20 households, two clones, targets by age."""

import sqlite3
from pathlib import Path

import pytest
import yaml

from calibration_assets.microdata.dataset import write_dataset
from calibration_assets.targets.database import build_database, read_database_reference

KEPT = "UPDATE targets SET active = (variable IN ('person_count', 'household_count', 'adjusted_gross_income'))"


@pytest.fixture(scope="session")
def small_profile(tmp_path_factory, tiny_dataset) -> Path:
    """A profile of the whole pipeline over the tiny dataset and a database of which few targets are active."""
    folder = tmp_path_factory.mktemp("small")
    write_dataset(tiny_dataset, folder / "tiny.h5")
    build_database(folder / "policy_data.db", read_database_reference())
    with sqlite3.connect(folder / "policy_data.db") as connection:
        connection.execute(KEPT)
    settings = {
        "extended_cps": {"dataset": str(folder / "tiny.h5")},
        "stratified_cps": {"target_households": 0},
        "target_database": {"path": str(folder / "policy_data.db")},
        "cloned_records": {"n_clones": 2},
        "simulated_values": {"rerandomize_takeup": False, "batches": 2},
        "weights": {"epochs": 50},
        "held_out_accuracy": {"n_folds": 0},
    }
    profile = {"ops": {asset: {"config": config} for asset, config in settings.items()}}
    (folder / "profile.yaml").write_text(yaml.safe_dump(profile))
    return folder / "profile.yaml"
