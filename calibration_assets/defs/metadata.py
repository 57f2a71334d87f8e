"""What an asset's page shows: numbers, tables and pictures out of a stored value."""

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dagster import AssetExecutionContext, AssetObservation, DataVersion, MetadataValue, Output

from calibration_assets.storage.store import Store, StoredValue

TABLE_ROWS = 100


def tell_observations(context: AssetExecutionContext) -> Callable[[dict[str, float]], None]:
    """Puts figures of a running step on its asset's page, where Dagster plots them."""
    partition = context.partition_key if context.has_partition_key else None

    def tell(figures: dict[str, float]) -> None:
        context.log_event(AssetObservation(context.asset_key, partition=partition, metadata=figures))

    return tell


def stored_output(value: StoredValue) -> Output[StoredValue]:
    """The value as an asset's output, with its content key as data version and what is worth reading on its page."""
    names = [file for file in value.files if file.endswith(".png")]
    pictures: dict[str, Any] = {Path(name).stem: _picture((value.folder / name).read_bytes()) for name in names}
    shown: dict[str, Any] = {name: _show(entry) for name, entry in value.metadata.items()}
    return Output(value, metadata={**shown, **pictures}, data_version=DataVersion(value.key))


def storage_metadata(store: Store, value: StoredValue) -> dict[str, Any]:
    """What a store knows of any value: where it is, its version, size and seconds, and the rows of its tables."""
    rows = {file: entry["rows"] for file, entry in value.files.items() if "rows" in entry}
    stored: dict[str, Any] = {
        "path": str(store.base / value.name / value.version),
        "version": value.version,
        "megabytes": round(value.size / 1e6, 2),
        "seconds": value.metadata["seconds"],
    }
    return stored | ({"rows": MetadataValue.json(rows)} if rows else {})


def _show(entry: Any) -> Any:
    if isinstance(entry, list) and entry and isinstance(entry[0], Mapping):
        return MetadataValue.md(markdown_table(entry[:TABLE_ROWS]))
    return MetadataValue.json(entry) if isinstance(entry, list | dict) else entry


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of equal fields as a table in Markdown."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    lines += ["| " + " | ".join(_cell(cell) for cell in row.values()) + " |" for row in rows]
    return "\n".join(lines)


def _cell(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:,.4g}" if abs(cell) < 1e4 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _picture(png: bytes) -> MetadataValue:
    return MetadataValue.md(f"![figure](data:image/png;base64,{base64.b64encode(png).decode()})")
