"""The target database's tables, triggers and views (SQLite, through SQLAlchemy). Holds no rows and no queries."""

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

SCHEMA_VERSION = 1
metadata = MetaData()

sources = Table(
    "sources",
    metadata,
    Column("source", String, primary_key=True),
    Column("publisher", String, nullable=False),
    Column("table_name", String, nullable=False),
    Column("vintage", Integer, nullable=False),
    Column("url", String, nullable=False),
    Column("raw_sha256", String, nullable=False),
)
strata = Table(
    "strata",
    metadata,
    Column("stratum_id", Integer, primary_key=True),
    Column("definition_hash", String(64), nullable=False, unique=True),
    Column("parent_stratum_id", Integer, ForeignKey("strata.stratum_id"), index=True),
    Column("kind", String, nullable=False),
    Column("geo_level", String, nullable=False),
    Column("geographic_id", String, nullable=False, index=True),
    Column("notes", String),
)
"""A population. Kind `geographic` is all of a place, kind `domain` a part of it; unique by its own constraints."""
stratum_constraints = Table(
    "stratum_constraints",
    metadata,
    Column("stratum_id", Integer, ForeignKey("strata.stratum_id"), primary_key=True),
    Column("constraint_variable", String, primary_key=True),
    Column("operation", String, primary_key=True),
    Column("value", String, nullable=False),
    Column("notes", String),
    sqlite_with_rowid=False,
)
targets = Table(
    "targets",
    metadata,
    Column("target_id", Integer, primary_key=True),
    Column("variable", String, nullable=False),
    Column("period", Integer, nullable=False),
    Column("stratum_id", Integer, ForeignKey("strata.stratum_id"), nullable=False),
    Column("reform_id", Integer, nullable=False, server_default="0"),
    Column("value", Float),
    Column("active", Boolean, nullable=False, server_default="1"),
    Column("tolerance", Float),
    Column("source", String, ForeignKey("sources.source")),
    Column("uprating_class", String),
    Column("notes", String),
    UniqueConstraint("variable", "period", "stratum_id", "reform_id"),
    Index("targets_of_stratum", "stratum_id"),
)
"""A figure of its source's own year, in dollars a year, persons or units; `uprating_class` says how it is aged."""
uprating_factors = Table(
    "uprating_factors",
    metadata,
    Column("uprating_class", String, primary_key=True),
    Column("from_year", Integer, primary_key=True),
    Column("to_year", Integer, primary_key=True),
    Column("factor", Float, nullable=False),
    Column("method", String, nullable=False),
    Column("series", String, nullable=False),
    sqlite_with_rowid=False,
)
field_valid_values = Table(
    "field_valid_values",
    metadata,
    Column("field_name", String, primary_key=True),
    Column("valid_value", String, primary_key=True),
    Column("description", String),
    sqlite_with_rowid=False,
)

_CHECKED_FIELDS = {
    "stratum_constraints": ("operation", "constraint_variable"),
    "targets": ("active", "period", "variable", "source"),
}
_GEOGRAPHY = "'state_fips', 'congressional_district_geoid'"
_NO_DOMAIN = f"{_GEOGRAPHY}, 'tax_unit_is_filer', 'ucgid_str'"

_VALID_VALUE_TRIGGER = """
CREATE TRIGGER {table}_{field}_{event} BEFORE {event} ON {table}
WHEN NEW.{field} IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM field_valid_values WHERE field_name = '{field}' AND valid_value = CAST(NEW.{field} AS TEXT))
BEGIN SELECT RAISE(ABORT, '{table}.{field} has a value that field_valid_values does not list'); END"""

_CONSTRAINT_TRIGGER = """
CREATE TRIGGER stratum_constraints_{event}_consistent BEFORE {event} ON stratum_constraints
BEGIN
  SELECT RAISE(ABORT, 'an equality must stand alone among the constraints of its variable')
  WHERE EXISTS (SELECT 1 FROM stratum_constraints AS other {same_variable}
    AND (NEW.operation IN ('==', '!=') OR other.operation IN ('==', '!=')));
  SELECT RAISE(ABORT, 'two bounds on one side of a variable contradict or repeat each other')
  WHERE EXISTS (SELECT 1 FROM stratum_constraints AS other {same_variable}
    AND substr(other.operation, 1, 1) = substr(NEW.operation, 1, 1));
  SELECT RAISE(ABORT, 'a range has no values: the lower bound is not below the upper')
  WHERE EXISTS (SELECT 1 FROM stratum_constraints AS other {same_variable}
    AND ((NEW.operation IN ('>', '>=') AND other.operation IN ('<', '<=')
          AND CAST(NEW.value AS REAL) >= CAST(other.value AS REAL))
      OR (NEW.operation IN ('<', '<=') AND other.operation IN ('>', '>=')
          AND CAST(NEW.value AS REAL) <= CAST(other.value AS REAL)))
    AND NOT (NEW.operation IN ('>=', '<=') AND other.operation IN ('>=', '<=')
          AND CAST(NEW.value AS REAL) = CAST(other.value AS REAL)));
  SELECT RAISE(ABORT, 'a geographic constraint differs from the geographic_id of its stratum')
  WHERE NEW.constraint_variable IN ({geography}) AND NOT EXISTS (
    SELECT 1 FROM strata WHERE stratum_id = NEW.stratum_id AND NEW.operation = '=='
      AND geographic_id = NEW.value);
END"""

_SAME_VARIABLE = (
    "WHERE other.stratum_id = NEW.stratum_id AND other.constraint_variable = NEW.constraint_variable "
    "AND other.operation <> NEW.operation"
)

_PARENT_TRIGGER = """
CREATE TRIGGER strata_{event}_inside_parent BEFORE {event} ON strata
WHEN NEW.parent_stratum_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a stratum lies outside the geography of its parent')
  WHERE NOT EXISTS (SELECT 1 FROM strata AS parent WHERE parent.stratum_id = NEW.parent_stratum_id
    AND (parent.geo_level = 'national' OR parent.geographic_id = NEW.geographic_id
      OR (parent.geo_level = 'state' AND NEW.geo_level = 'district'
        AND CAST(NEW.geographic_id AS INTEGER) / 100 = CAST(parent.geographic_id AS INTEGER))));
END"""

_VIEWS = f"""
CREATE VIEW stratum_domain AS
SELECT DISTINCT stratum_id, constraint_variable AS domain_variable
FROM stratum_constraints WHERE constraint_variable NOT IN ({_NO_DOMAIN});
CREATE VIEW target_overview AS
SELECT t.target_id, t.stratum_id, t.variable, t.reform_id, t.value, t.period, t.active, s.geo_level, s.geographic_id,
  (SELECT group_concat(domain_variable, ',') FROM (
     SELECT DISTINCT constraint_variable AS domain_variable FROM stratum_constraints
     WHERE stratum_id = t.stratum_id AND constraint_variable NOT IN ({_NO_DOMAIN})
     ORDER BY constraint_variable)) AS domain_variable,
  t.source, t.uprating_class
FROM targets AS t JOIN strata AS s ON s.stratum_id = t.stratum_id
"""  # noqa: S608


def create_schema(engine: Engine) -> None:
    """Create tables, triggers and views in an empty database and stamp its version."""
    metadata.create_all(engine)
    with engine.begin() as connection:
        for statement in (*_triggers(), *_VIEWS.strip().split(";\n"), f"PRAGMA user_version = {SCHEMA_VERSION}"):
            connection.execute(text(statement))


def _triggers() -> list[str]:
    events = ("INSERT", "UPDATE")
    listed = [
        _VALID_VALUE_TRIGGER.format(table=table, field=field, event=event)
        for table, fields in _CHECKED_FIELDS.items()
        for field in fields
        for event in events
    ]
    consistent = [
        _CONSTRAINT_TRIGGER.format(event=event, same_variable=_SAME_VARIABLE, geography=_GEOGRAPHY) for event in events
    ]
    return [*listed, *consistent, *(_PARENT_TRIGGER.format(event=event) for event in events)]
