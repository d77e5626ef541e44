"""All faults at the size that a proof wants: `python -m tests.faults.prove --json FILE [--attempts N] [--seconds S]`.

Runs the duel and the scenarios one after the other and writes their figures. A scenario that its judges do not accept
is in the file with what they said, and the program ends with 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.duel import run_duel
from tests.faults.placing import placing
from tests.faults.replicated import replicated
from tests.faults.scaling import scaling
from tests.faults.zombie import zombie
from tests.stack import RunningStack, up

ATTEMPTS = 1_000_000
PAUSES = 20
SECONDS = 60.0
"""How long each scenario goes on beginning new rounds of its faults."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--attempts", type=int, default=ATTEMPTS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    given = parser.parse_args()
    figures = {
        "duel": proved("duel", lambda directory: run_duel(directory, given.attempts, PAUSES)),
        **{
            name: proved(name, partial(_scenario, name, given.seconds))
            for name in ("zombie", "replicated", "scaling", "placing")
        },
    }
    given.json.write_text(json.dumps(figures, indent=1) + "\n")
    sys.exit(any("failed" in one for one in figures.values()))


def proved(name: str, run: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """The figures of one run in a directory of its own; with `failed` when a judge does not accept it."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="frontrow-proof-") as directory:
        figures: dict[str, Any] = {}
        try:
            figures = run(Path(directory))
        except Exception as error:
            figures = {"failed": f"{type(error).__name__}: {error}"}
    figures["wall_seconds"] = round(time.monotonic() - begun, 1)
    print(f"{name}: {json.dumps(figures)}", flush=True)
    return figures


def _scenario(name: str, seconds: float, directory: Path) -> dict[str, Any]:
    started = list[RunningStack]()

    def start(*options: str, environment: Mapping[str, str] | None = None) -> RunningStack:
        started.append(up(directory / "stack", *options, environment=environment))
        return started[-1]

    try:
        match name:
            case "zombie":
                return zombie(start, directory, seconds).plain()
            case "replicated":
                return replicated(start, directory / "nats", seconds).plain()
            case "placing":
                return placing(start(), seconds).plain()
            case _:
                return scaling(start(), seconds).plain()
    finally:
        for stack in started:
            stack.down()


if __name__ == "__main__":
    main()
