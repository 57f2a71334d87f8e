"""The variable catalogue, the counties and the parameter series of policyengine-us, compiled for the target database.

`python -m calibration_assets.simulation.catalogue` writes them into `reference/`, each row stamped with the version, so
that nothing else has to import policyengine-us for a name, an entity or a series.
"""

import argparse
import importlib.metadata
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.takeup import PROGRAMMES
from calibration_assets.simulation.copies import PLACE_INPUTS
from calibration_assets.storage.reference import REFERENCE, read_reference, write_reference

PACKAGE = "policyengine-us"
YEARS = range(2018, 2031)
PLACE_AND_TAKE_UP = frozenset({*PLACE_INPUTS, *(programme.variable for programme in PROGRAMMES)})
"""Inputs that a placed household is given anew."""

SERIES = (
    "calibration.gov.cbo",
    "calibration.gov.census.populations.total",
    "calibration.gov.irs.soi",
    "calibration.gov.ssa",
    "calibration.gov.treasury.tax_expenditures",
    "calibration.gov.usda.snap",
    "gov.bls.cpi.cpi_u",
)
"""Parameters, or folders of them, that uprate targets or are targets themselves."""


def compile_variables(system: Any) -> pd.DataFrame:
    """Every variable: entity, value type, definition period, whether an input or a sum of them, unit and label."""
    rows = [
        {
            "variable": name,
            "entity": variable.entity.key,
            "value_type": variable.value_type.__name__,
            "definition_period": variable.definition_period,
            "is_input": variable.is_input_variable(),
            "sums_inputs": _sums_inputs(system, name),
            "unit": variable.unit,
            "label": variable.label,
            "possible_values": _members(variable),
        }
        for name, variable in sorted(system.variables.items())
    ]
    frame = pd.DataFrame(rows)
    # Thousands of counties are a table of their own.
    frame.loc[frame["possible_values"].str.len() > 10_000, "possible_values"] = None
    return _stamp(frame)


def place_free(names: Iterable[str], version: str) -> set[str]:
    """Of these variables, those that a household has by itself: inputs and sums of inputs, save its place and take-up.

    What a version other than the catalogue's says is unknown: then none.
    """
    variables = read_reference("variables")
    known = set(variables.loc[variables["sums_inputs"] & (variables["version"] == version), "variable"])
    return known & set(names)


def compile_parameters(system: Any) -> pd.DataFrame:
    """The series named in SERIES by calendar year, from their first value on; a year is the mean of its months."""
    parameters = {name: parameter for root in SERIES for name, parameter in _leaves(system.parameters, root)}
    rows = [
        {"series": name, "year": year, "value": _annual_mean(parameter, year)}
        for name, parameter in sorted(parameters.items())
        for year in YEARS
        if parameter.values_list and min(at.instant_str for at in parameter.values_list) <= f"{year}-01-01"
    ]
    frame = pd.DataFrame(rows)
    return _stamp(frame.astype({"year": "int32"}))


def compile_counties() -> pd.DataFrame:
    """Counties of the 2020 census: county int32 (FIPS), name, state (postal)."""
    package = importlib.util.find_spec("policyengine_us")
    if package is None or package.origin is None:
        raise CalibrationError(f"{PACKAGE} is not installed, expected it for the list of counties; install it")
    path = Path(package.origin).parent / "data" / "county_fips_2020.csv.gz"
    table = pd.read_csv(path, dtype=str, encoding="utf-8")
    counties = pd.DataFrame(
        {"county": table["county_fips"].astype("int32"), "name": table["county_name"], "state": table["state"]}
    )
    return _stamp(counties.sort_values("county", ignore_index=True))


def compile_catalogue(folder: Path) -> list[Path]:
    """Write variables, parameters and counties of the installed policyengine-us into a folder."""
    from policyengine_us import CountryTaxBenefitSystem

    system = CountryTaxBenefitSystem()
    tables = {
        "variables": compile_variables(system),
        "parameters": compile_parameters(system),
        "counties": compile_counties(),
    }
    return [write_reference(frame, name, folder) for name, frame in tables.items()]


def _sums_inputs(system: Any, name: str) -> bool:
    """Whether a variable is an input of the household's own, or adds and subtracts nothing but such, for everyone."""
    variable = system.variables.get(name)
    if variable is None or len(variable.formulas) or name in PLACE_AND_TAKE_UP:
        return False
    if variable.is_input_variable():
        return True
    if variable.defined_for is not None:
        return False
    parts = [variable.adds or [], variable.subtracts or []]
    if not all(isinstance(part, list) for part in parts):  # the name of a parameter, which may differ by year
        return False
    return all(_sums_inputs(system, one) for part in parts for one in part)


def _members(variable: Any) -> str | None:
    enumeration = getattr(variable, "possible_values", None)
    return ",".join(enumeration.__members__) if enumeration else None


def _annual_mean(parameter: Any, year: int) -> float:
    return float(np.mean([parameter(f"{year}-{month:02}-01") for month in range(1, 13)]))


def _leaves(node: Any, path: str) -> list[tuple[str, Any]]:
    for name in path.split("."):
        if name not in node.children:
            raise CalibrationError(f"{PACKAGE} has no parameter {path} ({name} is missing); correct SERIES")
        node = node.children[name]
    return _descend(node)


def _descend(node: Any) -> list[tuple[str, Any]]:
    if not hasattr(node, "children"):
        return [(node.name, node)] if hasattr(node, "values_list") and not node.name.endswith("_per_capita") else []
    return [leaf for child in node.children.values() for leaf in _descend(child)]


def _stamp(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(version=importlib.metadata.version(PACKAGE))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=REFERENCE, help="folder of the compiled tables")
    compile_catalogue(parser.parse_args().output)
