"""The part of a Kubernetes API that Dagster uses to run steps, on loopback: a job that is posted is a process here.

What a pod would see is what its manifest says: its command, its own variables and, in the place of the image, this
environment's programs. Every manifest is kept, to be looked at.
"""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import yaml

ROOT = Path(__file__).parents[2]


class Cluster:
    """An API server for one test; `kubeconfig` is the file by which a client finds it."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder, self.variables = folder, variables
        self.jobs: dict[str, dict] = {}
        self.pods: dict[str, subprocess.Popen] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        Thread(target=self.server.serve_forever, daemon=True).start()
        self.kubeconfig = folder / "kubeconfig"
        address = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.kubeconfig.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "here", "users": [{"name": "me", "user": {}}],
            "clusters": [{"name": "loopback", "cluster": {"server": address}}],
            "contexts": [{"name": "here", "context": {"cluster": "loopback", "user": "me"}}],
        }))  # fmt: skip

    def close(self) -> None:
        """End the server and what still runs."""
        self.server.shutdown()
        self.server.server_close()
        for pod in self.pods.values():
            pod.kill()

    def create(self, job: dict) -> dict:
        """Run a job's one container."""
        name = job["metadata"]["name"]
        (container,) = job["spec"]["template"]["spec"]["containers"]
        own = {one["name"]: one["value"] for one in container["env"] if "value" in one}
        environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **self.variables, **own}
        environment["DAGSTER_HOME"] = self.variables["DAGSTER_HOME"]
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [*(container.get("command") or []), *container["args"]]
            self.pods[name] = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        self.jobs[name] = job
        return self.described(name)

    def described(self, name: str) -> dict:
        """A job with its state."""
        code = self.pods[name].poll()
        state = {"active": 1} if code is None else {"succeeded": 1} if code == 0 else {"failed": 1}
        return {**self.jobs[name], "status": state}

    def _handler(cluster) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.answer(201, cluster.create(job))

            def do_GET(self) -> None:
                name = self.path.split("?")[0].removesuffix("/status").rsplit("/", 1)[1]
                if name in cluster.jobs:
                    self.answer(200, cluster.described(name))
                else:
                    self.answer(200, {"kind": "List", "apiVersion": "v1", "items": []})

            def answer(self, code: int, value: dict) -> None:
                body = json.dumps(value).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
