"""Before a deployment starts: `python -m calibration_assets.defs.setup_instance` brings Dagster's tables to this
version and tries the store, so that what is wrong is one sentence and not a traceback of every process.
"""

import logging
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from dagster import DagsterInstance
from sqlalchemy.exc import SQLAlchemyError

from calibration_assets.defs.resources import CalibrationStorage
from calibration_assets.defs.run import check_home
from calibration_assets.errors import CalibrationError
from calibration_assets.storage import objects
from calibration_assets.storage.store import RUNS

LOOKED_AT = ("target_database", "calibration_package", "weights")
"""Assets whose current values are opened, to see whether this version reads them."""


def main() -> int:
    """0 where the deployment can start, 1 after a sentence."""
    logging.disable(logging.WARNING)  # what is tried again is not said again
    try:
        check_home()
        prepare_database()
        check_store()
    except CalibrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def prepare_database() -> None:
    """Make Dagster's tables, or bring older ones to this version; runs and events stay."""
    with _reaching_database(), DagsterInstance.get() as instance:
        instance.upgrade()


def check_store() -> None:
    """Write, read and remove an object, and open what is current; CalibrationError says what stands in the way."""
    store = CalibrationStorage().open()
    path = store.base / RUNS / f"check-{uuid.uuid4().hex}.json"
    objects.write_json(path, {})
    objects.read_json(path)
    objects.remove(path)
    for name in LOOKED_AT:
        if store.current_key(name):
            store.current(name)


@contextmanager
def _reaching_database() -> Iterator[None]:
    """Turn what the database's libraries raise into one sentence."""
    from dagster_postgres.utils import DagsterPostgresException

    place = f"{os.environ.get('DAGSTER_PG_HOST')}:{os.environ.get('DAGSTER_PG_PORT')}"
    database, user = os.environ.get("DAGSTER_PG_DB"), os.environ.get("DAGSTER_PG_USERNAME")
    try:
        yield
    except CommandError as error:
        raise CalibrationError(
            f"database {database} at {place}: {error}, expected tables of this version of Dagster or an older one; use "
            "the image that wrote them, or restore the backup of before"
        ) from error
    except (DagsterPostgresException, SQLAlchemyError) as error:
        raise CalibrationError(
            f"database {database} at {place}: {_reason(error)}, expected to reach it as {user}; check DAGSTER_PG_HOST "
            "and DAGSTER_PG_PASSWORD, and that the database runs (runs and values are as they were)"
        ) from error


def _reason(error: BaseException) -> str:
    """The first line of the first cause: what the server or the network said."""
    while error.__cause__ is not None:
        error = error.__cause__
    return (str(error) or type(error).__name__).splitlines()[0].strip()


if __name__ == "__main__":
    raise SystemExit(main())
