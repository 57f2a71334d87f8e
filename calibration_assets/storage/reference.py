"""The compiled tables that the project ships: where they lie, and how they are written (equal rows, equal bytes).

What the tables mean stays with their makers; the folder's own README tables them.
"""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from calibration_assets.errors import CalibrationError

REFERENCE = Path(__file__).parents[1] / "reference"


def read_reference(name: str, folder: Path = REFERENCE) -> pd.DataFrame:
    """The compiled table of this name, e.g. `county_shares`."""
    path = folder / f"{name}.parquet"
    if not path.exists():
        present = ", ".join(sorted(table.stem for table in folder.glob("*.parquet"))) or "no table"
        raise CalibrationError(
            f"reference table {path} does not exist ({present} there), expected it among the compiled figures; "
            "compile it with `python -m calibration_assets.targets.compile`"
        )
    return pq.read_table(path).to_pandas()


def write_reference(frame: pd.DataFrame, name: str, folder: Path = REFERENCE) -> Path:
    """Write a table as compressed Parquet without the metadata that differs between library versions."""
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    path = folder / f"{name}.parquet"
    pq.write_table(table, path, compression="zstd", compression_level=19, write_statistics=False)
    return path
