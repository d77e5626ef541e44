"""`python -m tests.simulation --seeds 100000`: many runs. `--seed 7`: one run, told as a story.

`--seed 7 --only b3,d0` repeats a run that was made smaller; `--json FILE` keeps the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from tests.simulation.campaign import Campaign, campaigns, explain, quiet
from tests.simulation.plan import plan_of
from tests.simulation.run import run
from tests.simulation.shrinking import read
from tests.simulation.story import story


def main() -> int:
    arguments = _arguments()
    quiet()
    if arguments.seed is not None:
        try:
            plan = read(arguments.seed, arguments.only) if arguments.only else None
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        done = run(plan or plan_of(arguments.seed))
        print(story(done))
        return 1 if done.violations else 0
    started = time.monotonic()
    total = _run_all(range(arguments.first, arguments.first + arguments.seeds), arguments.processes)
    figures = {**total.figures(), "seconds": round(time.monotonic() - started, 1)}
    Console().print(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures))
    for seed in total.failed[:1]:
        print(explain(seed), file=sys.stderr)
    return 1 if total.failed else 0


def _run_all(seeds: range, processes: int) -> Campaign:
    total = Campaign()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("simulated sales", total=len(seeds))
        for total in campaigns(seeds, processes):
            progress.update(bar, completed=total.runs)
    return total


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many runs")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="one run, told as a story")
    parser.add_argument("--only", help="with --seed: the buyers and disasters that take part")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
