"""The processes that try mutants, two kinds of them, and what they are told and answer."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

import pytest

from tests.mutation import trial
from tests.mutation.mutants import Mutant

OURS = ("actors", "cluster", "serve_app", "tests")
"""The packages of the product and its tests: what a mutant may change is imported afresh for each."""

_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Known:
    """What one run of the unharmed tests showed.

    The seconds that each test took, the lines of each file of the product that it ran, and what was imported for it.
    """

    seconds: dict[str, float]
    lines: dict[str, dict[str, frozenset[int]]]
    failed: tuple[str, ...]
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant; `test` is the one that failed, or that never ended."""

    mutant: Mutant
    state: str
    test: str
    seconds: float


class Worker:
    """A process that tries one mutant after the other."""

    def __init__(self, files: Sequence[str], known: Known, *, local: bool) -> None:
        self.connection, theirs = _FORK.Pipe()
        work = _try_local if local else _try_at_import
        self._process = _FORK.Process(target=work, args=(files, known, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.mutant: Mutant | None = None

    def give(self, mutant: Mutant, tests: trial.Tests) -> None:
        self.mutant = mutant
        self.connection.send((mutant, tests))

    def take(self) -> Verdict:
        assert self.mutant is not None
        mutant, self.mutant = self.mutant, None
        state, test, seconds = self.connection.recv()
        return Verdict(mutant, state, test, seconds)

    def stop(self) -> None:
        self.connection.send(None)
        self._process.join()


class Surveyor:
    """A process that runs every test once as it is, each under its own coverage context."""

    def __init__(self, files: Sequence[str], package: str) -> None:
        self._connection, theirs = _FORK.Pipe()
        arguments = (files, package, theirs)
        self._process = _FORK.Process(target=_survey, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def take(self) -> Known:
        known: Known = self._connection.recv()
        self._process.join()
        return known


def ready(workers: Sequence[Worker]) -> list[Worker]:
    """The workers that have a verdict, after waiting for the first."""
    told = wait([worker.connection for worker in workers if worker.mutant is not None])
    return [worker for worker in workers if worker.connection in told]


def _survey(files: Sequence[str], package: str, results: Connection) -> None:
    import coverage

    _say_nothing()
    cover = coverage.Coverage(data_file=None, include=[f"{package}/*"], config_file=False)
    seconds, failed = dict[str, float](), list[str]()

    def loop(items: dict[str, pytest.Item], complete: bool) -> None:
        if not complete:
            failed.append("the collection of the tests")
        for name, item in items.items():
            cover.switch_context(name)
            began = time.process_time()
            if not trial.passes(item):
                failed.append(name)
            seconds[name] = time.process_time() - began

    cover.start()
    trial.run_pytest(files, loop)
    cover.stop()
    data = cover.get_data()
    lines = dict[str, dict[str, frozenset[int]]]()
    for path in data.measured_files():
        by_test = dict[str, set[int]]()
        for line, tests in data.contexts_by_lineno(path).items():
            for test in tests:
                by_test.setdefault(test, set()).add(line)
        short = path[path.index(f"/{package}/") + 1 :]
        lines[short] = {test: frozenset(ran) for test, ran in by_test.items()}
    if not seconds:
        failed.append("no test was collected")
    results.send(Known(seconds, lines, tuple(failed), tuple(sys.modules)))


def _try_local(files: Sequence[str], _known: Known, results: Connection) -> None:
    def loop(items: dict[str, pytest.Item], complete: bool) -> None:
        gc.freeze()  # children share this memory: the collector is not to touch it
        while (job := results.recv()) is not None:
            mutant, tests = job
            trial.try_collected(mutant, tests, items, results)

    _say_nothing()
    trial.run_pytest(files, loop)


def _try_at_import(files: Sequence[str], known: Known, results: Connection) -> None:
    _say_nothing()
    _import_all_but_the_product(known.modules)
    gc.freeze()
    while (job := results.recv()) is not None:
        mutant, tests = job
        trial.try_imported(mutant, tests, files, results)


def _import_all_but_the_product(modules: Sequence[str]) -> None:
    for name in modules:
        if name.partition(".")[0] not in OURS:
            with suppress(ImportError):  # of modules that a test or a plugin made up
                importlib.import_module(name)


def _say_nothing() -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
