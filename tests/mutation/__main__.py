"""Try every mutant of the core: `python -m tests.mutation`. Fails when one survives that no reason was written for."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tests.mutation.crew import Known, Surveyor, Verdict, Worker, ready
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.survivors import TABLE, Key, read_table
from tests.mutation.trial import Tests

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "actors/domain"
TESTS = (
    "test_accessible*.py",
    "test_audit*.py",
    "test_block*.py",
    "test_commands*.py",
    "test_cutting*.py",
    "test_freezing*.py",
    "test_identity*.py",
    "test_laws*.py",
    "test_layout*.py",
    "test_money*.py",
    "test_order*.py",
    "test_pretix_plan*.py",
    "test_rejections*.py",
    "test_restoring*.py",
    "test_sales*.py",
    "test_seat_files*.py",
    "test_seat_rows*.py",
    "test_seating*.py",
    "test_tickets*.py",
)
"""Below tests/unit: the tests of the core, without any that are about something else and only run through it."""

CONTROL = ("actors/domain/tickets.py", "decide")
"""The function whose unharmed self has to survive a trial."""

WORKERS = os.cpu_count() or 2

console = Console(stderr=True)


def main(
    only: Annotated[
        list[str] | None,
        typer.Argument(help="Parts of names like FILE::FUNCTION#HASH; all by default."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the figures and each mutant's killer here.")
    ] = None,
) -> None:
    """Try every mutant of actors/domain against its tests."""
    os.chdir(ROOT)
    sys.dont_write_bytecode = True
    began = time.monotonic()
    unit = ROOT / "tests" / "unit"
    files = sorted(str(path.relative_to(ROOT)) for name in TESTS for path in unit.glob(name))
    mutants, known = _prepared(files, only or [])
    if known.failed:
        console.print("These fail without any mutant:", *known.failed, sep="\n  ")
        raise typer.Exit(2)
    reasons = read_table()
    verdicts = _tried(mutants, known, files, reasons)
    unexplained, outdated = _judged(verdicts, reasons, complete=not only)
    figures = _figures(verdicts, unexplained, outdated, time.monotonic() - began)
    for line in outdated:
        console.print(f"[red]outdated entry in {TABLE.name}[/red]: {line}", highlight=False)
    console.print_json(json.dumps(figures))
    if json_file is not None:
        json_file.write_text(json.dumps({**figures, "killers": _killers(verdicts)}, indent=1))
    raise typer.Exit(1 if unexplained or outdated else 0)


def _prepared(files: list[str], only: list[str]) -> tuple[list[Mutant], Known]:
    """The mutants and what the unharmed tests do; both are worked out at the same time."""
    sources = [p.relative_to(ROOT).as_posix() for p in sorted((ROOT / PACKAGE).rglob("*.py"))]
    if only:
        wanted = [word.partition("::")[0] for word in only]
        sources = [path for path in sources if any(word in path for word in wanted)]
    console.print("Making mutants, and running the tests without any ...")
    surveyor = Surveyor(files, PACKAGE)
    with ProcessPoolExecutor(WORKERS) as pool:
        sources.sort(key=lambda path: -(ROOT / path).stat().st_size)
        mutants = [mutant for made in pool.map(_mutants_in, sources) for mutant in made]
    if only:
        mutants = [mutant for mutant in mutants if any(word in mutant.name for word in only)]
    return mutants, surveyor.take()


def _mutants_in(path: str) -> list[Mutant]:
    return mutants_of(path, (ROOT / path).read_text("utf-8"))


def _tried(
    mutants: list[Mutant], known: Known, files: list[str], reasons: dict[Key, str]
) -> list[Verdict]:
    verdicts, killed_by = list[Verdict](), defaultdict[str, Counter[str]](Counter)
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[alive]} alive"))
    # A thread that refreshes the bar could hold a lock in the moment of a fork.
    with Progress(*columns, *times, console=console, auto_refresh=False) as progress:
        for local in (True, False):
            queue = [mutant for mutant in reversed(mutants) if mutant.local is local]
            queue += [
                _unharmed(local=local)
            ]  # tried first: if it does not survive, no verdict means anything
            name = "Inside of functions" if local else "At import"
            task = progress.add_task(name, total=len(queue) - 1, alive=0)
            workers = [Worker(files, known, local=local) for _ in range(min(WORKERS, len(queue)))]
            alive = 0
            for worker in workers:
                _next(worker, queue, known, killed_by)
            while any(worker.mutant for worker in workers):
                for worker in ready(workers):
                    verdict = worker.take()
                    if verdict.state == "broken":
                        raise RuntimeError(f"{verdict.mutant.name} was not tried: {verdict.test}")
                    if not verdict.mutant.before and not verdict.mutant.after:
                        if verdict.state != "survived":
                            raise RuntimeError(f"The unharmed product fails {verdict.test}")
                        _next(worker, queue, known, killed_by)
                        continue
                    verdicts.append(verdict)
                    killed_by[_scope(verdict.mutant)][verdict.test] += verdict.state == "killed"
                    if verdict.state == "survived" and verdict.mutant.key not in reasons:
                        alive += 1
                        _show(verdict.mutant)
                    progress.update(task, advance=1, alive=alive, refresh=True)
                    _next(worker, queue, known, killed_by)
            for worker in workers:
                worker.stop()
    return sorted(verdicts, key=lambda verdict: (verdict.mutant.path, verdict.mutant.line))


def _unharmed(*, local: bool) -> Mutant:
    """A mutant that is none: the product as it is, tried in the same way."""
    path, scope = CONTROL
    return Mutant(path, scope, "", "", 0, local, (ROOT / path).read_text("utf-8"))


def _next(
    worker: Worker, queue: list[Mutant], known: Known, killed_by: dict[str, Counter[str]]
) -> None:
    if queue:
        mutant = queue.pop()
        worker.give(mutant, _in_order(mutant, known, killed_by[_scope(mutant)]))


def _scope(mutant: Mutant) -> str:
    return f"{mutant.path}::{mutant.scope}"


def _in_order(mutant: Mutant, known: Known, killers: Counter[str]) -> Tests:
    """The tests that can notice: those that killed a neighbour first, then the module's own, the fast before the slow.

    A function's mutant can be noticed only by a test that runs the function's file; what runs at import concerns all.
    """
    tests = known.lines.get(mutant.path, {}) if mutant.local else known.seconds
    own = f"/test_{Path(mutant.path).stem}"
    ordered = sorted(
        (test for test in tests if test),
        key=lambda test: (
            known.seconds[test] > 0.1,
            -killers[test],
            own not in test,
            known.seconds[test],
        ),
    )
    return [(test, known.seconds[test]) for test in ordered]


def _judged(
    verdicts: list[Verdict], reasons: dict[Key, str], *, complete: bool
) -> tuple[list[Verdict], list[str]]:
    """The survivors without a reason, and the reasons without a survivor."""
    survivors = [verdict for verdict in verdicts if verdict.state == "survived"]
    unexplained = [verdict for verdict in survivors if verdict.mutant.key not in reasons]
    alive = {verdict.mutant.key for verdict in survivors}
    tried = {verdict.mutant.key: verdict for verdict in verdicts}
    outdated = [
        f"{key[0]}::{key[1]} {key[2]!r} -> {key[3]!r}: "
        + (f"killed by {tried[key].test}" if key in tried else "there is no such mutant")
        for key in reasons
        if key not in alive and (complete or key in tried)
    ]
    return unexplained, outdated


def _figures(
    verdicts: list[Verdict], unexplained: list[Verdict], outdated: list[str], seconds: float
) -> dict[str, int | float]:
    states = Counter(verdict.state for verdict in verdicts)
    return {
        "mutants": len(verdicts),
        "killed": states["killed"],
        "timeouts": states["timeout"],
        "survived_explained": states["survived"] - len(unexplained),
        "survived_unexplained": len(unexplained),
        "outdated_reasons": len(outdated),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(sum(os.times()[:4]), 1),
    }


def _killers(verdicts: Iterable[Verdict]) -> dict[str, str]:
    return {v.mutant.name: v.test if v.state != "survived" else "survived" for v in verdicts}


def _show(mutant: Mutant) -> None:
    """A survivor in the form of an entry of the table; the reason is for a person to find."""
    console.print(f"[red]survived[/red] {mutant.path}:{mutant.line} ({mutant.name})")
    fields = {"path": mutant.path, "scope": mutant.scope, "before": mutant.before}
    fields["after"] = mutant.after
    lines = [f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in fields.items()]
    lines += [f"nth = {mutant.nth}"] if mutant.nth > 1 else []
    console.print(
        "\n".join(["[[survivor]]", *lines]), markup=False, highlight=False, soft_wrap=True
    )


if __name__ == "__main__":
    typer.run(main)
