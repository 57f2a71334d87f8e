"""Opens the target database; a file that is none, or of another schema, is an error in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError

from calibration_assets.errors import CalibrationError
from calibration_assets.targets import schema


@contextmanager
def open_database(path: Path, create: bool = False) -> Iterator[Connection]:
    """A connection to a target database; a missing, foreign, locked or older file is an error in one sentence."""
    if not create and not path.exists():
        raise CalibrationError(f"target database {path} does not exist; build it with `make database`")
    engine = _engine(path)
    try:
        if create:
            schema.create_schema(engine)
        with engine.begin() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version != schema.SCHEMA_VERSION:
                raise CalibrationError(
                    f"target database {path} has schema version {version}, expected {schema.SCHEMA_VERSION}; "
                    "rebuild it with `make database`"
                )
            yield connection
    except DatabaseError as error:
        raise CalibrationError(
            f"target database {path}: {error.orig}, expected a database that is free and whole; close what holds it or "
            "rebuild it with `make database`"
        ) from error
    finally:
        engine.dispose()


def _engine(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def enforce_foreign_keys(connection: object, _: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")  # type: ignore[attr-defined]

    return engine
