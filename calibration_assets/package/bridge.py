"""The package as a pickled dict, in the form that users of the manual exchange.

Reading goes through an unpickler that knows a short list of (module, name) pairs and refuses everything else by name:
numpy and pandas hold functions that run code, so no module is trusted as a whole.
"""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.errors import CalibrationError
from calibration_assets.matrix.cell_matrix import CellMatrix
from calibration_assets.package.package import ITEMS, MANUAL_ITEMS, CalibrationPackage

ALLOWED = frozenset(
    {
        ("builtins", "bytearray"),
        ("builtins", "complex"),
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("builtins", "slice"),
        ("_codecs", "encode"),
        ("collections", "OrderedDict"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        ("pandas", "DataFrame"),
        ("pandas", "Index"),
        ("pandas", "RangeIndex"),
        ("pandas._libs.internals", "_unpickle_block"),
        ("pandas.core.frame", "DataFrame"),
        ("pandas.core.indexes.base", "Index"),
        ("pandas.core.indexes.base", "_new_Index"),
        ("pandas.core.indexes.range", "RangeIndex"),
        ("pandas.core.internals.blocks", "new_block"),
        ("pandas.core.internals.managers", "BlockManager"),
        ("scipy.sparse", "csr_matrix"),
        ("scipy.sparse._csr", "csr_array"),
        ("scipy.sparse._csr", "csr_matrix"),
        ("scipy.sparse.csr", "csr_matrix"),
    }
)
"""Everything that a pickled package may name: containers, arrays, tables and the sparse matrix."""


class RefusingUnpickler(pickle.Unpickler):  # noqa: S301
    """Loads what ALLOWED names; anything else is refused before it is imported."""

    def find_class(self, module: str, name: str) -> Any:
        """The allowed object of this name."""
        if (module, name) not in ALLOWED:
            raise CalibrationError(
                f"the pickle names {module}.{name}, expected nothing but arrays, tables and a sparse matrix; do not "
                "open it elsewhere unless you trust its maker, and ask for the package folder instead."
            )
        return super().find_class(module, name)


def read_package_pickle(path: Path) -> CalibrationPackage:
    """Open a pickled package without running code that it may hold."""
    try:
        with path.open("rb") as file:
            content = RefusingUnpickler(file).load()
    except CalibrationError as error:
        raise CalibrationError(f"{path}: {error}") from error
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError, ValueError) as error:
        raise CalibrationError(
            f"{path}: it cannot be unpickled ({type(error).__name__}: {error}), expected a calibration package; build "
            "it again."
        ) from error
    missing = [item for item in MANUAL_ITEMS if not isinstance(content, dict) or item not in content]
    if missing:
        raise CalibrationError(
            f"{path}: {', '.join(missing)} not found, expected a dict with {', '.join(MANUAL_ITEMS)}; build it again."
        )
    matrix = sparse.csr_matrix(content["X_sparse"], dtype=np.float32)
    matrix.sort_indices()
    items = {item: content[item] for item in ITEMS if item in content and item != "X_sparse"}
    names = list(items["target_names"])
    return CalibrationPackage(**(items | {"matrix": CellMatrix.of_csr(matrix), "target_names": names}))


def write_package_pickle(package: CalibrationPackage, path: Path) -> None:
    """Write a package so that any pandas since 2.0 reads it; the file appears complete or not at all."""
    content = {item: package[item] for item in ITEMS if package[item] is not None}
    content["X_sparse"] = _plain_matrix(package.X_sparse)
    content["metadata"] = dict(package.metadata)
    for table in ("targets_df", "columns"):
        if table in content:
            content[table] = _plain_table(content[table])
    if "initial_weights" in content:
        content["initial_weights"] = np.array(content["initial_weights"])
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            pickle.dump(content, file, protocol=4)
        partial.replace(path)
    except OSError as error:
        raise CalibrationError(
            f"{path}: it could not be written ({error.strerror}), expected room for the package; free disk space or "
            "choose another place."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _plain_matrix(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """The matrix with plain arrays in memory instead of mapped files."""
    parts = (np.array(matrix.data), np.array(matrix.indices), np.array(matrix.indptr))
    return sparse.csr_matrix(parts, shape=matrix.shape)


def _plain_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Text as plain objects, missing text as None, in a table that older versions of pandas know."""
    text = [name for name in frame.columns if not isinstance(frame[name].dtype, np.dtype)]
    plain = frame.astype(dict.fromkeys(text, object))
    for name in text:
        plain[name] = plain[name].where(plain[name].notna(), None)
    plain.columns = pd.Index(plain.columns.to_list(), dtype=object)
    return plain
