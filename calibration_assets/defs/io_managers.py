"""Readers and writers between steps: a step hands on a reference to its stored value, never arrays."""

import json
from typing import Any

from dagster import ConfigurableIOManager, InputContext, OutputContext, ResourceDependency
from upath import UPath

from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.storage.store import StoredValue


class StoredValueIOManager(ConfigurableIOManager):
    """Lets an asset's readers open the value that the asset stored; plain JSON between the steps of one asset."""

    storage: ResourceDependency[CalibrationStorage]

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Point the asset (and partition) at the value, which the step has stored already."""
        if isinstance(obj, StoredValue):
            self.storage.open().set_current(obj)
            return
        path = self._step_path(context)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(obj))

    def load_input(self, context: InputContext) -> Any:
        """The upstream's current value, a dict of them by partition where several are read at once, or plain JSON."""
        if not context.has_asset_key:
            if context.upstream_output is None:
                raise TypeError(f"input {context.name} comes from no step")
            return json.loads(self._step_path(context.upstream_output).read_text())
        store = self.storage.open()
        name = "/".join(context.asset_key.path)
        if not context.has_asset_partitions:
            return store.current(name)
        values = {key: store.current(f"{name}/{key}") for key in context.asset_partition_keys}
        return values if len(values) > 1 else next(iter(values.values()))

    def _step_path(self, context: OutputContext) -> UPath:
        return self.storage.open().base.joinpath("runs", *context.get_identifier()).with_suffix(".json")
