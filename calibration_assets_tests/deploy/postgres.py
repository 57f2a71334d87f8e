"""A PostgreSQL of Debian's package on loopback, with one database and one user, as the image of the compose file has.

`apt-get install postgresql` installs it. It runs as the user postgres, in a folder and on a port of its own.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

HOMES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
OWNER = "postgres"


class Postgres:
    """A server that can be stopped, killed and started again while its data stay."""

    def __init__(self, port: int, password: str) -> None:
        self.port, self.password = port, password
        self.folder = Path()

    @staticmethod
    def missing() -> bool:
        """Whether it cannot run here: not installed, or nobody may become its user."""
        return not HOMES or os.geteuid() != 0

    def create(self) -> None:
        """Make an empty cluster with the password, start it and make the database."""
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's own folders are closed to other users
        user = pwd.getpwnam(OWNER)
        password = self.folder / "password"
        password.write_text(self.password)
        for path in (self.folder, password):
            os.chown(path, user.pw_uid, user.pw_gid)
        self.run("initdb", "-D", str(self.data), "-U", "dagster", "--auth=scram-sha-256", f"--pwfile={password}")
        self.start()
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "dagster", "dagster")

    def start(self) -> None:
        """Start over the data that are there, until it takes connections."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder}"
        self.run("pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, in the middle of whatever its clients do; what was committed is recovered at the next start."""
        self.run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Stop and leave nothing."""
        with suppress(RuntimeError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, sql: str) -> list[str]:
        """The lines of an answer."""
        address = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "dagster", "-d", "dagster")
        return self.run("psql", *address, "-At", "-c", sql).splitlines()

    @property
    def data(self) -> Path:
        """The cluster's own folder."""
        return self.folder / "data"

    def run(self, program: str, *arguments: str) -> str:
        """Run one of its programs as its user."""
        command = [str(HOMES[-1] / program), *arguments]
        environment = {**os.environ, "PGPASSWORD": self.password}
        done = subprocess.run(
            command, user=OWNER, env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, text=True, timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT if program != "pg_ctl" else subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stdout[-1000:]}")
        return done.stdout
