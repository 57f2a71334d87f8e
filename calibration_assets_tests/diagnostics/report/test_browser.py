"""The report in Debian's Chromium: no error, search, filters and sort work, numbers equal the CSV's, open in 3 s.

On a made package of the nation's shape and, where `make calibrate` has left one, on the report of the last run.
"""

import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration_assets.diagnostics.diagnosis import diagnose, write_diagnosis
from calibration_assets.diagnostics.report.page import write_report
from calibration_assets_tests.diagnostics.nation import make_nation

LAST_RUN = Path(__file__).parents[3] / "storage" / "calibration"
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Debian's chromium and chromium-driver are not installed"),
]

FIND = "const found = name => Bokeh.documents[0].get_model_by_name(name);"
SHOWN = (
    FIND
    + """
const walk = root => [...root.querySelectorAll("*")].flatMap(e => [e, ...(e.shadowRoot ? walk(e.shadowRoot) : [])]);
return walk(document).filter(e => e.classList.contains("slick-row"))
  .sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top))
  .map(row => [...row.querySelectorAll(".slick-cell")].map(cell => cell.textContent));
"""
)
HEAD = """
const walk = root => [...root.querySelectorAll("*")].flatMap(e => [e, ...(e.shadowRoot ? walk(e.shadowRoot) : [])]);
return walk(document).find(e => e.classList.contains("slick-header-column") && e.textContent == arguments[0]);
"""


@pytest.fixture(scope="module", params=["made", "last run"])
def written(request, tmp_path_factory):
    """The folder of a report and its CSV, and the seconds that writing the report took (0 where it lay there)."""
    if request.param == "last run":
        if not (LAST_RUN / "report.html").exists():
            pytest.skip("no run has left a report")
        return LAST_RUN, 0.0
    folder = tmp_path_factory.mktemp("report")
    X, targets, columns, initial = make_nation(records=30, clones=436)
    weights = initial * np.random.default_rng(2).lognormal(0, 0.3, len(initial))
    diagnosis = diagnose(X, targets, columns, weights, initial_weights=initial)
    write_diagnosis(diagnosis, folder)
    began = time.perf_counter()
    write_report(diagnosis, folder / "report.html", previous=diagnosis)
    return folder, time.perf_counter() - began


@pytest.fixture(scope="module")
def browser(written):
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.seconds = min(open_report(driver, written[0] / "report.html") for _ in range(4))
    yield driver
    driver.quit()


def open_report(driver, path) -> float:
    """Seconds from navigation until everything is drawn; the fastest of four leaves Chromium's own start out."""
    driver.get(path.as_uri())
    idle = "return !!window.Bokeh && Bokeh.documents.length > 0 && Bokeh.documents[0].is_idle"
    for _ in range(1000):
        if driver.execute_script(idle):
            return driver.execute_script("return performance.now() / 1000")
        time.sleep(0.02)
    raise AssertionError("the report was not drawn within 20 s")


def rows_when(driver, condition) -> list[list[str]]:
    """The table's rows on screen once they fulfil a condition."""
    for _ in range(100):
        rows = driver.execute_script(SHOWN)
        if rows and condition(rows):
            return rows
        time.sleep(0.05)
    raise AssertionError(f"the table shows {rows[:3]}")


def set_value(driver, name: str, value: str) -> None:
    """Type into the search field, or choose in a filter."""
    code = (
        "const m = found(arguments[0]); if ('value_input' in m) m.value_input = arguments[1]; m.value = arguments[1];"
    )
    driver.execute_script(FIND + code, name, value)


def test_written_fast_small_and_open_within_three_seconds(written, browser):
    folder, seconds = written
    assert seconds < 20
    assert (folder / "report.html").stat().st_size < 8_000_000
    assert browser.seconds < 3


def test_console_has_no_error_or_warning(browser):
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []


def test_numbers_equal_the_csv(written, browser):
    csv = pd.read_csv(written[0] / "unified_diagnostics.csv").set_index("target")
    code = FIND + "const d = found('targets').source.data; return arguments[0].map(c => Array.from(d[c]));"
    names = ["target", "true_value", "estimate", "rel_error"]
    shown = pd.DataFrame(dict(zip(names, browser.execute_script(code, names), strict=True))).set_index("target")
    assert len(shown) == len(csv)
    for name in names[1:]:
        assert (shown[name] == csv.loc[shown.index, name]).all()
    first = rows_when(browser, lambda rows: True)[0]
    worst = csv.loc[first[0]]
    assert worst["abs_rel_error"] == csv.loc[csv["achievable"], "abs_rel_error"].max()
    assert float(first[1].replace(",", "")) == pytest.approx(worst["true_value"], abs=0.005)
    assert first[3] == f"{worst['rel_error']:.2%}"


def test_search_finds_a_target_and_filters_narrow(written, browser):
    csv = pd.read_csv(written[0] / "unified_diagnostics.csv")
    wanted = csv["target"][csv["target"].str.contains("_622/person_count")].iloc[-1]
    set_value(browser, "search", wanted.replace("/", " ").upper())
    assert rows_when(browser, lambda rows: len(rows) == 1)[0][0] == wanted
    set_value(browser, "search", "")
    set_value(browser, "level", "national")
    rows = rows_when(browser, lambda rows: rows[0][0].startswith("national"))
    national = csv["target"][csv["target"].str.startswith("national")]
    assert {row[0] for row in rows} <= set(national)
    family = browser.execute_script(FIND + "return found('family').options.find(name => name.startsWith('tax_unit'));")
    set_value(browser, "family", family)
    rows = rows_when(browser, lambda rows: all("/tax_unit_count/" in row[0] for row in rows))
    assert {row[0] for row in rows} <= set(national)
    set_value(browser, "family", "all")
    set_value(browser, "level", "all")
    rows_when(browser, lambda rows: len(rows) > 10)


def test_a_click_on_a_head_sorts(written, browser):
    csv = pd.read_csv(written[0] / "unified_diagnostics.csv")
    head = browser.execute_script(HEAD, "True value")
    browser.execute_script("arguments[0].click()", head)
    lowest = csv["true_value"].nsmallest(5).tolist()
    rows = rows_when(browser, lambda rows: float(rows[0][1].replace(",", "")) == pytest.approx(lowest[0], abs=0.005))
    assert [float(row[1].replace(",", "")) for row in rows[:5]] == pytest.approx(lowest, abs=0.005)


def test_a_tap_on_the_treemap_filters_the_table(browser):
    tap = (
        "const s = found('treemap').data_source; s.selected.indices = [0]; return [s.data.family[0], s.data.place[0]];"
    )
    family, place = browser.execute_script(FIND + tap)
    chosen = browser.execute_script(FIND + "return [found('family').value, found('state').value];")
    assert chosen == [family, place]
