"""The services of deploy/compose.yaml as processes of this machine: its commands, its environment, its health checks.

What a container gives is made here: names of hosts become loopback, ports become free ones, a service is a process
group that is killed as a whole, and DAGSTER_HOME is a folder with deploy/dagster.yaml in it.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from calibration_assets_tests.deploy.postgres import Postgres
from calibration_assets_tests.storage.gateway import wait_for

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
BIN = Path(sys.executable).parent
PORTS = ("3000", "4000", "5432", "7480", "3300")
PROCESSES = ("code", "webserver", "daemon")
GRACE = 30
"""Seconds that a service has to end."""
SECRETS = {"POSTGRES_PASSWORD": "made-up-p", "AWS_ACCESS_KEY_ID": "made-up-a", "AWS_SECRET_ACCESS_KEY": "made-up-s"}


class Stack:
    """The deployment in a folder; `chosen` is what deploy/.env would say."""

    def __init__(self, folder: Path, **chosen: str) -> None:
        self.folder, self.chosen = folder, {**SECRETS, **chosen}
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.processes: dict[str, subprocess.Popen] = {}
        self.postgres = Postgres(int(self.ports["5432"]), self.chosen["POSTGRES_PASSWORD"])
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        shutil.copyfile(ROOT / "deploy" / "dagster.yaml", self.home / "dagster.yaml")

    def environment(self, service: str) -> dict[str, str]:
        """What the service sees: its own variables, and none of this process's but where programs and files are."""
        given = {name: self.place(name, interpolate(str(value), self.chosen))
                 for name, value in COMPOSE["services"][service].get("environment", {}).items()}  # fmt: skip
        places = {"DAGSTER_HOME": self.home, "CALIBRATION_CACHE": self.folder / "cache", "HOME": self.folder}
        own = {name: str(path) for name, path in places.items()} | {"PATH": f"{BIN}:{os.environ['PATH']}"}
        return {**own, "PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", **given}

    def place(self, name: str, text: str) -> str:
        """A value of the compose file's network as one of this machine."""
        text = re.sub(r"^(postgres|code|0\.0\.0\.0)$|(?<=http://)s3(?=:)", "127.0.0.1", text)
        if name.endswith("PORT") or "127.0.0.1:" in text:
            text = re.sub(r"\d{4}$|(?<=127\.0\.0\.1:)\d{4}", lambda found: self.ports.get(found[0], found[0]), text)
        return text

    def command(self, service: str) -> list[str]:
        """The service's command on this machine's ports."""
        given = COMPOSE["services"][service].get("command") or [str(ROOT / "deploy" / service / "start")]
        words = [self.place("", str(word)) for word in given]
        return [self.ports.get(word, word) for word in words]

    def start_bucket(self) -> None:
        """The S3 server by the program of its image, until it is healthy."""
        own = {"S3_FOLDER": str(self.folder / "s3"), "S3_ADDRESS": "127.0.0.1", "S3_GIGABYTES": "20"}
        log = self.folder / "s3.log"
        before = log.read_text().count("s3: bucket") if log.exists() else 0
        self.start("s3", **own, S3_PORT=self.ports["7480"], S3_MONITOR_PORT=self.ports["3300"])
        wait_for(lambda: log.read_text().count("s3: bucket") > before and self.is_healthy("s3"), 60)

    def run(self, service: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A service that ends by itself."""
        environment = self.environment(service) | more
        return subprocess.run(
            self.command(service), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
        )

    def start(self, service: str, **more: str) -> None:
        """Start a service in a process group of its own, its output in a file."""
        with (self.folder / f"{service}.log").open("ab") as log:
            self.processes[service] = subprocess.Popen(
                self.command(service),
                cwd=ROOT,
                env=self.environment(service) | more,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, service: str) -> None:
        """End a service and all its children at once, as the end of a container does."""
        process = self.processes.pop(service)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def end(self, service: str) -> None:
        """Ask a service to end, and end what it leaves, as `docker stop` does."""
        self.processes[service].terminate()
        with suppress(subprocess.TimeoutExpired):
            self.processes[service].wait(GRACE)
        with suppress(ProcessLookupError):
            self.kill(service)

    def up(self) -> None:
        """Everything, in the order that the compose file gives, until the UI answers for the code."""
        self.postgres.create()
        self.start_processes()

    def start_processes(self) -> None:
        """The database's tables, then the three processes, until the UI answers."""
        setup = self.run("setup")
        if setup.returncode:
            raise RuntimeError(setup.stderr[-2000:])
        for service in PROCESSES:
            self.start(service)
        wait_for(self.answers, 90)

    def down(self) -> None:
        """End everything."""
        for service in list(self.processes):
            self.end(service)
        self.postgres.remove()

    def is_healthy(self, service: str) -> bool:
        """The answer of the service's own health check."""
        test = COMPOSE["services"][service]["healthcheck"]["test"]
        words = [self.ports.get(word, word) for word in (self.place("", str(one)) for one in test[1:])]
        done = subprocess.run(words, cwd=ROOT, env=self.environment(service), capture_output=True, timeout=60)
        return done.returncode == 0

    def answers(self) -> bool:
        """Whether the UI knows the pipeline's code."""
        with suppress(OSError, KeyError):
            found = self.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
            return bool(found["repositoriesOrError"]["nodes"])
        return False

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """An answer of the UI's GraphQL."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        address = f"http://127.0.0.1:{self.ports['3000']}/graphql"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())["data"]

    def launch(self, job: str, config: dict[str, Any], assets: list[str] | None = None) -> str:
        """Launch a run through the UI; its id."""
        selector = {
            "repositoryLocationName": "calibration_assets.definitions",
            "repositoryName": "__repository__",
            "jobName": job,
            "assetSelection": [{"path": [asset]} for asset in assets] if assets else None,
            "assetCheckSelection": [] if assets else None,
        }
        given = {"selector": selector, "runConfigData": config, "mode": "default"}
        answer = self.ask(LAUNCH, params=given)["launchRun"]
        if "run" not in answer:
            raise RuntimeError(str(answer))
        return answer["run"]["runId"]

    def runs(self) -> list[dict[str, Any]]:
        """All runs, newest first; asked at most twice a second, so that asking is no load."""
        time.sleep(0.5)
        return self.ask("{ runsOrError { ... on Runs { results { runId status jobName parentRunId rootRunId "
                        "startTime endTime tags { key value } } } } }")["runsOrError"]["results"]  # fmt: skip


LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } } } }"""


def interpolate(text: str, chosen: dict[str, str]) -> str:
    """The compose file's ${NAME}, ${NAME:-default}, ${NAME-default} and ${NAME:?why}."""

    def replace(found: re.Match[str]) -> str:
        name, mark, rest = found[1], found[2] or "", found[3] or ""
        value = chosen.get(name)
        if value or (value is not None and not mark.startswith(":")):
            return value
        if mark.endswith("?") or not mark:
            raise KeyError(f"{name}: {rest}")
        return rest

    return re.sub(r"\$\{(\w+)(?:(:?[-?])([^}]*))?\}", replace, text)


def free_ports(count: int) -> list[str]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
