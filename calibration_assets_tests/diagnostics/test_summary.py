"""The page of figures says what the tables say, and stays whole where there is nothing to say."""

import numpy as np
import pandas as pd

from calibration_assets.diagnostics.summary import render_summary
from calibration_assets.diagnostics.weights import weight_summary
from calibration_assets_tests.diagnostics.test_families import ERRORS, TARGETS

NONE_UNACHIEVABLE = pd.DataFrame({"target": [], "true_value": [], "reason": []})


def test_page_states_figures_worst_target_and_what_cannot_be_met():
    unachievable = pd.DataFrame({"target": ["d"], "true_value": [100.0], "reason": ["no column has a value"]})
    page = render_summary(ERRORS, TARGETS, weight_summary(np.array([1.0, 0.0, 3.0])), unachievable)
    assert "Targets: 5, of which 4 can be met and 1 cannot; 1 near zero" in page
    assert "2 of 3 columns kept; 4 households; Kish effective sample size 2" in page
    assert "+40.0 %  b: 14 for 10" in page
    assert "1  no column has a value" in page
    assert page.count("\n") < 60


def test_zero_weights_and_nothing_to_judge_leave_a_whole_page():
    zero = ERRORS.iloc[[4]], TARGETS.iloc[[4]]
    page = render_summary(*zero, weight_summary(np.zeros(3)), NONE_UNACHIEVABLE)
    assert "every one of the 3 columns has weight 0" in page
    assert "Every target can be met." in page
    assert "nan" not in page
