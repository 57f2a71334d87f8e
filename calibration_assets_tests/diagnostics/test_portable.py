"""The CSV side runs where only numpy, scipy and pandas are installed."""

import subprocess
import sys

BLOCK = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"pandera", "pyarrow", "matplotlib", "bokeh", "h5py", "torch", "dagster", "jinja2"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
"""
RUN = """
import numpy as np, pandas as pd
from scipy import sparse
from calibration_assets.diagnostics import run_config, summary, targets, weights

X = sparse.csr_matrix(np.array([[1.0, 2.0], [0.0, 0.0]], dtype=np.float32))
table = pd.DataFrame({"variable": ["snap", "rent"], "geo_level": ["state", "national"], "geographic_id": ["6", "US"],
                      "domain_variable": [None, None], "value": [4.0, 5.0]})
w = np.array([1.0, 1.0])
errors = targets.target_errors(X, table, ["a", "b"], w)
unmet = targets.unachievable_targets(X, table, ["a", "b"])
print(summary.render_summary(errors, table, weights.weight_summary(w), unmet))
run_config.run_config({}, errors, w, elapsed_seconds=1.0, files={})
"""


def test_csv_side_needs_numpy_scipy_and_pandas_alone():
    done = subprocess.run([sys.executable, "-c", BLOCK + RUN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1  no column has a value" in done.stdout
