"""What a build and a fit are: frozen settings, with the only defaults in the project.

The defaults are those of the profile `quick`. Flags, Dagster run config and `--help` are made from the fields here;
nothing is read from the environment. Imports the standard library alone, since the portable functions need it.
"""

from dataclasses import dataclass, field
from typing import Any

MODEL_YEAR = 2024


def setting(default: Any, help_text: str) -> Any:
    """A field with its default and the sentence that `--help` and the UI show."""
    return field(default=default, metadata={"help": help_text})


@dataclass(frozen=True)
class SourceSettings:
    """Where CPS records come from."""

    dataset: str = setting("taxcalc", "`taxcalc` (the embedded public CPS) or a path or URL of an H5 dataset")


@dataclass(frozen=True)
class SampleSettings:
    """The stratified sample of households."""

    target_households: int = setting(2_000, "Households to keep")
    oversample_poor: bool = setting(False, "Draw the bottom quarter by AGI 1.5 times as often")
    seed: int = setting(3526, "Seed of the draw")


@dataclass(frozen=True)
class CloneSettings:
    """How often every household is placed in a district."""

    n_clones: int = setting(20, "Number of dataset clones")
    seed: int = setting(42, "Random seed for geography assignment")


@dataclass(frozen=True)
class TargetSettings:
    """Which targets of the database enter the package."""

    domain_variables: tuple[str, ...] = setting((), "Comma-separated domain filter (SQL-level)")
    hierarchical_domains: tuple[str, ...] = setting((), "Domains for hierarchical uprating")


@dataclass(frozen=True)
class SimulationSettings:
    """What the rules are run on."""

    rerandomize_takeup: bool = setting(True, "Draw take-up anew for every clone")
    county_level: bool = setting(False, "Use the clone's own county for variables that depend on it")
