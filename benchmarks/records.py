"""Records in and datasets out, each measurement in a process of its own: `python -m benchmarks.records FOLDER`.

PUF cloning of a stratified sample, each survey from files of the agencies' size (`made_files.py`), and a state's H5.
Sample and files stay in the folder for other parts (`--parts`) and runs. Sizes are flags; seconds and peak memory are
printed.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from upath import UPath

from benchmarks.made_files import HOUSEHOLDS, write_survey
from calibration_assets.geography.crosswalk import STATE_FIPS
from calibration_assets.imputation.forest import fit_forest, impute
from calibration_assets.imputation.puf_records import person_predictors
from calibration_assets.imputation.sources import impute_sources
from calibration_assets.matrix.area import area_dataset
from calibration_assets.microdata import sources
from calibration_assets.microdata.dataset import Dataset, write_dataset
from calibration_assets.pipeline import records
from calibration_assets.settings import SURVEYS, SampleSettings, SourceSettings
from calibration_assets.storage.reference import read_reference
from calibration_assets.storage.store import Store

FORESTS = {"full": 69, "override": 51}
"""Variables of the two forests of PUF cloning."""
PARTS = ("sample", "files", *FORESTS, *SURVEYS, "area")


def measure(part: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One measurement; `sample` and `files` come first, the others read what they stored."""
    store = Store(UPath(folder / "store"), folder / "cache")
    if part == "sample":
        source = records.extended_cps(store, SourceSettings())
        sample = records.stratified_cps(store, source, SampleSettings(target_households=options.households))
        store.set_current(sample)
        return dict(sample.metadata)
    if part == "files":
        (folder / "raw").mkdir(parents=True, exist_ok=True)
        sizes = {key: write_survey(key, folder / "raw", int(options.scale * HOUSEHOLDS[key])) for key in SURVEYS}
        return {f"{key} megabytes": round(size / 1e6) for key, size in sizes.items()}
    dataset, _ = sources.read_records(store.current("stratified_cps").folder)
    if part in FORESTS:
        return draw_variables(dataset, options.donors, FORESTS[part])
    if part == "area":
        return write_area(dataset, folder, options.clones)
    began = time.perf_counter()
    _, tables = impute_sources(dataset, [part], 42, folder / "raw")
    donors = sum(row["donor_rows"] for row in tables["sources"])
    return {"seconds": time.perf_counter() - began, "donors trained on": donors, "persons": _persons(dataset)}


def draw_variables(dataset: Dataset, donors: int, variables: int) -> dict[str, Any]:
    """One of the two forests of PUF cloning on made donors, drawn for every person."""
    recipients = person_predictors(dataset)
    donor_table = make_donors(recipients, donors, variables)
    began = time.perf_counter()
    model = fit_forest(donor_table, list(recipients.columns), list(donor_table.filter(like="variable_")), None, 42)
    fitted = time.perf_counter()
    drawn = impute(model, recipients, 43)
    ended = time.perf_counter()
    return {"seconds": ended - began, "of drawing": ended - fitted, "persons": len(drawn), "variables": drawn.shape[1]}


def make_donors(recipients: pd.DataFrame, count: int, variables: int) -> pd.DataFrame:
    """Persons like the recipients with variables of the PUF's kind: mostly zero, heavy tails, related to each other."""
    draw = np.random.default_rng(0)
    donors = recipients.sample(count, replace=True, random_state=1).reset_index(drop=True)
    rich = draw.normal(size=count) + donors["age"].to_numpy() / 40
    for number in range(variables):
        odds = rich + draw.normal(scale=1.5, size=count)
        has = odds > np.quantile(odds, 1 - draw.uniform(0.01, 0.4))
        donors[f"variable_{number}"] = np.where(has, np.exp(8 + 0.6 * rich + draw.normal(size=count)), 0.0).round()
    return donors


def write_area(dataset: Dataset, folder: Path, clones: int) -> dict[str, Any]:
    """California's H5 with so many weighted clones, take-up drawn for each."""
    known = np.unique(read_reference("county_shares")["district"])
    districts = known[known // 100 == STATE_FIPS["CA"]]
    household_id = dataset.tables["household"]["household_id"].to_numpy()
    column = np.arange(clones)
    record = column % len(household_id)
    columns = pd.DataFrame(
        {
            "record": record.astype(np.int32),
            "household_id": household_id[record],
            "clone": (column // len(household_id)).astype(np.int32),
            "state": np.int32(STATE_FIPS["CA"]),
            "district": districts[column % len(districts)].astype(np.int32),
            "county": np.int32(6037),
        }
    )
    weights = np.random.default_rng(2).uniform(1, 200, clones)
    began = time.perf_counter()
    made = area_dataset(dataset, columns, weights, columns["county"].to_numpy(), "CA", True)
    write_dataset(made, folder / "CA.h5")
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "households": clones, "megabytes": round((folder / "CA.h5").stat().st_size / 1e6)}


def _persons(dataset: Dataset) -> int:
    return len(dataset.tables["person"])


def _run(part: str, arguments: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.records", *arguments, "--parts", part, "--here"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the sample, made files and the H5 go")
    parser.add_argument("--parts", default=",".join(PARTS), help="comma-separated")
    parser.add_argument("--households", type=int, default=12_000)
    parser.add_argument("--donors", type=int, default=20_000)
    parser.add_argument("--clones", type=int, default=100_000)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the survey files, 1 for the agencies'")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        found = measure(given.parts, given.folder, given)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
        print(json.dumps({**found, "peak gigabytes": round(peak, 2)}))
    else:
        for one in given.parts.split(","):
            print(one, json.dumps(_run(one, sys.argv[1:])), flush=True)
