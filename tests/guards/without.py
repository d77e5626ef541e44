"""Takes a guard out of the product while a test runs: the source with a piece replaced, compiled, swapped in.

The code of the functions is swapped, not the functions: whoever has imported them runs the mutant.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType


@dataclass(frozen=True, slots=True)
class Guard:
    """`piece` occurs once in the source of `module`; `mutant` takes its place."""

    module: ModuleType
    piece: str
    mutant: str


@contextmanager
def without(*guards: Guard) -> Iterator[None]:
    """Without these guards, until the block ends."""
    modules = {guard.module.__name__: guard.module for guard in guards}
    swaps = [
        swap
        for module in modules.values()
        for swap in _swaps(module, [guard for guard in guards if guard.module is module])
    ]
    originals = [(function, function.__code__) for function, _ in swaps]
    for function, mutant in swaps:
        function.__code__ = mutant.__code__
    try:
        yield
    finally:
        for function, code in originals:
            function.__code__ = code


def _swaps(module: ModuleType, guards: list[Guard]) -> list[tuple[FunctionType, FunctionType]]:
    path, name = module.__file__, module.__name__
    assert path is not None
    source = Path(path).read_text()
    for guard in guards:
        assert source.count(guard.piece) == 1, f"{source.count(guard.piece)} times: {guard.piece}"
        source = source.replace(guard.piece, guard.mutant)
    scratch = ModuleType(name)
    exec(compile(source, path, "exec"), scratch.__dict__)
    mutants = dict(_functions(scratch, name))
    return [
        (function, mutants[qualified])
        for qualified, function in _functions(module, name)
        if function.__code__ != mutants[qualified].__code__
    ]


def _functions(module: ModuleType, name: str) -> Iterator[tuple[str, FunctionType]]:
    """Every function and method that a module defines."""
    for owner in [module, *(one for one in vars(module).values() if inspect.isclass(one))]:
        for member in list(vars(owner).values()):
            plain = member.__func__ if isinstance(member, staticmethod) else member
            if isinstance(plain, FunctionType) and plain.__module__ == name:
                yield plain.__qualname__, plain
