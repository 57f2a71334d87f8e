"""Ceph's RADOS gateway on loopback: one monitor, one object store daemon in memory, one gateway; for tests marked slow.

`apt-get install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common` installs it. Ports are fixed, so there
is one at a time on a machine.
"""

import os
import shutil
import signal
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

COMMANDS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
URL = "http://127.0.0.1:7480"
ACCESS_KEY, SECRET_KEY = "gateway-access", "gateway-secret-0123456789"
SETTINGS = """[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:3300,v1:127.0.0.1:6789]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
pid file = {folder}/run/$name.pid
log file = {folder}/log/$name.log
crash dir = {folder}/log
mon cluster log file = {folder}/log/cluster.log
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail warn = 1
mon data avail crit = 1
paxos propose interval = 0.05
paxos min wait = 0.01
[mon.a]
host = localhost
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
osd memory target = 1073741824
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:7480
rgw data = {folder}/rgw
ms mon client mode = crc
rgw gc obj min wait = 1
rgw gc processor period = 5
rgw gc processor max time = 5
rgw enable usage log = false
rgw enable ops log = false
"""


class Gateway:
    """A gateway that can be killed and started again while its objects stay."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "CEPH_CONF": str(folder / "ceph.conf")}

    @staticmethod
    def missing() -> list[str]:
        """The programs that are not installed."""
        return [command for command in COMMANDS if shutil.which(command) is None]

    def start(self) -> None:
        """From an empty folder to an answer on the gateway's port."""
        for part in ("mon", "osd", "rgw", "run", "log"):
            (self.folder / part).mkdir(parents=True)
        fsid, osd, monitors = str(uuid.uuid4()), str(uuid.uuid4()), str(self.folder / "monmap")
        (self.folder / "ceph.conf").write_text(SETTINGS.format(fsid=fsid, folder=self.folder))
        address = "[v2:127.0.0.1:3300,v1:127.0.0.1:6789]"
        self.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monitors)
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors)
        self.run("ceph-mon", "-i", "a")
        self.run("ceph", "osd", "new", osd)
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.run("ceph-osd", "-i", "0")
        wait_for(lambda: "1 up" in self.run("ceph", "osd", "stat"))
        user = ("--uid=tests", "--display-name=tests", f"--access-key={ACCESS_KEY}", f"--secret={SECRET_KEY}")
        self.run("radosgw-admin", "-n", "client.rgw", "user", "create", *user)
        self.start_gateway()

    def start_gateway(self) -> None:
        """Start the gateway over the objects that are there."""
        self.run("radosgw", "-n", "client.rgw")
        wait_for(self.answers)

    def kill_gateway(self) -> None:
        """Kill the gateway at once, whatever it is doing."""
        self.stop("client.rgw", signal.SIGKILL)

    def stop(self, daemon: str, with_signal: signal.Signals = signal.SIGTERM) -> None:
        """End one of the daemons and wait until it is gone."""
        path = self.folder / "run" / f"{daemon}.pid"
        if not path.exists():
            return
        process = int(path.read_text())
        with suppress(ProcessLookupError):
            os.kill(process, with_signal)
            wait_for(lambda: not Path(f"/proc/{process}").exists() or _is_zombie(process))
        path.unlink(missing_ok=True)

    def stop_all(self) -> None:
        """End the daemons in the order in which they need each other."""
        for daemon in ("client.rgw", "osd.0", "mon.a"):
            self.stop(daemon)

    def answers(self) -> bool:
        """Whether something answers on the gateway's port."""
        with suppress(OSError):
            return urllib.request.urlopen(URL, timeout=1).status == 200
        return False

    def run(self, *command: str) -> str:
        """Run one of Ceph's commands; its output."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-1000:]}")
        return done.stdout + done.stderr


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(f"not so after {seconds:g} seconds")
        time.sleep(0.05)


def _is_zombie(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
