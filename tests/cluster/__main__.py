"""`python -m tests.cluster [--json FILE]`: what Frontrow on several nodes survives, with recovery times."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster.ground import has_redis
from tests.cluster.run import stories
from tests.faults.judging import Figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    begun = time.monotonic()
    told = list[Figures]()
    with tempfile.TemporaryDirectory(prefix="frontrow-cluster-") as directory:
        for figures in stories(Path(directory)):
            told.append(figures)
            print(f"{time.monotonic() - begun:.0f} s: {_line(figures)}", flush=True)
    if not has_redis():
        print("head lost, with Redis: skipped, there is no redis-server", file=sys.stderr)
    if given.json is not None:
        plain = [figures.plain() for figures in told]
        given.json.write_text(json.dumps(plain, indent=1) + "\n")


def _line(figures: Figures) -> str:
    recovery = ", ".join(f"{seconds} s" for seconds in figures.until_first_hold) or "no pause"
    notes = "; ".join(f"{name}: {value}" for name, value in figures.notes.items())
    return (
        f"{figures.scenario}: {figures.ok} granted or done, {figures.refused} refused, "
        f"{figures.indeterminate} without an answer; holds again after {recovery}; "
        f"longest pause {figures.longest_without_hold} s; {notes}"
    )


if __name__ == "__main__":
    main()
