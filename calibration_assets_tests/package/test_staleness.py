import pytest

from calibration_assets.errors import CalibrationError
from calibration_assets.package.staleness import check_fresh, stale_inputs

METADATA = {"keys": {"records": "aaa", "targets": "bbb", "rules": "2.68.0"}}


def test_equal_keys_and_absent_inputs_are_fresh():
    check_fresh(METADATA, {"records": "aaa", "rules": "2.68.0"})
    check_fresh(METADATA, {})


def test_every_differing_input_is_named():
    at_hand = {"records": "xxx", "targets": "bbb", "rules": "2.69.0", "clones": "ccc"}
    assert stale_inputs(METADATA, at_hand) == ["clones", "records", "rules"]
    with pytest.raises(CalibrationError, match=r"clones unknown \(now ccc\), records aaa \(now xxx\).*--allow-stale"):
        check_fresh(METADATA, at_hand)
