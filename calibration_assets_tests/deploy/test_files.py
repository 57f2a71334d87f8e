"""The files of deploy/ by their own linters and schemas, and against each other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from calibration_assets_tests.deploy.stack import COMPOSE, PROCESSES, SECRETS, interpolate

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
LOCATION = "calibration_assets.definitions"
VALUES = yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())


@pytest.mark.parametrize(
    "command",
    [
        ["hadolint", "deploy/Dockerfile"],
        ["hadolint", "deploy/s3/Dockerfile"],
        ["shellcheck", "deploy/s3/start"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "deploy/compose.cuda.yaml"],
    ],
    ids=" ".join,
)
def test_linters_and_schemas(command):
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_location_has_one_name_everywhere():
    (entry,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    assert entry["grpc_server"]["location_name"] == LOCATION
    assert LOCATION in COMPOSE["services"]["code"]["command"]
    (deployment,) = VALUES["dagster-user-deployments"]["deployments"]
    (server,) = VALUES["dagsterWebserver"]["workspace"]["servers"]
    assert LOCATION in deployment["dagsterApiGrpcArgs"]
    assert server == {"host": deployment["name"], "port": deployment["port"], "name": LOCATION}


def test_every_service_comes_back_and_is_looked_after():
    for name, service in COMPOSE["services"].items():
        assert service["restart"] == ("on-failure" if name == "setup" else "unless-stopped")
        assert "healthcheck" in service or name == "setup"
        assert service["logging"]["options"]["max-size"]


def test_only_the_code_server_sees_the_store_and_slack():
    for name in ("webserver", "daemon"):
        seen = COMPOSE["services"][name]["environment"]
        assert not [one for one in seen if one.startswith("AWS") or "SLACK" in one or "STORE" in one]


def test_no_secret_has_a_value_in_a_file():
    for name in SECRETS:
        found = [
            f"{path.name}: {line}"
            for path in DEPLOY.rglob("*")
            if path.is_file() and path.suffix != ".pyc"
            for line in path.read_text().splitlines()
            if re.search(rf'(?<!\$\{{){name}\s*[:=]\s*+"?+(?!\$\{{|\.\.\.|$)\S', line)
        ]
        assert found == []


def test_a_secret_that_is_not_given_stops_compose():
    password = COMPOSE["services"]["code"]["environment"]["DAGSTER_PG_PASSWORD"]
    with pytest.raises(KeyError, match="POSTGRES_PASSWORD: give it in deploy/.env"):
        interpolate(password, {})


def test_the_example_names_what_compose_reads():
    read = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    example = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (DEPLOY / "example.env").read_text(), re.MULTILINE))
    assert example == read


def test_the_cluster_pins_the_version_of_dagster():
    pinned = re.search(r"^dagster==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert f"--version {pinned[1]} " in (DEPLOY / "kubernetes" / "values.yaml").read_text()


def test_compose_and_cluster_log_in_the_same_lines():
    instance = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    assert VALUES["pythonLogs"]["dagsterHandlerConfig"] == instance["python_logs"]["dagster_handler_config"]
    assert all("json" in COMPOSE["services"][name]["command"] for name in PROCESSES)
