"""Census Bureau sources: ages, SNAP households by district, Medicaid by district, state income tax."""

import json

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.sources import acs_s0101, acs_s2201, acs_s2704, census_stc, fns_snap

from .fragments import DISTRICTS, STATES, census_json, published_code
from .test_assistance import snap_zip


def age_row(code, first_bin=100):
    bins = {column: str(first_bin if index == 0 else 10) for index, column in enumerate(acs_s0101.AGE_BINS)}
    return {"GEO_ID": code, "NAME": "a place", "S0101_C01_001E": str(first_bin + 170), **bins}


def age_files():
    nation = [age_row("0100000US")]
    states = [age_row(f"0400000US{code:02}", code) for code in STATES] + [age_row("0400000US72")]
    districts = [age_row(f"5001900US{published_code(code)}") for code in DISTRICTS] + [age_row("5001900US7298")]
    names = [file.name for file in acs_s0101.SOURCE.files]
    return dict(zip(names, map(census_json, (nation, states, districts)), strict=True))


def test_ages_become_18_half_open_bins_at_three_levels():
    figures = acs_s0101.SOURCE.figures(age_files())
    assert len(figures) == 18 * (1 + 51 + 436)
    young = figures[figures["constraints"] == "age<5;age>=0"].set_index("geography")["value"]
    assert young[0] == 100
    assert young[6] == 6
    assert young[201] == young[1101] == young[601] == 100
    assert 72 not in young.index
    old = figures[figures["constraints"] == "age>=85"]
    assert len(old) == 488
    assert (old["value"] == 10).all()
    assert set(figures["variable"]) == {"person_count"}


@pytest.mark.parametrize(
    ("level", "change", "message"),
    [
        (1, lambda rows: rows[:-2], r"acs_S0101_state_2024\.json has 50 states \(56 missing\)"),
        (1, lambda rows: [*rows, rows[0]], r"acs_S0101_state_2024\.json has 52 states \(1 too many\)"),
        (2, lambda rows: [*rows[1:], rows[1]], "has 435 districts, district 102 twice"),
        (
            0,
            lambda rows: [{**rows[0], "S0101_C01_001E": "999"}],
            "row 1: age bins sum to 270, the total population is 999",
        ),
        (
            0,
            lambda rows: [{**rows[0], "S0101_C01_005E": "-"}],
            "row 1, column S0101_C01_005E has '-', expected a number",
        ),
        (0, lambda rows: [{"GEO_ID": "0100000US", "S0101_C01_001E": "1"}], "has no column 'S0101_C01_002E'"),
        (
            1,
            lambda rows: [{**rows[0], "GEO_ID": "7700000US01"}],
            "geography '7700000US01' is no nation, state or district",
        ),
    ],
)
def test_damaged_ages_are_named(level, change, message):
    files = age_files()
    name = list(files)[level]
    header, *rows = json.loads(files[name])
    files[name] = census_json(change([dict(zip(header, row, strict=True)) for row in rows]))
    with pytest.raises(CalibrationError, match=message):
        acs_s0101.SOURCE.figures(files)


@pytest.mark.parametrize("body", [b"<html>403</html>", b"{}", b"[]", b'[["GEO_ID"]]', b""])
def test_a_page_saved_as_data(body):
    files = dict.fromkeys(age_files(), body)
    with pytest.raises(CalibrationError, match=r"acs_S0101_\w+_2024\.json (is not JSON|holds no rows)"):
        acs_s0101.SOURCE.figures(files)


def snap_rows():
    return [
        {"GEO_ID": f"5001900US{published_code(code)}", "S2201_C01_001E": "300", "S2201_C03_001E": str(code % 100)}
        for code in DISTRICTS
    ]


def test_snap_households_by_district_sum_to_the_states():
    raw = {acs_s2201.FILE: census_json(snap_rows()), fns_snap.FILE: snap_zip()}
    figures = acs_s2201.SOURCE.figures(raw).set_index("geography")["value"]
    # Alabama (state 1) pays 101 households; its districts report 1 + 2 + ... + 7 = 28.
    assert figures[103] == pytest.approx(101 * 3 / 28)
    assert figures[[code for code in DISTRICTS if code // 100 == 1]].sum() == pytest.approx(101)
    assert figures[201] == pytest.approx(102)
    with pytest.raises(CalibrationError, match="households with SNAP of 300 households, expected a part"):
        acs_s2201.parse(census_json([{**row, "S2201_C03_001E": "301"} for row in snap_rows()]))


def test_medicaid_by_district():
    rows = [
        {"GEO_ID": f"5001900US{published_code(code)}", "S2704_C01_001E": "700", "S2704_C02_006E": "150"}
        for code in DISTRICTS
    ]
    figures = acs_s2704.SOURCE.figures({acs_s2704.FILE: census_json(rows)})
    assert len(figures) == 436
    assert set(figures["constraints"]) == {"medicaid_enrolled==True"}
    assert (figures["value"] == 150).all()


def tax_rows():
    return [
        {"state_fips": f"{code:02}", "state_abbrev": "XX", "income_tax_collections": code * 10**9} for code in STATES
    ]


def test_state_income_tax():
    figures = census_stc.SOURCE.figures({census_stc.FILE: json.dumps(tax_rows()).encode()})
    assert figures.set_index("geography")["value"][6] == 6e9
    assert len(figures) == 51


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda rows: [{**row, "income_tax_collections": row["income_tax_collections"] // 1000} for row in rows],
            "check the file's unit",
        ),
        (lambda rows: rows[1:], r"has 50 states \(1 missing\)"),
        (lambda rows: [{"state_fips": "01"}], "has no column 'income_tax_collections'"),
    ],
)
def test_damaged_state_income_tax(change, message):
    with pytest.raises(CalibrationError, match=message):
        census_stc.parse(json.dumps(change(tax_rows())).encode())
