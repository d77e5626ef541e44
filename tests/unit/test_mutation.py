"""The mutants that the core is tried with, and that each survivor's reason is about code that exists."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutation.mutants import MODULE, Mutant, mutants_of
from tests.mutation.survivors import TABLE, read_table

ROOT = Path(__file__).parents[2]

SOURCE = '''
"""About nothing."""

__all__ = ["Thing"]
LIMIT = 3
Pair = tuple[int, int]


class Thing:
    wide: bool = False

    @property
    def answer(self) -> str:
        if self.wide:
            return f"{LIMIT}"
        raise ValueError("this is a text")
'''


def mutants(source: str = SOURCE) -> list[Mutant]:
    return mutants_of("actors/thing.py", source)


def test_constants_defaults_properties_and_bare_conditions_are_mutated() -> None:
    assert {(m.scope, m.before, m.after, m.local) for m in mutants()} == {
        (MODULE, "LIMIT = 3", "LIMIT = 4", False),
        (MODULE, "LIMIT = 3", "LIMIT = None", False),
        ("Thing", "wide: bool = False", "wide: bool = True", False),
        ("Thing", "wide: bool = False", "wide: bool = None", False),
        ("Thing.answer", "if self.wide:", "if not self.wide:", True),
        ("Thing.answer", 'return f"{LIMIT}"', "return None", True),
        (
            "Thing.answer",
            'raise ValueError("this is a text")',
            "raise ValueError(None)",
            True,
        ),
    }


def test_every_mutant_is_a_whole_file_that_differs_in_the_lines_it_names() -> None:
    for mutant in mutants():
        compile(mutant.source, mutant.path, "exec")
        assert mutant.source == SOURCE.replace(mutant.before, mutant.after)
        assert SOURCE.split("\n")[mutant.line - 1].strip() == mutant.before


def test_mutants_that_read_the_same_are_numbered() -> None:
    twice = "def f() -> int:\n    g(1)\n    g(1)\n"
    keys = [mutant.key for mutant in mutants(twice)]
    assert len(keys) == len(set(keys)) == 4
    assert {key[-1] for key in keys} == {1, 2}


def test_a_mutant_keeps_its_name_when_lines_are_added_above_it() -> None:
    moved = mutants("import json\n\n" + SOURCE)
    assert [mutant.name for mutant in moved] == [mutant.name for mutant in mutants()]


def test_every_survivor_has_a_reason_and_is_in_a_scope_that_exists() -> None:
    for path, scope, before, _, _ in read_table():
        source = (ROOT / path).read_text("utf-8")
        assert scope == MODULE or scope in _scopes(ast.parse(source)), (path, scope)
        for line in filter(None, before.split("\n")):
            assert line in source, (path, scope, line)


def _scopes(tree: ast.AST, above: str = "") -> set[str]:
    found = set[str]()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            name = f"{above}{node.name}"
            found |= {name} | _scopes(node, f"{name}.")
    return found


def test_a_survivor_without_a_reason_is_refused(tmp_path: Path) -> None:
    entry = '[[survivor]]\npath = "p"\nscope = "s"\nbefore = "b"\nafter = "a"\nreason = '
    table = tmp_path / TABLE.name
    table.write_text(entry + '" "\n')
    with pytest.raises(ValueError, match="no reason"):
        read_table(table)
    table.write_text(2 * (entry + '"known"\n'))
    with pytest.raises(ValueError, match="repeated"):
        read_table(table)
