"""IRS sources: states, districts (long table and published file), the nation, the earned income credit."""

import numpy as np
import pandas as pd
import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.sources import (
    irs_soi_district,
    irs_soi_eitc,
    irs_soi_incd,
    irs_soi_national,
    irs_soi_state,
)

from .fragments import DISTRICTS, POSTAL, STATES, csv, geocorr, published_code


def state_table():
    """Every count is the state's number in a stub, every amount a thousand times that, in thousands of dollars."""
    columns = [*irs_soi_state.COUNTS, *irs_soi_state.AMOUNTS]
    rows = []
    for code in STATES:
        for stub in range(11):
            scale = 10 if stub == 0 else 1
            counts = dict.fromkeys(irs_soi_state.COUNTS, f"{scale * code:,}")
            amounts = dict.fromkeys(irs_soi_state.AMOUNTS, f"{scale * code * 1000:,}")
            rows.append({"STATE": POSTAL[code], "AGI_STUB": stub, **counts, **amounts})
    rows.append({"STATE": "PR", "AGI_STUB": 0, **dict.fromkeys(columns, "1")})
    return pd.DataFrame(rows)


def state_figures(table):
    return irs_soi_state.SOURCE.figures({irs_soi_state.FILE: table.to_csv(index=False).encode()})


def one(figures, geography, variable, constraints):
    chosen = figures[(figures["geography"] == geography) & (figures["variable"] == variable)]
    return chosen.loc[chosen["constraints"] == constraints, "value"].item()


def test_state_returns_persons_and_dollars():
    figures = state_figures(state_table())
    band = "adjusted_gross_income<1000000;adjusted_gross_income>=500000"
    filer = "tax_unit_is_filer==1"
    assert one(figures, 6, "tax_unit_count", f"{band};{filer}") == 6
    assert one(figures, 6, "person_count", f"{band};{filer}") == 6
    assert one(figures, 6, "adjusted_gross_income", f"{band};{filer}") == 6_000_000
    assert one(figures, 6, "tax_unit_count", f"{band};filing_status==JOINT;{filer}") == 6
    assert one(figures, 6, "irs_employment_income", f"irs_employment_income>0;{filer}") == 60_000_000
    assert one(figures, 6, "tax_unit_count", f"{filer};total_self_employment_income!=0") == 60
    assert one(figures, 6, "eitc", f"eitc>0;eitc_child_count>2;{filer}") == 60_000_000
    assert one(figures, 6, "salt_deduction", f"salt_deduction>0;{filer};tax_unit_itemizes==1") == 60_000_000
    lowest = figures[figures["constraints"] == f"adjusted_gross_income<1;{filer}"]
    assert set(lowest["variable"]) == {"tax_unit_count", "person_count"}
    assert set(figures["geography"]) == set(STATES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table[table["STATE"] != "TX"], r"stub 0, has 50 states \(48 missing\)"),
        (lambda table: pd.concat([table, table.iloc[:1]]), "has 52 states"),
        (lambda table: table.drop(columns="N59664"), "has no column 'N59664'"),
        (lambda table: table.assign(A00100=table["A00100"].where(table["AGI_STUB"] > 0, "7")), "A00100 by stub sum to"),
        (
            lambda table: table.assign(N2=table["N2"].where(table["AGI_STUB"] != 3, "**")),
            r"row 4, column N2 has '\*\*'",
        ),
    ],
)
def test_a_damaged_state_table(change, message):
    with pytest.raises(CalibrationError, match=message):
        state_figures(change(state_table()))


def district_row(district, variable, kind, lower, upper, status, target):
    return {
        "district": f"{POSTAL[district // 100]}-{published_code(district)[2:].replace('98', '00')}",
        "varname": variable, "count": kind, "agilo": lower, "agihi": upper, "fstatus": status, "target": target,
    }  # fmt: skip


def district_rows():
    bands = [
        (-9e99 if np.isinf(low) else low, 9e99 if np.isinf(high) else high) for low, high in irs_soi_district.BANDS
    ]
    rows = []
    for district in DISTRICTS:
        rows.append(district_row(district, "XTOT", 0, -9e99, 9e99, 0, 700_000))
        for low, high in bands:
            rows += [district_row(district, "c00100", 1, low, high, status, 10) for status in (0, 1, 2, 4)]
            rows.append(district_row(district, "e00200", 0, low, high, 0, 2.5e6))
            if low >= 1:
                rows.append(district_row(district, "c00100", 0, low, high, 0, 1e9))
            if low >= 75_000:
                rows.append(district_row(district, "e26270", 0, low, high, 0, 3e6))
    return rows


def district_files(rows):
    names = irs_soi_district.GEOCORR
    return {irs_soi_district.FILE: csv(rows), names[118]: geocorr(118), names[119]: geocorr(119)}


def test_district_bands_statuses_and_sums():
    figures = irs_soi_district.SOURCE.figures(district_files(district_rows()))
    counts = figures.groupby("variable").size().to_dict()
    assert counts == {
        "adjusted_gross_income": 8 * 436,
        "tax_unit_count": 8 * 4 * 436,
        "irs_employment_income": 436,
        "tax_unit_partnership_s_corp_income": 436,
    }
    filer = "tax_unit_is_filer==1"
    top = f"adjusted_gross_income>=500000;{filer}"
    assert one(figures, 1101, "adjusted_gross_income", top) == 1e9
    assert one(figures, 201, "tax_unit_count", f"adjusted_gross_income>=500000;filing_status==SINGLE;{filer}") == 10
    assert one(figures, 101, "irs_employment_income", f"irs_employment_income>0;{filer}") == 9 * 2.5e6
    assert one(figures, 101, "tax_unit_partnership_s_corp_income", f"adjusted_gross_income>=75000;{filer}") == 4 * 3e6
    assert not figures["approximate"].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [row for row in rows if row["district"] != "OH-03"], "has 435 districts, expected each of 436"),
        (lambda rows: [*rows, rows[0]], "repeats an earlier row"),
        (lambda rows: [{**rows[0], "district": "PR-00"}, *rows], "row 1 has district 'PR-00', expected `AL-01`"),
        (lambda rows: [{**rows[0], "target": "n/a"}, *rows[1:]], "row 1, column target has 'n/a'"),
    ],
)
def test_a_damaged_district_table(change, message):
    with pytest.raises(CalibrationError, match=message):
        irs_soi_district.SOURCE.figures(district_files(change(district_rows())))


def incd_rows():
    """As the IRS publishes it: state rows have district 0, at-large states nothing else; thousands of dollars."""
    rows = [{"STATE": "US", "CONG_DISTRICT": 0, "agi_stub": stub} for stub in range(10)]
    rows += [{"STATE": POSTAL[state], "CONG_DISTRICT": 0, "agi_stub": stub} for state in STATES for stub in range(10)]
    single = {state for state in STATES if sum(code // 100 == state for code in DISTRICTS) == 1}
    rows += [
        {"STATE": POSTAL[code // 100], "CONG_DISTRICT": code % 100, "agi_stub": stub}
        for code in DISTRICTS
        for stub in range(10)
        if code // 100 not in single
    ]
    return [{**row, "N1": 40, "MARS1": 20, "MARS2": 10, "MARS4": 10, "A00100": "1,500"} for row in rows]


def test_the_published_district_file():
    raw = {irs_soi_incd.FILE: csv(incd_rows()), irs_soi_incd.GEOCORR[119]: geocorr(119)}
    figures = irs_soi_incd.SOURCE.figures(raw)
    assert figures.groupby("variable").size().to_dict() == {
        "adjusted_gross_income": 8 * 436,
        "tax_unit_count": 36 * 436,
    }
    top = "adjusted_gross_income>=500000;tax_unit_is_filer==1"
    assert one(figures, 201, "adjusted_gross_income", top) == 1_500_000
    assert one(figures, 4838, "tax_unit_count", top) == 40
    rows = [row for row in incd_rows() if (row["STATE"], row["CONG_DISTRICT"]) != ("TX", 38)]
    with pytest.raises(CalibrationError, match="435 districts"):
        irs_soi_incd.parse(raw | {irs_soi_incd.FILE: csv(rows)})


def national_cells():
    def cell(item, value, count=False, low="-inf", high="inf", status="All", table="Table 1.4", taxable=False):
        return {
            "Year": 2023, "SOI table": table, "Variable": item, "Filing status": status, "AGI lower bound": low,
            "AGI upper bound": high, "Count": count, "Taxable only": taxable, "Value": value,
        }  # fmt: skip

    items = [*irs_soi_national.ITEMS, *irs_soi_national.ITEMIZED, "adjusted_gross_income"]
    rows = [cell(item, 100) for item in items] + [cell(item, 7, count=True) for item in items]
    for gains, losses in irs_soi_national.NET_ITEMS.values():
        rows += [cell(gains, 90), cell(losses, 20)]
    rows += [
        cell("count", 3, True, "-inf", 0, table="Table 1.1"), cell("count", 5, True, 1, 5000),
        cell("count", 5, True, 1, 5000, table="Table 1.2"), cell("count", 2, True, 5000, "inf", "Single"),
        cell("count", 9, True, 5000, "inf", "Married Filing Jointly/Surviving Spouse"),
        cell("adjusted_gross_income", 60, False, 1, "inf"), cell("adjusted_gross_income", -9, False, "-inf", 0),
        cell("employment_income", 55, taxable=True), cell("employment_income", 44, table="Table 4.3", taxable=False),
    ]  # fmt: skip
    return rows


def test_the_nation_by_band_and_in_all():
    figures = irs_soi_national.SOURCE.figures({irs_soi_national.FILE: csv(national_cells())})
    filer = "tax_unit_is_filer==1"
    assert one(figures, 0, "tax_unit_count", f"adjusted_gross_income<1;{filer}") == 3
    assert one(figures, 0, "tax_unit_count", f"adjusted_gross_income<5000;adjusted_gross_income>=1;{filer}") == 5
    assert one(figures, 0, "tax_unit_count", f"adjusted_gross_income>=5000;filing_status==SINGLE;{filer}") == 2
    assert one(figures, 0, "adjusted_gross_income", f"adjusted_gross_income>=1;{filer}") == 60
    assert one(figures, 0, "irs_employment_income", f"irs_employment_income>0;{filer}") == 100
    assert one(figures, 0, "total_self_employment_income", f"{filer};total_self_employment_income!=0") == 70
    joint = "Married Filing Jointly/Surviving Spouse"
    assert joint not in irs_soi_national.STATUSES
    assert not figures["constraints"].str.contains("JOINT").any()


def test_published_totals_are_the_series_of_the_uprating():
    totals = irs_soi_national.published_totals(csv(national_cells()))
    assert totals[totals["series"] == "business_net_losses"].to_numpy().tolist() == [
        ["business_net_losses", 2023, 20.0]
    ]


def eitc_rows():
    return [
        {"count_children": children, "agi_lower": low, "agi_upper": high, "returns": 4, "amount": 1000}
        for children in range(4)
        for low, high in (("-inf", 1), (1, 5000), (5000, "inf"))
    ]


def test_the_earned_income_credit_by_children_and_band():
    figures = irs_soi_eitc.SOURCE.figures({irs_soi_eitc.FILE: b"# a title, as the file has it\n" + csv(eitc_rows())})
    assert len(figures) == 24
    domain = "adjusted_gross_income<5000;adjusted_gross_income>=1;eitc>0;eitc_child_count>2;tax_unit_is_filer==1"
    assert one(figures, 0, "eitc", domain) == 1000
    assert one(figures, 0, "tax_unit_count", domain) == 4
    with pytest.raises(CalibrationError, match="gaps between its bands"):
        irs_soi_eitc.parse(csv(eitc_rows()[1:]))
