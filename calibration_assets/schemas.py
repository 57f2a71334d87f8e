"""Every table's columns, types, units and keys, declared once.

Holds schemas alone: who reads or writes a table validates it here (`TARGETS.validate(frame)`), and pandera's message
names the column, the row and the value. Money is in dollars a year.
"""

import pandera.pandas as pa

DISTRICT = pa.Check.in_range(101, 5699)
STATE = pa.Check.in_range(1, 56)
OPERATIONS = ("==", "!=", ">", ">=", "<", "<=")
LEVELS = ("national", "state", "district")

HOUSEHOLD_AGI = pa.DataFrameSchema(
    {
        "household_id": pa.Column("int64", unique=True),
        "adjusted_gross_income": pa.Column("float64"),
    },
    strict=True,
)
"""Adjusted gross income by household, dollars a year, from the source of the records."""

COLUMNS = pa.DataFrameSchema(
    {
        "record": pa.Column("int32", pa.Check.ge(0)),
        "household_id": pa.Column("int64"),
        "clone": pa.Column("int32", pa.Check.ge(0)),
        "state": pa.Column("int32", STATE),
        "district": pa.Column("int32", DISTRICT),
        "county": pa.Column("int32", pa.Check.in_range(1001, 56999)),
    },
    strict=True,
)
"""The matrix's columns, clone-major: row j is column j = clone * n_records + record. State, district and county are
FIPS numbers (district = state * 100 + number, at-large 01); a county's text is its number, zero-padded."""

COUNTY_SHARES = pa.DataFrameSchema(
    {
        "district": pa.Column("int32", DISTRICT),
        "county": pa.Column("int32", pa.Check.in_range(1001, 56999)),
        "probability": pa.Column("float64", pa.Check.in_range(0, 1)),
    },
    unique=["district", "county"],
    strict=True,
)
"""The share of a district's population that lives in a county; shares of one district add up to 1."""

TARGETS = pa.DataFrameSchema(
    {
        "target_id": pa.Column("int64", unique=True),
        "stratum_id": pa.Column("int64"),
        "variable": pa.Column(str),
        "reform_id": pa.Column("int64", pa.Check.ge(0)),
        "value": pa.Column("float64", pa.Check(lambda s: s.notna())),
        "period": pa.Column("int64"),
        "geo_level": pa.Column(str, pa.Check.isin(LEVELS)),
        "geographic_id": pa.Column(str),
        "domain_variable": pa.Column(str, nullable=True),
        "original_value": pa.Column("float64"),
        "uprating_factor": pa.Column("float64"),
        "source": pa.Column(str),
    },
    strict=False,
)
"""The matrix's rows, as read from the target database for one model year: `value` is `original_value` times
`uprating_factor`; `geographic_id` is `US`, a state's FIPS number or a district's, without padding."""

CONSTRAINTS = pa.DataFrameSchema(
    {
        "stratum_id": pa.Column("int64"),
        "constraint_variable": pa.Column(str),
        "operation": pa.Column(str, pa.Check.isin(OPERATIONS)),
        "value": pa.Column(str),
    },
    strict=True,
)
"""What a household, person or unit must fulfil to count in a stratum; geography among them."""

FIGURES = pa.DataFrameSchema(
    {
        "source": pa.Column(str),
        "geography": pa.Column("int32", pa.Check.in_range(0, 5699)),
        "variable": pa.Column(str),
        "constraints": pa.Column(str),
        "reform_id": pa.Column("int32", pa.Check.ge(0)),
        "period": pa.Column("int32", pa.Check.in_range(2015, 2035)),
        "value": pa.Column("float64", pa.Check(lambda s: s.notna() & (s.abs() < 1e16))),
        "approximate": pa.Column(bool),
    },
    strict=True,
    unique=["geography", "variable", "constraints", "reform_id", "period"],
)
"""Compiled figures of the agencies, one row a target, in dollars a year, persons or units: `geography` is 0 for the
nation, a state's FIPS number or a district's; `constraints` is canonical text (`targets/constraints.py`) without the
geographic ones; `approximate` marks figures carried across an overlap of districts that is estimated."""
