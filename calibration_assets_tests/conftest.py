"""What several test folders share: a dataset of 20 literal households, an S3 server, policyengine-us imported once."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from calibration_assets.microdata.dataset import Dataset
from calibration_assets.microdata.links import GROUPS, id_column, link_column

if TYPE_CHECKING:
    from calibration_assets_tests.storage.places import Place

HOUSEHOLDS = [
    # id, state FIPS, weight
    (1, 6, 900.0),
    (2, 6, 1100.0),
    (3, 6, 850.0),
    (4, 6, 1000.0),
    (5, 6, 600.0),
    (6, 6, 40.0),
    (7, 6, 1300.0),
    (8, 48, 1200.0),
    (9, 48, 950.0),
    (10, 48, 700.0),
    (11, 48, 1050.0),
    (12, 48, 30.0),
    (13, 36, 800.0),
    (14, 36, 1150.0),
    (15, 36, 500.0),
    (16, 36, 20.0),
    (17, 36, 1250.0),
    (18, 50, 300.0),
    (19, 50, 250.0),
    (20, 50, 0.0),
]

PERSONS = [
    # household, tax unit, role, age, wages, self-employment, social security, pension, interest, capital gains
    (1, 1, "HEAD", 34, 52_000, 0, 0, 0, 120, 0),
    (2, 2, "HEAD", 41, 68_000, 0, 0, 0, 300, 0),
    (2, 2, "SPOUSE", 39, 45_000, 0, 0, 0, 300, 0),
    (2, 2, "DEPENDENT", 11, 0, 0, 0, 0, 0, 0),
    (2, 2, "DEPENDENT", 7, 0, 0, 0, 0, 0, 0),
    (3, 3, "HEAD", 29, 21_000, 0, 0, 0, 0, 0),
    (3, 3, "DEPENDENT", 4, 0, 0, 0, 0, 0, 0),
    (3, 3, "DEPENDENT", 1, 0, 0, 0, 0, 0, 0),
    (4, 4, "HEAD", 71, 0, 0, 26_000, 14_000, 900, 0),
    (4, 4, "SPOUSE", 69, 0, 0, 15_000, 0, 900, 0),
    (5, 5, "HEAD", 24, 31_000, 0, 0, 0, 0, 0),
    (5, 6, "HEAD", 26, 38_000, 0, 0, 0, 10, 0),
    (5, 7, "HEAD", 23, 9_000, 4_000, 0, 0, 0, 0),
    (6, 8, "HEAD", 55, 640_000, 0, 0, 0, 42_000, 310_000),
    (6, 8, "SPOUSE", 53, 120_000, 0, 0, 0, 42_000, 310_000),
    (6, 8, "DEPENDENT", 17, 0, 0, 0, 0, 0, 0),
    (7, 9, "HEAD", 47, 0, 0, 14_400, 0, 0, 0),
    (8, 10, "HEAD", 36, 44_000, 0, 0, 0, 0, 0),
    (8, 10, "SPOUSE", 35, 0, 0, 0, 0, 0, 0),
    (8, 10, "DEPENDENT", 14, 0, 0, 0, 0, 0, 0),
    (8, 10, "DEPENDENT", 9, 0, 0, 0, 0, 0, 0),
    (8, 10, "DEPENDENT", 2, 0, 0, 0, 0, 0, 0),
    (9, 11, "HEAD", 52, 15_000, 22_000, 0, 0, 40, 0),
    (10, 12, "HEAD", 66, 18_000, 0, 19_000, 6_000, 150, 500),
    (10, 13, "HEAD", 38, 27_000, 0, 0, 0, 0, 0),
    (10, 13, "DEPENDENT", 16, 0, 0, 0, 0, 0, 0),
    (11, 14, "HEAD", 19, 12_500, 0, 0, 0, 0, 0),
    (11, 15, "HEAD", 20, 16_000, 0, 0, 0, 0, 0),
    (12, 16, "HEAD", 61, 2_400_000, -60_000, 0, 0, 90_000, 5_200_000),
    (13, 17, "HEAD", 31, 58_000, 0, 0, 0, 60, 0),
    (13, 17, "SPOUSE", 30, 61_000, 0, 0, 0, 60, 0),
    (14, 18, "HEAD", 83, 0, 0, 17_500, 0, 2_200, 0),
    (15, 19, "HEAD", 45, 33_000, 0, 0, 0, 0, 0),
    (15, 19, "SPOUSE", 44, 17_000, 0, 0, 0, 0, 0),
    (15, 19, "DEPENDENT", 20, 0, 0, 0, 0, 0, 0),
    (15, 19, "DEPENDENT", 12, 0, 0, 0, 0, 0, 0),
    (15, 20, "HEAD", 74, 0, 0, 11_000, 0, 0, 0),
    (16, 21, "HEAD", 58, 510_000, 430_000, 0, 0, 15_000, 800_000),
    (16, 21, "SPOUSE", 57, 0, 0, 0, 0, 15_000, 0),
    (17, 22, "HEAD", 27, 0, 0, 0, 0, 0, 0),
    (17, 22, "DEPENDENT", 5, 0, 0, 0, 0, 0, 0),
    (18, 23, "HEAD", 49, 37_000, 5_000, 0, 0, 80, 0),
    (18, 23, "SPOUSE", 50, 29_000, 0, 0, 0, 80, 0),
    (18, 23, "DEPENDENT", 15, 0, 0, 0, 0, 0, 0),
    (19, 24, "HEAD", 64, 0, 0, 13_000, 9_000, 400, 1_000),
    (20, 25, "HEAD", 33, 47_000, 0, 0, 0, 0, 0),
    (20, 26, "HEAD", 32, 25_000, 0, 0, 0, 0, 0),
    (20, 26, "DEPENDENT", 0, 0, 0, 0, 0, 0, 0),
]

MONEY = [
    "employment_income_before_lsr",
    "self_employment_income_before_lsr",
    "social_security_retirement",
    "taxable_private_pension_income",
    "taxable_interest_income",
    "long_term_capital_gains_before_response",
]


@pytest.fixture(scope="session")
def tiny_dataset() -> Dataset:
    """20 households, 26 tax units, 48 persons in CA, TX, NY and VT; one household weighs nothing. Not to be changed."""
    columns = ["person_household_id", "person_tax_unit_id", "tax_unit_role_input", "age", *MONEY]
    person = pd.DataFrame(PERSONS, columns=columns)
    person[MONEY] = person[MONEY].astype(np.float32)
    person["age"] = person["age"].astype(np.int32)
    person.insert(0, "person_id", np.arange(1, len(person) + 1))
    person["person_spm_unit_id"] = person["person_household_id"]
    person["person_family_id"] = person["person_tax_unit_id"]
    person["person_marital_unit_id"] = np.cumsum(person["tax_unit_role_input"] != "SPOUSE")
    tables = {group: pd.DataFrame({id_column(group): person[link_column(group)].unique()}) for group in GROUPS}
    household = pd.DataFrame(HOUSEHOLDS, columns=["household_id", "state_fips", "household_weight"])
    return Dataset(2024, {**tables, "person": person, "household": household})


@pytest.fixture(scope="session")
def tiny_household_agi() -> pd.DataFrame:
    """Income of the 20 households without Social Security, dollars a year, in the place of their AGI."""
    income = pd.DataFrame(PERSONS).groupby(0)[[4, 5, 7, 8, 9]].sum().sum(axis=1)
    return pd.DataFrame({"household_id": income.index, "adjusted_gross_income": income.to_numpy(dtype=float)})


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server on loopback (moto's), one for the session."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, tmp_path: Path) -> "Place":
    """An empty bucket of the S3 server."""
    from calibration_assets_tests.storage.places import make_bucket

    return make_bucket(s3_server, "test-access", "test-secret-0123456789", tmp_path / "caches")


@pytest.fixture(scope="session")
def policyengine() -> ModuleType:
    """policyengine_us, imported once a session: it takes some 40 s. For tests marked slow."""
    import policyengine_us

    return policyengine_us
