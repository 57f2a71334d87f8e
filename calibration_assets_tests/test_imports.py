"""What each part of the code may import, seen in fresh processes."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "calibration_assets"
ORDER = (
    "errors", "settings", "schemas", "storage", "geography", "microdata", "targets", "imputation", "simulation",
    "matrix", "package", "fit", "diagnostics",
)  # fmt: skip
"""Each part imports only from the parts before it."""

PORTABLE = (
    "unified_calibration",
    "settings",
    "errors",
    "targets.config",
    "package.package",
    "fit.fit",
    "diagnostics.targets",
    "diagnostics.summary",
)
"""What runs where only numpy, scipy, pandas, torch, l0-python and pyyaml are installed."""
ABSENT = "dagster pandera pyarrow policyengine_us sqlalchemy h5py upath tqdm matplotlib pydantic taxcalc"


def modules_of(part):
    folder = PACKAGE / part
    paths = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    return [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths]


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)


@pytest.mark.parametrize("part", [*ORDER, "pipeline", "exports"])
def test_the_core_imports_neither_dagster_nor_policyengine(part):
    code = (
        "import importlib, sys\n"
        f"for name in {modules_of(part)!r}:\n"
        "    importlib.import_module(name)\n"
        "    found = {'dagster', 'policyengine_us', 'policyengine_core', 'taxcalc'} & set(sys.modules)\n"
        "    assert not found, f'{name} imports {sorted(found)}'\n"
    )
    result = run_python(code)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("module", PORTABLE)
def test_the_portable_set_needs_only_its_packages(module):
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {ABSENT.split()!r}:\n"
        "            raise ModuleNotFoundError(f'{name} is not in the portable set', name=name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        f"import calibration_assets.{module}\n"
    )
    result = run_python(code)
    assert result.returncode == 0, result.stderr


def imported_parts(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name.startswith("calibration_assets."):
                yield name.split(".")[1]


@pytest.mark.parametrize("part", ORDER)
def test_each_part_imports_only_from_the_parts_before_it(part):
    allowed = set(ORDER[: ORDER.index(part) + 1])
    for module in modules_of(part):
        path = PACKAGE.parent / Path(*module.split(".")).with_suffix(".py")
        assert set(imported_parts(path)) <= allowed, module
