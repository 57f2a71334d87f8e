"""What a build and a fit are: frozen settings, with the only defaults in the project.

The defaults are those of the profile `quick`. Flags, Dagster run config and `--help` are made from the fields here;
nothing is read from the environment. Imports the standard library alone, since the portable functions need it.
"""

from dataclasses import dataclass, field
from typing import Any

MODEL_YEAR = 2024
RAW_FOLDER = "storage/raw"


def setting(default: Any, help_text: str, flag: str = "") -> Any:
    """A field with its default, the sentence that `--help` and the UI show, and its flag if that is not its name.

    A flag that begins with --no- or --skip- switches a field off that is on by default.
    """
    return field(default=default, metadata={"help": help_text, "flag": flag})


@dataclass(frozen=True)
class SourceSettings:
    """Where CPS records come from."""

    dataset: str = setting(
        "taxcalc",
        "`taxcalc` (the embedded public CPS), `census:2024` (the Census Bureau's ASEC of that year's income), a path "
        "or URL of an H5 dataset, or the path of an ASEC zip",
    )
    raw_folder: str = setting(RAW_FOLDER, "Folder of the agencies' raw files")


@dataclass(frozen=True)
class SampleSettings:
    """The stratified sample of households."""

    target_households: int = setting(2_000, "Households to keep; 0 keeps all")
    oversample_poor: bool = setting(False, "Draw the bottom quarter by AGI 1.5 times as often")
    seed: int = setting(3526, "Seed of the draw")


SURVEYS = ("acs", "sipp", "org", "scf")


@dataclass(frozen=True)
class ImputationSettings:
    """What is imputed to the sampled records before they are cloned."""

    puf_dataset: str = setting("", "IRS Public Use File (puf_2024.h5, or puf_2015.csv); empty: no PUF cloning")
    sources: tuple[str, ...] = setting((), "Donor surveys (acs, sipp, org, scf), fetched where missing; empty: none")
    seed: int = setting(42, "Seed of all draws")
    trees: int = setting(32, "Trees of each forest of PUF cloning")
    raw_folder: str = setting(RAW_FOLDER, "Folder of the agencies' raw files")


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the target database comes from."""

    path: str = setting("", "A target database file; empty: built from the compiled figures")


@dataclass(frozen=True)
class CloneSettings:
    """How often every household is placed in a district."""

    n_clones: int = setting(20, "Number of dataset clones")
    seed: int = setting(42, "Random seed for geography assignment")
    block_file: str = setting("", "CSV of census blocks by district, from which counties are drawn; empty: as compiled")


@dataclass(frozen=True)
class TargetSettings:
    """Which targets of the database enter the package."""

    domain_variables: tuple[str, ...] = setting((), "Comma-separated domain filter (SQL-level)")
    hierarchical_domains: tuple[str, ...] = setting((), "Domains for hierarchical uprating")


@dataclass(frozen=True)
class SimulationSettings:
    """What the rules are run on."""

    rerandomize_takeup: bool = setting(True, "Draw take-up anew for every clone", "--skip-takeup-rerandomize")
    county_level: bool = setting(False, "See every clone in its own county; off: in its state's most populous one")


@dataclass(frozen=True)
class LossSettings:
    """How far an estimate is from its target."""

    loss: str = setting(
        "relative",
        "`relative` (error over target + 1), `scaled` (error over the larger of |target| and the floor) or `capped` "
        "(the scaled error, saturating at 1)",
    )
    floor: float = setting(1.0, "Smallest scale of a target under `scaled` and `capped`", "--loss-floor")
    group_targets: bool = setting(False, "Give every group of targets (level and variable) the same total weight")


@dataclass(frozen=True)
class RefitSettings:
    """The fit of the kept columns' weights after the gates have chosen them."""

    refit: bool = setting(True, "Refit the kept columns' weights after the gates have chosen them", "--no-refit")
    max_iterations: int = setting(400, "Largest number of L-BFGS iterations", "--refit-iterations")
    tolerance: float = setting(3e-5, "Relative projected-gradient norm at which the refit stops", "--refit-tolerance")
    lower_ratio: float | None = setting(None, "Smallest ratio of a refitted weight to its initial weight")
    upper_ratio: float | None = setting(None, "Largest ratio of a refitted weight to its initial weight")


@dataclass(frozen=True)
class FitSettings:
    """What is minimised, and how; nested: the loss and the refit."""

    preset: str = setting("local", "L0 preset: `local` (1e-8) or `national` (1e-4)")
    lambda_l0: float | None = setting(None, "Custom L0 penalty (overrides --preset)")
    target_records: int | None = setting(None, "Columns to keep: finds the L0 penalty instead of taking it")
    epochs: int = setting(100, "Training epochs, as a total")
    beta: float = setting(0.35, "L0 gate temperature (higher = softer gates)")
    lambda_l2: float = setting(1e-12, "L2 regularization on weights")
    learning_rate: float = setting(0.15, "Optimizer learning rate")
    seed: int = setting(42, "Seed of the gates' draws")
    engine: str = setting("csr", "`csr`, or `l0-python` for the peer package itself")
    device: str = setting("cpu", "`cpu` or `cuda`")
    objective: LossSettings = field(default_factory=LossSettings)
    refit: RefitSettings = field(default_factory=RefitSettings)


@dataclass(frozen=True)
class PointSettings:
    """A named point of a sweep: the fit's settings that it replaces; what is None stays as it is."""

    lambda_l0: float | None = setting(None, "Custom L0 penalty")
    target_records: int | None = setting(None, "Columns to keep, instead of a penalty")
    beta: float | None = setting(None, "L0 gate temperature")
    lambda_l2: float | None = setting(None, "L2 regularization on weights")
    learning_rate: float | None = setting(None, "Optimizer learning rate")
    epochs: int | None = setting(None, "Training epochs, as a total")
    seed: int | None = setting(None, "Seed of the gates' draws")


@dataclass(frozen=True)
class ObservationSettings:
    """What is noted while a fit runs; none of it changes the weights."""

    log_freq: int = setting(0, "Epochs between two entries of the epoch log; 0: no log")
    epoch_log: str | None = setting(None, "Epoch log: a .parquet file, or a .csv file with the manual's columns")
    checkpoint_output: str | None = setting(None, "Where checkpoints are written")
    checkpoint_every: int = setting(0, "Epochs between two checkpoints; 0: by time alone")
    checkpoint_seconds: float = setting(60.0, "Seconds between two checkpoints; 0: by epochs alone")
    resume_from: str | None = setting(None, "A checkpoint to go on from exactly, or a .npy of weights to start from")
    progress: bool = setting(False, "Show a progress bar (needs tqdm)")
    force: bool = setting(False, "Go on although the predicted memory exceeds what is at hand")


@dataclass(frozen=True)
class HeldOutSettings:
    """How accuracy on targets that a fit did not see is measured."""

    n_folds: int = setting(5, "Folds of targets, each left out of one refit; 0 leaves held-out accuracy out")
    seed: int = setting(0, "Seed by which targets are dealt into folds")
    max_iterations: int = setting(150, "Largest number of L-BFGS iterations of a fold's refit")


@dataclass(frozen=True)
class DiagnosticsSettings:
    """What is found out about a fit beyond one pass over its matrix."""

    check_conflicts: int = setting(0, "How many of the pairs of opposing targets to check, by a refit without one")


@dataclass(frozen=True)
class PackageBounds:
    """What is expected of a calibration package beside that it can be fitted."""

    largest_unmovable_pct: float = setting(25.0, "Largest share of targets that no column moves, in per cent")
    fewest_columns: int = setting(10, "Fewest columns of a district that has targets")


@dataclass(frozen=True)
class TruthSettings:
    """How much of the matrix is simulated again to see whether it is true."""

    columns: int = setting(0, "Columns to simulate as households of their own (imports policyengine-us); 0: none")
    seed: int = setting(0, "Seed of the sample of columns")
    tolerance: float = setting(1e-3, "Largest relative difference between matrix and simulation")


@dataclass(frozen=True)
class FitBounds:
    """What is expected of fitted weights."""

    largest_change_pct: float = setting(1.0, "Largest fall of the loss over the refit's last iterations, in per cent")
    largest_weight_pct: float = setting(0.5, "Largest weight as a share of all households, in per cent")
    smallest_sample_pct: float = setting(5.0, "Smallest effective sample size as a share of kept columns, in per cent")


@dataclass(frozen=True)
class ImputationBounds:
    """What is expected of values imputed to donors that the forests did not see."""

    largest_mean_pct: float = setting(25.0, "Largest difference of a mean from the donors' own, in per cent")
    largest_zero_points: float = setting(5.0, "Largest difference of a share of zeros, in percentage points")
    largest_far_pct: float = setting(25.0, "Largest share of variables beyond one of these, in per cent")


@dataclass(frozen=True)
class AreaBounds:
    """What is expected of the records of an area."""

    largest_population_pct: float = setting(10.0, "Largest difference of persons from the age targets, in per cent")
    sampled_pct: float = setting(5.0, "Share of areas whose records are simulated again, in per cent; 0: none")
    tolerance: float = setting(1e-4, "Largest relative difference between X @ w and the file's weighted totals")


@dataclass(frozen=True)
class GateSettings:
    """How much worse than the accepted run, and how far from it, a run may be."""

    largest_loss_points: float = setting(2.0, "Percentage points of targets within 10 % that may be lost")
    largest_movement_pct: float = setting(25.0, "Weight that may move to other records, in per cent of all households")
    accept: bool = setting(False, "Accept this run whatever it lost")


@dataclass(frozen=True)
class PruneSettings:
    """Which stored versions stay that nothing refers to any more, and how long a hidden one can still be opened."""

    keep_days: float = setting(14.0, "Age in days up to which every version and what runs made or opened stay")
    keep_versions: int = setting(2, "Newest versions of every name that stay")
    grace_hours: float = setting(1.0, "Hours between hiding a version and removing it")


L0_PRESETS = {"local": 1e-8, "national": 1e-4}


@dataclass(frozen=True)
class FileSettings:
    """What the command line reads and writes."""

    dataset: str = setting("storage/stratified_extended_cps_2024.h5", "Path to CPS h5 file, or `census:2024`")
    db_path: str = setting("storage/calibration/policy_data.db", "Path to target database")
    output: str = setting("storage/calibration/unified_weights.npy", "Weight output path")
    puf_dataset: str | None = setting(None, "Path to PUF h5 (enables PUF cloning)")
    target_config: str | None = setting(None, "Path to YAML target config")
    package_path: str | None = setting(None, "Load pre-built package (skip matrix build)")
    package_output: str | None = setting(None, "Where to save package")


@dataclass(frozen=True)
class RunRequest:
    """All that one call of the command line asks for; the defaults are those of the profile `full`."""

    files: FileSettings = field(default_factory=FileSettings)
    build_only: bool = setting(False, "Build matrix, save package, skip fitting")
    skip_puf: bool = setting(False, "Skip PUF clone + QRF imputation")
    skip_source_impute: bool = setting(False, "Skip ACS/SIPP/SCF re-imputation")
    allow_stale: bool = setting(False, "Fit a package although its inputs have changed since")
    clone: CloneSettings = field(default_factory=lambda: CloneSettings(n_clones=436))
    target: TargetSettings = field(default_factory=TargetSettings)
    simulation: SimulationSettings = field(default_factory=SimulationSettings)
    fit: FitSettings = field(default_factory=FitSettings)
    observation: ObservationSettings = field(default_factory=ObservationSettings)
