"""What a deployment's runs print: a JSON object a line, with the run and step that said it."""

import json
from pathlib import Path

import yaml
from dagster import DagsterInstance, job, op

ROOT = Path(__file__).parents[2]


@op
def speak(context):
    """Says two lines, then stops."""
    context.log.info('so many "targets":\n38')
    raise ValueError("stopped here")


@job
def speaking():
    """One step."""
    speak()


def test_a_run_s_lines_are_json(tmp_path, capfd):
    logs = yaml.safe_load((ROOT / "deploy" / "dagster.yaml").read_text())["python_logs"]
    with DagsterInstance.local_temp(str(tmp_path), overrides={"python_logs": logs}) as instance:
        result = speaking.execute_in_process(instance=instance, raise_on_error=False)
    printed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert {line["run"] for line in printed} == {result.run_id}
    assert {line["job"] for line in printed} == {"speaking"}
    (said,) = [line for line in printed if line["event"] == "LOG"]
    assert (said["message"], said["step"], said["level"]) == ('so many "targets":\n38', "speak", "info")
    (failed,) = [line for line in printed if line["event"] == "STEP_FAILURE"]
    assert "ValueError: stopped here" in failed["error"]
    assert failed["level"] == "error"
