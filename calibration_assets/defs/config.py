"""Run config made from the frozen settings of the core, so that a new setting is a field there and nothing here."""

import typing
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, ClassVar, TypeVar

from dagster import Config
from pydantic import Field as ConfigField
from pydantic import create_model

from calibration_assets.settings import (
    AreaBounds,
    CloneSettings,
    DatabaseSettings,
    DiagnosticsSettings,
    FitBounds,
    FitSettings,
    GateSettings,
    HeldOutSettings,
    ImputationBounds,
    ImputationSettings,
    PackageBounds,
    SampleSettings,
    SimulationSettings,
    SourceSettings,
    TargetSettings,
    TruthSettings,
)


class SettingsConfig(Config):
    """Run config with the fields of one settings class."""

    settings_class: ClassVar[type[Any]]

    @property
    def settings(self) -> Any:
        """The frozen settings, as the core takes them."""
        return self.settings_class(**{one.name: _plain(getattr(self, one.name)) for one in fields(self.settings_class)})


ConfigClass = TypeVar("ConfigClass", bound=type[SettingsConfig])


def fields_of(settings: type[Any]) -> Callable[[ConfigClass], ConfigClass]:
    """Give a config class the fields, defaults and help of a settings class, nested ones too."""
    hints = typing.get_type_hints(settings)

    def add_fields(config: ConfigClass) -> ConfigClass:
        config.settings_class = settings
        declared: dict[str, Any] = {one.name: _declare(one, hints[one.name]) for one in fields(settings)}
        return create_model(config.__name__, __base__=config, __module__=config.__module__, **declared)  # type: ignore[return-value]

    return add_fields


def _declare(one: Field[Any], hint: Any) -> tuple[Any, Any]:
    if isinstance(hint, type) and is_dataclass(hint):
        nested = type(hint.__name__.replace("Settings", "Config"), (SettingsConfig,), {"__doc__": hint.__doc__})
        model = fields_of(hint)(nested)
        return model, ConfigField(default_factory=model, description=hint.__doc__)
    if one.default is MISSING:
        raise TypeError(f"{one.name} has no default: every setting has one")
    if typing.get_origin(hint) is tuple:
        return list[typing.get_args(hint)[0]], ConfigField(list(one.default), description=one.metadata["help"])  # type: ignore[misc]
    return hint, ConfigField(one.default, description=one.metadata["help"])


def _plain(value: Any) -> Any:
    if isinstance(value, SettingsConfig):
        return value.settings
    return tuple(value) if isinstance(value, list) else value


@fields_of(SourceSettings)
class SourceConfig(SettingsConfig):
    """Where CPS records come from."""


@fields_of(SampleSettings)
class SampleConfig(SettingsConfig):
    """The stratified sample of households."""


@fields_of(ImputationSettings)
class ImputationConfig(SettingsConfig):
    """What is imputed to the sampled records before they are cloned."""


@fields_of(DatabaseSettings)
class DatabaseConfig(SettingsConfig):
    """Where the target database comes from."""


@fields_of(CloneSettings)
class CloneConfig(SettingsConfig):
    """How often every household is placed in a district."""


@fields_of(TargetSettings)
class TargetConfig(SettingsConfig):
    """Which targets of the database enter the package."""


@fields_of(SimulationSettings)
class SimulationConfig(SettingsConfig):
    """What the rules are run on."""


@fields_of(FitSettings)
class FitConfig(SettingsConfig):
    """How weights are fitted."""

    target_config: str = ConfigField("", description="YAML file of targets to include or exclude; empty: the default")
    allow_stale: bool = ConfigField(False, description="Fit a package although its inputs have changed since")


class WeightsConfig(FitConfig):
    """How weights are fitted, or the point of a sweep that says so."""

    point: str = ConfigField("", description="Point of sweep.yaml whose settings replace those above; empty: none")


class SweepConfig(FitConfig):
    """How the points of a sweep are fitted; what a point sets replaces it."""

    threads: int = ConfigField(1, description="Threads of each fit; several points are fitted at the same time")


class FrontierConfig(Config):
    """Which points are compared."""

    target_config: str = ConfigField("", description="The targets that the points were fitted to; empty: the default")


@fields_of(HeldOutSettings)
class HeldOutConfig(SettingsConfig):
    """How accuracy on targets that a fit did not see is measured."""


@fields_of(DiagnosticsSettings)
class DiagnosticsConfig(SettingsConfig):
    """What is found out beyond one pass over the matrix."""


@fields_of(PackageBounds)
class PackageCheckConfig(SettingsConfig):
    """What is expected of a calibration package."""


@fields_of(TruthSettings)
class TruthConfig(SettingsConfig):
    """How much of the matrix is simulated again."""


@fields_of(ImputationBounds)
class ImputationCheckConfig(SettingsConfig):
    """What is expected of imputed values."""


@fields_of(AreaBounds)
class AreaCheckConfig(SettingsConfig):
    """What is expected of the records of an area."""


@fields_of(FitBounds)
class FitCheckConfig(SettingsConfig):
    """What is expected of fitted weights."""


@fields_of(GateSettings)
class GateConfig(SettingsConfig):
    """How much worse than the accepted run, and how far from it, a run may be."""
