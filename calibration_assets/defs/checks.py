"""The asset checks: what is found in a stored value, on its page; severe findings stop what is downstream.

What is looked at, and against which bound, is said in `pipeline/findings.py`; nothing is judged here.
"""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    MetadataValue,
    PreviewWarning,
    multi_asset_check,
)

from calibration_assets.defs.config import (
    AreaCheckConfig,
    FitCheckConfig,
    GateConfig,
    ImputationCheckConfig,
    PackageCheckConfig,
    TruthConfig,
)
from calibration_assets.defs.metadata import markdown_table
from calibration_assets.defs.partitions import AREAS
from calibration_assets.defs.resources import CalibrationStorage

if TYPE_CHECKING:
    from calibration_assets.pipeline.findings import Finding

SEVERE = "severe"


def _spec(asset: str, name: str, description: str, *, blocks: bool = False, is_severe: bool = False) -> AssetCheckSpec:
    """A check, of every partition where its asset has some; one that blocks is severe, too."""
    metadata = {SEVERE: blocks or is_severe}
    parts = AREAS if asset == "area_datasets" else None
    with warnings.catch_warnings():
        # Checks by partition are in preview in the pinned Dagster, which says so at every import.
        warnings.simplefilter("ignore", PreviewWarning)
        return AssetCheckSpec(
            name, asset=asset, description=description, blocking=blocks, metadata=metadata, partitions_def=parts
        )


DATASETS = ("stratified_cps", "imputed_cps")
IMPUTED = [_spec("imputed_cps", "held_out_donors", "What is imputed to donors held out is like what they have")]
DATABASE = [_spec("target_database", "database_consistency", "Places, bands, parts and wholes agree", blocks=True)]
PACKAGE = [
    _spec("calibration_package", "package_validity", "Shapes agree, all numbers are finite", blocks=True),
    _spec("calibration_package", "movable_targets", "Few targets are moved by no column"),
    _spec("calibration_package", "district_support", "Every district with targets has columns"),
]
TRUTH = [_spec("calibration_package", "truth_sample", "Columns say what a simulation of them says", blocks=True)]
WEIGHTS = [
    _spec("weights", "valid_weights", "Weights are finite, none is negative, some are above 0", blocks=True),
    _spec("weights", "fit_convergence", "The loss had come to rest"),
    _spec("weights", "largest_weight", "No household carries much of the nation"),
    _spec("weights", "effective_sample", "Many households carry the nation"),
]
AREA = [
    _spec("area_datasets", "area_contract", "Ids, links, values, weights and take-up are sound", is_severe=True),
    _spec("area_datasets", "area_population", "As many persons as the area's age targets say"),
    _spec("area_datasets", "area_means", "Persons, ages and wages by household are plausible"),
    _spec("area_datasets", "area_totals", "policyengine-us finds X @ w in the file, in a sample", is_severe=True),
]
RUN = [
    # Severe, but the report, which tells why, is made all the same; the accepted run stays the one that passed.
    _spec("diagnostics", "accuracy", "As accurate as the accepted run on the targets of both", is_severe=True),
    _spec("diagnostics", "movement", "Weight stayed with the records of the accepted run"),
]


def _results(specs: Sequence[AssetCheckSpec], findings: Iterable["Finding"]) -> Iterator[AssetCheckResult]:
    """Each finding with its number, its bound and the rows that broke it."""
    by_name = {spec.name: spec for spec in specs}
    for one in findings:
        spec = by_name[one.check]
        numbers = {"number": one.number, "bound": one.bound}
        metadata = {name: value for name, value in numbers.items() if math.isfinite(value)}
        rows = {"rows": MetadataValue.md(markdown_table(one.rows))} if one.rows else {}
        yield AssetCheckResult(
            passed=one.passed,
            asset_key=spec.asset_key,
            check_name=spec.name,
            severity=AssetCheckSeverity.ERROR if spec.metadata[SEVERE] else AssetCheckSeverity.WARN,
            description=one.sentence,
            metadata={**metadata, **rows},
        )


def _check_dataset(asset: str) -> AssetChecksDefinition:
    """The dataset contract of one asset, and its means."""
    specs = [
        _spec(asset, "dataset_contract", "Ids, links, values, states and weights are sound", blocks=True),
        _spec(asset, "record_means", "Persons, ages and wages by household are plausible"),
    ]

    @multi_asset_check(name=f"check_{asset}", specs=specs)
    def check(storage: CalibrationStorage) -> Iterator[AssetCheckResult]:
        from calibration_assets.pipeline import record_findings

        yield from _results(specs, record_findings.record_findings(storage.open().current(asset)))

    return check


@multi_asset_check(specs=IMPUTED)
def check_imputation(config: ImputationCheckConfig, storage: CalibrationStorage) -> Iterator[AssetCheckResult]:
    """How like their donors imputed values are."""
    from calibration_assets.pipeline import record_findings

    finding = record_findings.held_out_donors(storage.open().current("imputed_cps"), config.settings)
    yield from _results(IMPUTED, [finding])


@multi_asset_check(specs=DATABASE)
def check_database(storage: CalibrationStorage) -> Iterator[AssetCheckResult]:
    """Whether targets agree with each other."""
    from calibration_assets.pipeline import findings

    yield from _results(DATABASE, [findings.database_consistency(storage.open().current("target_database"))])


@multi_asset_check(specs=PACKAGE)
def check_package(config: PackageCheckConfig, storage: CalibrationStorage) -> Iterator[AssetCheckResult]:
    """Whether the package can be fitted, and what of it is thin."""
    from calibration_assets.pipeline import findings

    package = storage.open().current("calibration_package")
    yield from _results(PACKAGE, findings.package_findings(package, config.settings))


@multi_asset_check(specs=TRUTH)
def check_truth(config: TruthConfig, storage: CalibrationStorage) -> Iterator[AssetCheckResult]:
    """Sampled columns against a simulation of them; it imports policyengine-us where any are asked for."""
    from calibration_assets.pipeline import truth

    store = storage.open()
    records, targets = store.current("imputed_cps"), store.current("target_database")
    values, package = store.current("simulated_values"), store.current("calibration_package")
    finding = truth.truth_finding(records, targets, values, package, config.settings)
    yield from _results(TRUTH, [finding])


@multi_asset_check(specs=WEIGHTS)
def check_weights(config: FitCheckConfig, storage: CalibrationStorage) -> Iterator[AssetCheckResult]:
    """Whether weights are weights, whether the fit had come to rest, and how concentrated they are."""
    from calibration_assets.pipeline import findings

    store = storage.open()
    package, weights = store.current("calibration_package"), store.current("weights")
    yield from _results(WEIGHTS, findings.fit_findings(package, weights, config.settings))


@multi_asset_check(specs=AREA)
def check_areas(
    context: AssetCheckExecutionContext, config: AreaCheckConfig, storage: CalibrationStorage
) -> Iterator[AssetCheckResult]:
    """One area's records; it imports policyengine-us for the areas of the sample."""
    from calibration_assets.pipeline import area_findings

    yield from _results(AREA, area_findings.area_findings(storage.open(), context.partition_key, config.settings))


@multi_asset_check(specs=RUN)
def check_run(config: GateConfig, storage: CalibrationStorage) -> Iterator[AssetCheckResult]:
    """This run against the accepted one; a run that passes is the accepted one from now on."""
    from calibration_assets.pipeline import findings

    yield from _results(RUN, findings.pass_gate(storage.open(), config.settings))


CHECKS = [
    *map(_check_dataset, DATASETS),
    check_imputation,
    check_database,
    check_package,
    check_truth,
    check_weights,
    check_areas,
    check_run,
]
