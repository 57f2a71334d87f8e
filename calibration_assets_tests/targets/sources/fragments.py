"""Fragments in the agencies' own formats, with invented figures; every state and district is there."""

import io
import json

import pandas as pd

from calibration_assets.geography.crosswalk import STATE_FIPS
from calibration_assets.storage.reference import read_reference

STATES = sorted(STATE_FIPS.values())
POSTAL = {code: name for name, code in STATE_FIPS.items()}
DISTRICTS = sorted(read_reference("county_shares")["district"].unique().tolist())
AT_LARGE = {2: "00", 10: "00", 11: "98", 38: "00", 46: "00", 50: "00", 56: "00"}


def published_code(district):
    """A district as the agencies write it: two digits of state and two of number, at-large 00, DC 98."""
    state, number = divmod(district, 100)
    return f"{state:02}{AT_LARGE.get(state, f'{number:02}')}"


def census_json(rows):
    """A Census API answer from a list of dicts."""
    header = list(rows[0])
    return json.dumps([header, *[[row[column] for column in header] for row in rows]]).encode()


def csv(rows):
    return pd.DataFrame(rows).to_csv(index=False).encode()


def workbook(**sheets):
    """An Excel file of sheets given as lists of rows."""
    stream = io.BytesIO()
    with pd.ExcelWriter(stream) as writer:
        for name, rows in sheets.items():
            width = max(map(len, rows), default=0)
            padded = [[*row, *[None] * (width - len(row))] for row in rows]
            pd.DataFrame(padded).to_excel(writer, sheet_name=name.replace("_", " "), header=False, index=False)
    return stream.getvalue()


def geocorr(congress):
    """A crosswalk in which nobody moved between the 117th Congress and another."""
    header = ["state", f"cd{congress}", "cd117", "stab", "pop20", "afact2", "afact"]
    labels = ["State code", "District", "District", "State abbr.", "Total population", "to", "from"]
    codes = [(published_code(code), POSTAL[code // 100]) for code in DISTRICTS]
    rows = [[code[:2], code[2:], code[2:], postal, 700000, 1, "1 "] for code, postal in codes]
    outside = [["72", "98", "98", "PR", 3285874, 1, "1 "], ["37", "14", "-", "NC", 13, 1, "0 "]]
    return pd.DataFrame([labels, *rows, *outside], columns=header).to_csv(index=False).encode()
