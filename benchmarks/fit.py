"""`python -m benchmarks.fit`: the fit against l0-python and against other methods, as Markdown tables.

Every figure comes from a process of its own on problems that are generated here; `--full` adds the size of the full
profile, 5.2M columns, for which l0-python takes about 9 GB and half a minute an epoch.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

PEER_EPOCHS = {"100K": 50, "400K": 10, "1M": 6, "5.2M": 3}
EPOCHS = {"100K": 100, "400K": 100, "1M": 100, "5.2M": 50}
REFIT_ITERATIONS = 400
RECORDS = 20_000
METHODS = (
    "gates + refit, all columns",
    "gates + refit",
    "gates alone",
    "random subset + refit",
    "L1",
    "raking",
    "GREG",
)
HEADER = "| engine | columns | rows | non-zeros | epochs | s an epoch | peak GB | loss | within 1/5/10 % | ratio |"
QUALITY_PLANS = [(epochs, iterations) for epochs in (40, 60, 80) for iterations in (10, 20, 40)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="100K,400K,1M", help="comma-separated, of 100K, 400K, 1M, 5.2M")
    parser.add_argument("--full", action="store_true", help="also 5.2M columns")
    parser.add_argument("--engines-only", action="store_true", help="neither time to quality nor other methods")
    given = parser.parse_args()
    sizes = given.sizes.split(",") + ["5.2M"] * given.full
    show_machine()
    with tempfile.TemporaryDirectory() as folder:
        problems = {size: (Path(folder) / size) for size in sizes}
        print(f"\n{HEADER}\n{re.sub('[^|]+', '---', HEADER)}")
        for size, place in problems.items():
            place.mkdir()
            show_engines(size, place)
        print("\n| columns | copy GB/s | epoch ms | X @ w | X.T @ r | element-wise | matrix read twice |")
        print("|---|---|---|---|---|---|---|")
        for size, place in problems.items():
            show_kernels(size, place)
        if not given.engines_only:
            show_time_to_quality(problems[sizes[0]])
            show_epoch_log(problems[sizes[0]])
            show_baselines(problems[sizes[0]])


def show_machine() -> None:
    """What the figures were measured with."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "scipy", "l0-python"))
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    print(f"{date.today()}, {cpu}, Python {platform.python_version()}, {packages}")


def show_engines(size: str, place: Path) -> None:
    """Three rows: l0-python, the gates of `csr` for as many epochs, and the whole fit."""
    shape = measure("make", place, size)
    size_cells = f"{shape['columns']:,} | {shape['rows']:,} | {shape['entries'] / 1e6:.1f}M"

    def show(engine: str, epochs: int, seconds: str, one: dict[str, Any], ratio: str) -> None:
        figures = f"{epochs} | {seconds} | {one['peak'] / 1e9:.2f} | {one['loss']:.4g} | {shares(one)} | {ratio}"
        print(f"| {engine} | {size_cells} | {figures} |", flush=True)

    peer = measure("peer", place, PEER_EPOCHS[size])
    show("l0-python", PEER_EPOCHS[size], f"{peer['epoch_seconds']:.3g}", peer, "")
    gates = measure("gates", place, PEER_EPOCHS[size])
    ratio = f"{peer['epoch_seconds'] / gates['epoch_seconds']:.0f} (memory {peer['peak'] / gates['peak']:.1f})"
    show("csr, gates", PEER_EPOCHS[size], f"{gates['epoch_seconds']:.3g}", gates, ratio)
    whole = measure("whole", place, EPOCHS[size], REFIT_ITERATIONS)
    show("csr, gates + refit", EPOCHS[size], f"{whole['seconds']:.3g} in all", whole, "")


def show_kernels(size: str, place: Path) -> None:
    """An epoch's parts, and the time to read the matrix twice at the copy's speed."""
    one = measure("kernels", place)
    twice = 2 * one["matrix_bytes"] / one["bandwidth"]
    parts = " | ".join(f"{one[name] * 1e3:.1f}" for name in ("epoch", "X @ w", "X.T @ r", "element-wise"))
    print(f"| {size} | {one['bandwidth'] / 1e9:.1f} | {parts} | {twice * 1e3:.1f} |", flush=True)


def show_time_to_quality(place: Path) -> None:
    """Seconds of l0-python's 1,000 epochs against the fastest plan of gates and refit that reaches their loss."""
    peer = measure("peer", place, 1000)
    runs = [(measure("whole", place, *plan), plan) for plan in QUALITY_PLANS]
    reached = min((run["seconds"], plan, run["loss"]) for run, plan in runs if run["loss"] <= peer["loss"])
    seconds, (epochs, iterations), loss = reached
    print(
        f"\nl0-python, 1,000 epochs: loss {peer['loss']:.4g} in {peer['seconds']:.1f} s. "
        f"csr, {epochs} epochs and {iterations} refit iterations: loss {loss:.4g} in {seconds:.2f} s: "
        f"{peer['seconds'] / seconds:.0f} times as fast."
    )


def show_epoch_log(place: Path) -> None:
    """Seconds of a fit with and without the log of every tenth epoch."""
    one = measure("epoch_log", place, 100)
    added = one["logged"] / one["plain"] - 1
    print(f"\nThe epoch log, each 10 of 100 epochs: {one['logged']:.2f} s against {one['plain']:.2f} s ({added:+.1%}).")


def show_baselines(place: Path) -> None:
    """The methods on one problem."""
    print("\n| method | records | loss | within 1/5/10 % | ESS | seconds |\n|---|---|---|---|---|---|")
    for method in METHODS:
        one = measure("baseline", place, method, RECORDS)
        negative = f" ({one['negative']:,} negative)" if one["negative"] else ""
        print(
            f"| {method} | {one['records']:,}{negative} | {one['loss']:.4g} | {shares(one)} | {one['ess']:,.0f} "
            f"| {one['seconds']:.1f} |",
            flush=True,
        )


def shares(one: dict[str, Any]) -> str:
    """Shares of targets within 1, 5 and 10 %."""
    return " / ".join(f"{100 * share:.1f}" for share in one["within"])


def measure(what: str, *arguments: object) -> Any:
    """The JSON that a measurement in its own process prints."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.measure", what, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)  # noqa: S603


if __name__ == "__main__":
    main()
