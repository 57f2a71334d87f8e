"""Opening a package, whatever its form."""

from pathlib import Path

from calibration_assets.errors import CalibrationError
from calibration_assets.package.bridge import read_package_pickle
from calibration_assets.package.folder import read_package_folder
from calibration_assets.package.package import CalibrationPackage


def load_calibration_package(path: str | Path) -> CalibrationPackage:
    """The package at a path: a package folder, or a `.pkl` file in the manual's format."""
    path = Path(path)
    if path.is_dir():
        return read_package_folder(path)
    if not path.exists():
        raise CalibrationError(
            f"{path}: no such file or folder, expected a calibration package; build it (--build-only) or check "
            "the path."
        )
    if path.suffix not in (".pkl", ".pickle"):
        raise CalibrationError(f"{path}: a file, expected a package folder or a .pkl file; check the path.")
    return read_package_pickle(path)
