"""One mutant against the tests, in a process of its own that was forked when everything was ready.

A trial never writes a file. A mutant of a function's body is tried in a fork of a pytest session that has collected
all tests already: the function gets the mutated code. A mutant of what runs at import (constants, enums, defaults)
is tried in a fork that has not imported the product yet: the import gets the mutated source.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from types import CodeType, FunctionType, ModuleType

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.mutants import Mutant

CPU_SECONDS_MORE = 1.0
CPU_TIMES_MAX = 2.0
"""A test that computes for longer than so many times what it takes by itself, and this, has met a mutant that never
ends. Other processes on the machine cannot change this verdict: it counts computing, not waiting."""

MEMORY_BYTES_MAX = 512 << 20
"""What a trial may take beyond what it began with: a mutant that collects for ever fails and fills no machine."""

IMPORT_SECONDS_MAX = 10.0
"""The same for the import of the product and its tests."""

IMPORT = "the import"
"""Names the killer of a mutant with which the tests cannot even be imported."""

Tests = Sequence[tuple[str, float]]
"""The tests to run, in this order, and the seconds that each computes on the product as it is."""

Loop = Callable[[dict[str, pytest.Item], bool], None]
"""What to do with the collected tests; the flag says whether all could be collected."""

Send = Callable[[tuple[str, ...]], None]


class Session:
    """A pytest plugin that loads the profile for property tests and runs the collected tests its own way."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Property tests as always, but a counterexample is neither made smaller nor remembered."""
        from hypothesis import Phase, settings

        found = (Phase.explicit, Phase.generate)
        settings.register_profile(
            "mutants", settings.get_profile("deterministic"), phases=found, database=None
        )
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._loop({item.nodeid: item for item in session.items}, not session.testsfailed)
        return True


def run_pytest(files: Sequence[str], loop: Loop) -> int:
    """Collect these test files in this process and hand the items to `loop`."""
    options = [
        "-q",
        "--timeout=0",
        "--tb=native",
        "-p",
        "no:cacheprovider",
        "--confcutdir=tests/unit",
    ]
    # What is imported already, for speed, cannot have its assertions rewritten; none of it is a test.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*options, *files], plugins=[Session(loop)]))


def passes(item: pytest.Item) -> bool:
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def try_collected(
    mutant: Mutant, tests: Tests, items: dict[str, pytest.Item], results: Connection
) -> None:
    """Fork; in the child, give the function its mutated code and run the tests until one fails."""

    def child(send: Send) -> None:
        _install_code(mutant)
        _run_until_failure(tests, items, send)

    _in_a_fork(child, results)


def try_imported(mutant: Mutant, tests: Tests, files: Sequence[str], results: Connection) -> None:
    """Fork; in the child, import the mutated module and everything else, and run the tests until one fails."""

    def child(send: Send) -> None:
        sys.meta_path.insert(0, _MutantFinder(mutant))
        collected = list[bool]()

        def loop(items: dict[str, pytest.Item], complete: bool) -> None:
            if complete:
                collected.append(True)
                _run_until_failure(tests, items, send)

        run_pytest(files, loop)
        if not collected:
            send(("killed", IMPORT))

    _in_a_fork(child, results)


def _run_until_failure(tests: Tests, items: dict[str, pytest.Item], send: Send) -> None:
    """A test that is gone does not count: a mutant may change what the tests are called."""
    try:
        for test, seconds in tests:
            if test in items:
                send(("running", test))
                limit = CPU_SECONDS_MORE + CPU_TIMES_MAX * seconds
                signal.setitimer(signal.ITIMER_PROF, limit)
                if not passes(items[test]):
                    send(("killed", test))
                    return
        send(("survived",))
    except BaseException as error:
        send(("broken", repr(error)))
        raise


def _in_a_fork(child: Callable[[Send], None], results: Connection) -> None:
    """Run `child`, and send (state, test, seconds): killed, survived, timeout, or broken if the trial itself failed."""
    reader, writer = os.pipe()
    began = time.monotonic()
    process = os.fork()
    if process == 0:
        _live_alone(reader, writer, child)
    os.close(writer)
    running, outcome = "", ("", "")
    for line in _lines(reader):
        state, _, test = line.partition("\t")
        if state == "running":
            running = test
        else:
            outcome = (state, test)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF:
        outcome = ("timeout", running or IMPORT)
    elif not outcome[0]:
        outcome = ("killed" if os.WIFSIGNALED(status) else "broken", running or IMPORT)
    results.send((*outcome, time.monotonic() - began))


def _live_alone(reader: int, writer: int, child: Callable[[Send], None]) -> None:
    """The life of a child: bounded, silent, and without the end of the process that it was forked from."""
    try:
        os.close(reader)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, IMPORT_SECONDS_MAX)
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_memory_now() + MEMORY_BYTES_MAX, hard))
        child(lambda words: _write(writer, words))
    except BaseException as error:
        _write(writer, ("broken", repr(error)))
    finally:
        os._exit(0)


def _memory_now() -> int:
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def _write(writer: int, words: tuple[str, ...]) -> None:
    os.write(writer, ("\t".join(words) + "\n").encode())


def _lines(reader: int) -> Iterator[str]:
    with open(reader, encoding="utf-8") as lines:
        for line in lines:
            yield line.removesuffix("\n")


def _install_code(mutant: Mutant) -> None:
    code: CodeType = compile(mutant.source, mutant.path, "exec", dont_inherit=True)
    place: object = sys.modules[mutant.module]
    for name in mutant.scope.split("."):
        code = next(
            const
            for const in code.co_consts
            if isinstance(const, CodeType) and const.co_name == name
        )
        place = vars(place)[name]
    _function(place).__code__ = code


def _function(place: object) -> FunctionType:
    if isinstance(place, property):
        place = place.fget
    elif isinstance(place, staticmethod | classmethod):
        place = place.__func__
    assert isinstance(place, FunctionType), place
    return place


class _MutantFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from the mutant's source instead of its file."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: object, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        is_package = self._mutant.path.endswith("/__init__.py")
        locations = [os.path.dirname(self._mutant.path)] if is_package else None
        return importlib.util.spec_from_file_location(
            fullname, self._mutant.path, loader=self, submodule_search_locations=locations
        )

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._mutant.source, self._mutant.path, "exec"), module.__dict__)
