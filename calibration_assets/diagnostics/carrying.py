"""Which records carry a target.

A record carries a target through all of its clones together, so a household that is most of an aggregate shows
whatever its clones' weights are. Errors are in `targets`.
"""

import numpy as np
import pandas as pd
from scipy import sparse

from calibration_assets.matrix.cell_matrix import CellMatrix

BLOCK_CELLS = 1 << 23
"""Target-by-record cells held at a time, 8 bytes each."""


def carrying_records(X: CellMatrix, weights: np.ndarray, record: np.ndarray) -> pd.DataFrame:
    """For every target how many records add to it, the largest of them and its share of all their contributions.

    `record` holds one record number a column. A share is of the sum of absolute contributions, so losses count as much
    as gains; a target that nothing carries has 0 records, largest record -1 and share 0.
    """
    n_records = int(record.max()) + 1
    numbers = record.astype(np.int64)
    parts = [
        _carried(_contributions(block, weights, numbers, n_records))
        for _, block in X.row_blocks(rows=BLOCK_CELLS // n_records)
    ]
    return pd.concat(parts, ignore_index=True)


def _contributions(block: sparse.csr_matrix, weights: np.ndarray, record: np.ndarray, n_records: int) -> np.ndarray:
    """Dense (rows, records) sums of value x weight over the columns of every record."""
    row = np.repeat(np.arange(block.shape[0], dtype=np.int64) * n_records, np.diff(block.indptr))
    cells = block.shape[0] * n_records
    sums = np.bincount(row + record[block.indices], block.data * weights[block.indices], minlength=cells)
    return sums.reshape(block.shape[0], n_records)


def _carried(contributions: np.ndarray) -> pd.DataFrame:
    size = np.abs(contributions, out=contributions)
    total = size.sum(axis=1)
    largest = size.argmax(axis=1)
    top = size[np.arange(len(size)), largest]
    return pd.DataFrame(
        {
            "carrying_records": np.count_nonzero(size, axis=1),
            "largest_record": np.where(total > 0, largest, -1),
            "largest_record_share": np.divide(top, total, out=np.zeros(len(size)), where=total > 0),
        }
    )
