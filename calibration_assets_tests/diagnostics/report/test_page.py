"""The page as a file: whole whatever is missing, without the network, and small."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from calibration_assets.diagnostics.diagnosis import diagnose
from calibration_assets.diagnostics.report.page import render_report, write_report
from calibration_assets.diagnostics.report.sections import make_facts, make_sections
from calibration_assets_tests.diagnostics.example import make_diagnosis, make_package


@pytest.fixture(scope="module")
def diagnosis():
    return make_diagnosis()


def words(diagnosis, previous=None) -> str:
    return " ".join(text for section in make_sections(diagnosis, previous) for text in section.paragraphs)


def test_what_was_not_run_is_stated(diagnosis):
    said = words(diagnosis)
    assert "Held-out accuracy was not measured in this run." in said
    assert "Totals outside the calibration were not computed in this run." in said
    assert "There is no previous run to compare with." in said
    assert "This run kept no loss by epoch." in said


def test_facts_are_the_diagnosis_numbers(diagnosis):
    facts = {fact.label: fact for fact in make_facts(diagnosis)}
    assert facts["Targets"].value == "21"
    assert facts["Targets"].note == "20 can be met"
    assert facts["Columns kept"].value == str(diagnosis.weights.kept_columns)


def test_page_needs_no_network_and_escapes_names(diagnosis, tmp_path):
    detail = diagnosis.targets.assign(target=["<script>x</script>", *diagnosis.targets["target"][1:]])
    write_report(dataclasses.replace(diagnosis, targets=detail), tmp_path / "out" / "report.html", title="A & B")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<title>A &amp; B</title>" in page
    assert "<script>x</script>" not in page.replace('"<script>x</script>"', "")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=.https?:", page)
    assert len(page) < 3_000_000


def test_every_figure_has_words(diagnosis):
    page = render_report(diagnosis, title="t", subtitle="", previous=diagnosis)
    drawn = re.findall(r'<div role="group" aria-label="([^"]*)"', page)
    assert len(drawn) == 4
    assert all(len(label) > 20 for label in drawn)
    assert len(re.findall(r"<h2 ", page)) == 12


def test_comparison_with_the_previous_run_is_shown(diagnosis):
    X, targets, columns, weights = make_package()
    page = render_report(diagnosis, title="t", subtitle="", previous=diagnose(X, targets, columns, weights))
    assert "Households whose weight moved to another record" in page


def test_zero_weights_and_one_target_leave_a_whole_page():
    X, targets, columns, weights = make_package()
    bare = diagnose(X[[0]], targets.iloc[[0]], columns, weights * 0)
    page = render_report(bare, title="t", subtitle="", previous=None)
    assert "No column has a weight above 0." in page
    assert "Every one of the 480 columns has weight 0" in page
    assert "nan" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL).lower().replace("nanometre", "")


def test_exact_weights_have_no_treemap_but_a_page():
    X, targets, columns, weights = make_package()
    exact = targets.assign(value=np.zeros(len(targets)))
    page = render_report(diagnose(X, exact, columns, weights * 0), title="t", subtitle="", previous=None)
    assert "The loss is zero: every target is met exactly." in page


def test_loss_and_held_out_are_drawn(diagnosis):
    loss = pd.DataFrame({"epoch": [1, 2, 3], "data_loss": [9.0, 3.0, 1.0], "l0_penalty": [0.1, 0.1, 0.1]})
    held_out = diagnosis.targets.assign(fold=0, held_out_abs_rel_error=0.2, seen_abs_rel_error=0.1)
    page = render_report(
        dataclasses.replace(diagnosis, loss=loss, held_out=held_out), title="t", subtitle="", previous=None
    )
    assert "The data loss goes from 9 to 1 over 3 epochs." in page
    assert "Every target was held out once, in 1 folds" in page
