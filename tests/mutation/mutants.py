"""The mutants of a source file: small mistakes, each one alone, that a test has to notice.

The mistakes are mutmut's (`mutation_operators`), with two of our own where it has none: a bare condition is negated,
and a returned value becomes None. mutmut's own generator leaves out constants, defaults, properties and everything
else outside of plain functions; here nothing is left out but what the rules below name:

* annotations, decorators, imports, `__all__`, docstrings, aliases of types, and what `cast` is told: the type checker
  and the linter read them, no behaviour that a test could see depends on them;
* the words of a text for people, which is every string that has a blank and a small letter in it (whether there is
  such a text at all is mutated);
* the calls `len(x)` and `isinstance(x, y)` without their argument (mutmut's rule), which fail at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import deep_replace
from mutmut.mutation.mutators import OPERATORS_TYPE, mutation_operators

MODULE = "<module>"
"""The scope of what runs when a module is imported."""

_PLAIN_CALLS = m.Call(func=m.Name("len") | m.Name("isinstance"))
_TEXT = m.SimpleString() | m.ConcatenatedString()
_DOCSTRING = m.Expr(value=_TEXT)
_UNREAD = m.Annotation() | m.Decorator() | m.Import() | m.ImportFrom() | _DOCSTRING
_ALIAS = m.Assign(value=m.Subscript() | m.BinaryOperation(operator=m.BitOr()))
_EXPORTS = m.Assign(targets=[m.AssignTarget(target=m.Name("__all__"))])
_SPOKEN_FOR = m.Comparison() | m.BooleanOperation() | m.UnaryOperation(operator=m.Not())


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake. `scope` is the qualified name of the function or class; `before` and `after` are the changed lines.

    `nth` tells mistakes apart that read the same in one scope. A mutant is `local` if it changes the body of a
    function and nothing that runs at import.
    """

    path: str
    scope: str
    before: str
    after: str
    line: int
    local: bool
    source: str
    nth: int = 1

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """Stable as long as the mutated lines stay as they are."""
        return self.path, self.scope, self.before, self.after, self.nth

    @property
    def name(self) -> str:
        digest = blake2b(repr(self.key).encode(), digest_size=4).hexdigest()
        return f"{self.path}::{self.scope}#{digest}"

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Every mutant of a file that is valid Python and differs from it and from the others."""
    wrapper = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    visitor = _Mistakes()
    wrapper.visit(visitor)
    module, lines = wrapper.module, source.split("\n")
    rendered = [module.code_for_node(statement) for statement in module.body]
    header = "".join(module.code_for_node(line) for line in module.header)
    footer = "".join(module.code_for_node(line) for line in module.footer)
    seen, repeated, found = {source}, Counter[tuple[object, ...]](), list[Mutant]()
    for mistake in visitor.found:
        body = list(rendered)
        changed = deep_replace(module.body[mistake.statement], mistake.old, mistake.new)
        assert isinstance(changed, cst.CSTNode)
        body[mistake.statement] = module.code_for_node(changed)
        mutated = header + "".join(body) + footer
        if mutated in seen or not _compiles(mutated):
            continue
        seen.add(mutated)
        first, before, after = _difference(lines, mutated.split("\n"))
        mutant = Mutant(path, mistake.scope, before, after, first, mistake.local, mutated)
        repeated[mutant.key] += 1
        found.append(replace(mutant, nth=repeated[mutant.key]))
    return found


def mutants_under(root: Path, folder: str) -> list[Mutant]:
    """The mutants of every Python file below a folder of the checkout."""
    paths = sorted((root / folder).rglob("*.py"))
    return [
        mutant
        for path in paths
        for mutant in mutants_of(path.relative_to(root).as_posix(), path.read_text("utf-8"))
    ]


@dataclass(frozen=True, slots=True)
class _Mistake:
    old: cst.CSTNode
    new: cst.CSTNode
    scope: str
    local: bool
    statement: int


class _Mistakes(cst.CSTVisitor):
    """Collects the mistakes that can be made at each node."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Mistake] = []
        self._names: list[str] = []
        self._functions = 0
        self._statements: dict[int, int] = {}
        self._statement = -1

    def visit_Module(self, node: cst.Module) -> None:
        self._statements = {id(statement): n for n, statement in enumerate(node.body)}

    def on_visit(self, node: cst.CSTNode) -> bool:
        self._statement = self._statements.get(id(node), self._statement)
        if m.matches(node, _UNREAD) or (not self._names and m.matches(node, _ALIAS | _EXPORTS)):
            return False
        if m.matches(node, m.Call(func=m.Name("cast"))):
            assert isinstance(node, cst.Call)
            node.args[1].visit(self)
            return False
        if self._statement >= 0:
            for new in _mutations(node):
                scope = ".".join(self._names) or MODULE
                local = self._functions > 0
                self.found.append(_Mistake(node, new, scope, local, self._statement))
        if isinstance(node, cst.FunctionDef):
            node.params.visit(
                self
            )  # defaults are evaluated at import: they belong to the scope around
            self._enter(node.name.value, function=True)
            node.body.visit(self)
            self._leave(function=True)
            return False
        if isinstance(node, cst.ClassDef):
            self._enter(node.name.value)
        return super().on_visit(node)

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.ClassDef):
            self._leave()

    def _enter(self, name: str, *, function: bool = False) -> None:
        self._names.append(name)
        self._functions += function

    def _leave(self, *, function: bool = False) -> None:
        self._names.pop()
        self._functions -= function


def _mutations(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    if m.matches(node, _PLAIN_CALLS):
        return
    for kind, operator in (*mutation_operators, *OWN_OPERATORS):
        if isinstance(node, kind) and not _is_for_people(node):
            yield from operator(node)


def _is_for_people(node: cst.CSTNode) -> bool:
    if not isinstance(node, cst.SimpleString):
        return False
    return " " in node.value and any(letter.islower() for letter in node.raw_value)


def _negated(node: cst.If | cst.While | cst.CompIf) -> Iterable[cst.CSTNode]:
    """`if found:` becomes `if not found:`; comparisons and their combinations have mutants of their own."""
    if not m.matches(node.test, _SPOKEN_FOR):
        yield node.with_changes(test=cst.UnaryOperation(cst.Not(), node.test))


def _returning_nothing(node: cst.Return) -> Iterable[cst.CSTNode]:
    if node.value is not None and not m.matches(node.value, m.Name("None")):
        yield node.with_changes(
            value=cst.Name("None"), whitespace_after_return=cst.SimpleWhitespace(" ")
        )


OWN_OPERATORS: OPERATORS_TYPE = (
    (cst.If, _negated),
    (cst.While, _negated),
    (cst.CompIf, _negated),
    (cst.Return, _returning_nothing),
)


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _difference(old: Sequence[str], new: Sequence[str]) -> tuple[int, str, str]:
    """The first changed line, counted from 1, and what stands between the common beginning and the common end."""
    shortest = min(len(old), len(new))
    first = next((n for n in range(shortest) if old[n] != new[n]), shortest)
    rest = shortest - first
    tail = next((n for n in range(rest) if old[-1 - n] != new[-1 - n]), rest)
    before, after = old[first : len(old) - tail], new[first : len(new) - tail]
    return first + 1, _flat(before), _flat(after)


def _flat(lines: Sequence[str]) -> str:
    return "\n".join(line.strip() for line in lines)
