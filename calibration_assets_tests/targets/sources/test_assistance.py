"""Assistance programmes: SNAP, TANF, Medicaid, marketplace credits, births."""

import io
import json
import zipfile

import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.targets.sources import (
    acf_tanf,
    cdc_births,
    cms_marketplace,
    cms_medicaid,
    cms_premium_tax_credit,
    fns_snap,
)
from calibration_assets.targets.sources.states import STATE_NAMES

from .fragments import POSTAL, STATES, csv, workbook

EMPTY = [None] * 6


def snap_sheet(places, header=("Participation 1/", "Cost")):
    rows = [["National Data Bank"], ["SNAP"], [" "], EMPTY, ["Total 1/"]]
    rows += [["Fiscal Year and Month", header[0], None, header[1], "Cost Per", None], [None, "Household", "Persons"]]
    for name, households in places:
        cost = "--" if households == "--" else households * 1000
        rows += [[name], ["Oct 2023", households, 0, cost], ["Total", households, 0, cost], EMPTY]
    return rows


def snap_zip(**changes):
    by_code = sorted((code, name) for name, code in STATE_NAMES.items())
    places = [(name, 100 + code) for code, name in by_code]
    sheets = dict.fromkeys(fns_snap.REGIONS, snap_sheet([]))
    sheets |= {"NERO": snap_sheet([*places[:25], ("Virgin Islands", 9), ("NERO", 99)])}
    sheets |= {"WRO": snap_sheet([*places[25:], ("Guam", "--")]), "US_Summary": snap_sheet([("US Summary", 5000)])}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("FY24.xlsx", workbook(**(sheets | changes)))
    return stream.getvalue()


def test_snap_takes_the_totals_of_states_and_the_nation():
    table = fns_snap.parse(snap_zip()).set_index("geography")
    assert len(table) == 52
    assert table.loc[0, "households"] == 5000
    assert table.loc[6].tolist() == [106, 106_000]
    figures = fns_snap.SOURCE.figures({fns_snap.FILE: snap_zip()})
    assert figures.groupby("variable").size().to_dict() == {"household_count": 52, "snap": 51}
    assert set(figures["constraints"]) == {"snap>0"}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"<html>no robots</html>", "holds no readable FY24.xlsx"),
        (snap_zip(NERO=snap_sheet([])), r"has 26 states \(1 missing\)"),
        (snap_zip(WRO=snap_sheet([], header=("Cost", "Participation"))), "expected households and cost"),
    ],
)
def test_damaged_snap(raw, message):
    with pytest.raises(CalibrationError, match=message):
        fns_snap.parse(raw)


def test_an_archive_without_the_year():
    with pytest.raises(CalibrationError, match="holds no readable FY31.xlsx"):
        fns_snap.parse(snap_zip(), 2031)


def tanf_files(**changes):
    families = (
        [[None]] * 4
        + [["State", "Oct-23", "Average"]]
        + [[f"{name}*", 1, 10 + code] for name, code in STATE_NAMES.items()]
    )
    families += [["Guam", 1, 2], ["Total", 1, 2]]
    sheet = [
        ["Spending"],
        [None, "Federal Funds", "All Funds"],
        ["Basic Assistance", 1, 500],
        ["Basic Assistance, other", 1, 9],
    ]
    states = dict.fromkeys((name.replace(" ", "_") for name in STATE_NAMES), sheet)
    return {acf_tanf.CASELOAD: workbook(TFam=families), acf_tanf.FINANCIAL: workbook(**(states | changes))}


def test_tanf_has_families_and_basic_assistance_of_states_and_nation():
    figures = acf_tanf.SOURCE.figures(tanf_files())
    families = figures[figures["variable"] == "spm_unit_count"].set_index("geography")["value"]
    dollars = figures[figures["variable"] == "tanf"].set_index("geography")["value"]
    assert (families[6], dollars[6]) == (16, 500)
    assert (families[0], dollars[0]) == (sum(10 + code for code in STATES), 51 * 500)
    assert set(figures["constraints"]) == {"tanf>0"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (tanf_files() | {acf_tanf.CASELOAD: b"<html>"}, "is not a workbook"),
        (tanf_files() | {acf_tanf.CASELOAD: workbook(Other=[["x"]])}, "has no sheet TFam"),
        (tanf_files(Ohio=[["Basic Assistance", 5]]), "sheet Ohio has 1 rows `basic assistance` and 0 columns"),
    ],
)
def test_damaged_tanf(files, message):
    with pytest.raises(CalibrationError, match=message):
        acf_tanf.parse(files)


def medicaid_rows():
    return [
        {
            "State Abbreviation": POSTAL[code],
            "Reporting Period": "202412",
            "Final Report": "Y",
            "Total Medicaid Enrollment": "1000",
        }
        for code in STATES
    ]


def test_medicaid_falls_back_to_the_latest_final_report():
    rows = medicaid_rows()
    rows[0] |= {"Total Medicaid Enrollment": "0.0"}
    rows[1] |= {"Final Report": "N"}
    rows += [
        {**rows[0], "Reporting Period": "202411", "Total Medicaid Enrollment": "900.0"},
        {**rows[0], "Reporting Period": "202410", "Total Medicaid Enrollment": "800.0"},
        {**rows[0], "Reporting Period": "202501", "Total Medicaid Enrollment": "700.0"},
        {**rows[1], "Reporting Period": "202409", "Final Report": "Y", "Total Medicaid Enrollment": "600"},
        {**rows[2], "Reporting Period": "202408", "Total Medicaid Enrollment": ""},
        {**rows[2], "State Abbreviation": "PR"},
    ]
    figures = cms_medicaid.SOURCE.figures({cms_medicaid.FILE: csv(rows)}).set_index("geography")["value"]
    assert figures[STATES[:3]].tolist() == [900, 600, 1000]
    assert len(figures) == 51


def test_damaged_medicaid():
    with pytest.raises(CalibrationError, match=r"has 50 states \(1 missing\)"):
        cms_medicaid.parse(csv(medicaid_rows()[1:]))
    with pytest.raises(CalibrationError, match="begins with '<'"):
        cms_medicaid.parse(b"<html>403 Forbidden</html>")
    with pytest.raises(CalibrationError, match="has no column 'Total Medicaid Enrollment'"):
        cms_medicaid.parse(csv([{"State Abbreviation": "AL", "Reporting Period": "202412", "Final Report": "Y"}]))


def test_premium_tax_credits_of_a_month_are_a_years():
    rows = [{"state": POSTAL[code], "enrollment": 100, "spending": 50_000} for code in STATES]
    figures = cms_premium_tax_credit.SOURCE.figures({cms_premium_tax_credit.FILE: csv(rows)})
    assert set(figures.loc[figures["variable"] == "aca_ptc", "value"]) == {600_000}
    persons = figures[figures["variable"] == "person_count"]
    assert set(persons["constraints"]) == {"aca_ptc>0;is_aca_ptc_eligible==True"}
    assert set(persons["value"]) == {100}


def market_row(metal, status, consumers, platform="HC.gov", state="AL"):
    return {
        "state_code": state,
        "platform": platform,
        "metal_level": metal,
        "enrollment_status": status,
        "aptc_consumers": consumers,
    }


def test_marketplace_bronze_consumers():
    rows = [
        market_row("All", "01-atv", 60.0), market_row("All", "02-aut", 40.0), market_row("B", "All", 30.0),
        market_row("S", "All", 70.0), market_row("B", "All", 9.0, "SBM", "CA"), market_row("B", "All", "", state="AK"),
    ]  # fmt: skip
    figures = cms_marketplace.SOURCE.figures({cms_marketplace.FILE: csv(rows)})
    assert figures[["geography", "value"]].to_numpy().tolist() == [[1, 30.0]]
    with pytest.raises(CalibrationError, match="bronze consumers of 100 consumers, expected a part"):
        cms_marketplace.parse(csv([*rows[:2], market_row("B", "All", 101.0)]))


def test_births_become_persons_pregnant_at_a_moment():
    rows = [
        {"state": name.upper(), "year": "2024", "month": month, "period": "Monthly",
         "indicator": "Number of Live Births", "data_value": "100"}
        for name in STATE_NAMES
        for month in ("January", "February")
    ]  # fmt: skip
    others = [
        {**rows[0], "period": "12 Month-ending"},
        {**rows[0], "year": "2023"},
        {**rows[0], "state": "UNITED STATES"},
    ]
    figures = cdc_births.SOURCE.figures({cdc_births.FILE: json.dumps(rows + others).encode()})
    assert len(figures) == 51
    assert figures["value"].tolist() == [pytest.approx(1200 * 39 / 52)] * 51
    with pytest.raises(CalibrationError, match="repeats a state's month"):
        cdc_births.parse(json.dumps([*rows, rows[0]]).encode())
    with pytest.raises(CalibrationError, match="50 states"):
        cdc_births.parse(json.dumps(rows[2:]).encode())
