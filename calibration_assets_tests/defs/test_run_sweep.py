"""`make sweep` refuses what it cannot fit before it starts a process."""

from pathlib import Path

import pytest

from calibration_assets.defs.run_sweep import main

QUICK = Path(__file__).parents[2] / "profiles" / "quick.yaml"


@pytest.mark.parametrize(
    ("text", "points", "sentence"),
    [
        (None, "local,l0-1e2", "sweep point 'l0-1e2' is not among the 12 that sweep.yaml names; nearest names: l0"),
        ("ops: {sweep_wieghts: {config: {}}}", "", "names the asset 'sweep_wieghts', which no job has"),
    ],
)
def test_a_fault_is_one_sentence_and_exit_code_1(tmp_path, monkeypatch, capsys, text, points, sentence):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    profile = QUICK
    if text:
        profile = tmp_path / "profile.yaml"
        profile.write_text(text)
    assert main(["--profile", str(profile), "--points", points]) == 1
    assert sentence in capsys.readouterr().err
