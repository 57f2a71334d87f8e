"""The package as a folder: arrays that are mapped instead of read, and two Parquet tables.

    column_rows.npy  column_indptr.npy  column_indices.npy  column_data.npy   the matrix's rows by column, CSR
    cell_rows.npy    cell_indptr.npy    cell_indices.npy    cell_data.npy     its rows by cell
    cell.npy  targets.parquet  columns.parquet  initial_weights.npy  manifest.json

`matrix/cell_matrix.py` says what the two parts are. The manifest (written last, by the store) says that the folder is
complete and holds the metadata.
"""

import json
import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.matrix.cell_matrix import CellMatrix, as_cell_matrix
from calibration_assets.package.package import CalibrationPackage

PARTS = ("column", "cell")
CSR = ("indptr", "indices", "data")
ARRAYS = (*(f"{part}_{one}" for part in PARTS for one in ("rows", *CSR)), "cell", "initial_weights")
TABLES = ("targets", "columns")
MANIFEST = "manifest.json"


def create_array(folder: Path, name: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of zeros that is a file of the package, its disk space reserved before anything is written."""
    path = folder / f"{name}.npy"
    size = math.prod(shape) * np.dtype(dtype).itemsize
    try:
        array = np.lib.format.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        return array
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CalibrationError(
            f"{path}: {size:,} bytes could not be reserved ({error.strerror}), expected room for the matrix; free disk "
            "space or store elsewhere."
        ) from error


def write_package(
    matrix: CellMatrix | sparse.csr_matrix,
    targets: pd.DataFrame,
    columns: pd.DataFrame,
    initial_weights: np.ndarray,
    folder: Path,
) -> None:
    """Write all files but the manifest; arrays that are files of this folder already are only flushed.

    `targets` has the column `target_name`.
    """
    if "target_name" not in targets:
        raise CalibrationError("package: targets have no column target_name, expected a name for every row; add it.")
    folder.mkdir(parents=True, exist_ok=True)
    matrix = as_cell_matrix(matrix)
    parts = dict(zip(PARTS, (matrix.by_column, matrix.by_cell), strict=True))
    arrays = {f"{name}_{one}": getattr(part, one) for name, part in parts.items() for one in CSR}
    arrays |= {"column_rows": matrix.column_rows, "cell_rows": matrix.cell_rows, "cell": matrix.cell}
    arrays["initial_weights"] = initial_weights.astype(np.float64)
    tables = {"targets": targets, "columns": columns}
    with ThreadPoolExecutor() as pool:
        writing = [pool.submit(_write_array, array, folder / f"{name}.npy") for name, array in arrays.items()]
        for name, table in tables.items():
            writing.append(pool.submit(table.to_parquet, folder / f"{name}.parquet", index=False))
        for one in writing:
            one.result()


def _write_array(array: np.ndarray, path: Path) -> None:
    if isinstance(array, np.memmap) and path.exists() and path.samefile(array.filename or ""):
        array.flush()
    else:
        np.save(path, array, allow_pickle=False)


def read_package_folder(folder: Path) -> CalibrationPackage:
    """Open a package folder by memory map, its files' sizes checked against the manifest."""
    manifest = _read_manifest(folder)
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
    tables = {name: _read_table(folder / f"{name}.parquet") for name in TABLES}
    n_columns, n_cells = len(tables["columns"]), int(arrays["cell"].max(initial=-1)) + 1
    matrix = CellMatrix(
        by_column=_open_part(folder, "column", arrays, n_columns),
        column_rows=arrays["column_rows"],
        by_cell=_open_part(folder, "cell", arrays, n_cells),
        cell_rows=arrays["cell_rows"],
        cell=arrays["cell"],
    )
    return CalibrationPackage(
        matrix=matrix,
        targets_df=tables["targets"],
        target_names=tables["targets"]["target_name"].tolist(),
        metadata=manifest["metadata"],
        columns=tables["columns"],
        initial_weights=arrays["initial_weights"],
    )


def _open_part(folder: Path, name: str, arrays: Mapping[str, np.ndarray], n_units: int) -> sparse.csr_matrix:
    rows, indptr, indices, data = (arrays[f"{name}_{one}"] for one in ("rows", *CSR))
    if len(indptr) != len(rows) + 1 or indptr[-1] != len(data):
        raise CalibrationError(
            f"{folder}: {name}_indptr.npy has {len(indptr):,} entries up to {indptr[-1]:,}, expected {len(rows) + 1:,} "
            f"up to {len(data):,}; build the package again."
        )
    part = sparse.csr_matrix((data, indices, indptr), shape=(len(rows), n_units), copy=False)
    part.has_sorted_indices = True
    return part


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.exists():
        raise CalibrationError(
            f"{folder}: no {MANIFEST} was found, expected a complete package; build it, or give the path of "
            "a folder that holds one."
        )
    try:
        manifest = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise CalibrationError(
            f"{path} is not JSON ({error}), expected a manifest; build the package again."
        ) from error
    expected = {f"{name}.npy" for name in ARRAYS} | {f"{name}.parquet" for name in TABLES}
    files = manifest.get("files", {})
    missing = sorted(expected - set(files))
    if missing:
        raise CalibrationError(f"{path}: {', '.join(missing)} not listed, expected a package's files; build it again.")
    for name in sorted(expected):
        size = (folder / name).stat().st_size if (folder / name).exists() else None
        if size != files[name]["size"]:
            raise CalibrationError(
                f"{folder / name}: {'nothing' if size is None else f'{size:,} bytes'} was found, the manifest says "
                f"{files[name]['size']:,} bytes; build the package again."
            )
    return manifest


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise CalibrationError(
            f"{path}: pyarrow is not installed, expected it for a package folder; install it, or use the .pkl file."
        ) from error
