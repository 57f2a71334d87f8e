"""Readers and writers between steps: a step hands on a reference to its stored value, never arrays."""

from typing import Any

from dagster import ConfigurableIOManager, InputContext, OutputContext, ResourceDependency
from upath import UPath

from calibration_assets.defs.metadata import storage_metadata
from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.errors import CalibrationError
from calibration_assets.storage import objects
from calibration_assets.storage.store import RUNS, StoredValue


class StoredValueIOManager(ConfigurableIOManager):
    """Lets an asset's readers open the value that the asset stored; plain JSON between the steps of one asset."""

    storage: ResourceDependency[CalibrationStorage]

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Point the asset (and partition) at the value, which the step has stored already."""
        if isinstance(obj, StoredValue):
            store = self.storage.open()
            store.set_current(obj)
            context.add_output_metadata(storage_metadata(store, obj))
            return
        objects.write_json(self._step_path(context), {"value": obj})

    def load_input(self, context: InputContext) -> Any:
        """The upstream's current value, a dict of them by partition where several are read at once, or plain JSON."""
        if not context.has_asset_key:
            if context.upstream_output is None:
                raise TypeError(f"input {context.name} comes from no step")
            return self._step_value(context.upstream_output)
        store = self.storage.open()
        name = "/".join(context.asset_key.path)
        if not context.has_asset_partitions:
            return store.current(name)
        values = {key: store.current(f"{name}/{key}") for key in context.asset_partition_keys}
        return values if len(values) > 1 else next(iter(values.values()))

    def _step_value(self, context: OutputContext) -> Any:
        path = self._step_path(context)
        found = objects.read_json(path)
        if found is None:
            raise CalibrationError(f"{path} is gone, expected what step {context.step_key} handed on; run it again")
        return found["value"]

    def _step_path(self, context: OutputContext) -> UPath:
        run, *step = context.get_identifier()
        return self.storage.open().base.joinpath(RUNS, run, "steps", *step).with_suffix(".json")
