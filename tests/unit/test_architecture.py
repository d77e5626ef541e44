"""Laws of the code itself, read from its syntax trees. (The direction of imports is import-linter's.)"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path
    for package in ("actors", "cluster", "serve_app")
    for path in (ROOT / package).rglob("*.py")
)
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
TREES = {name: ast.parse(path.read_text()) for name, path in zip(NAMES, FILES, strict=True)}
DOMAIN = [name for name in NAMES if name.startswith("actors/domain/")]
TESTS = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests").rglob("*.py"))]

LINES_MAX = 400
FUNCTION_LINES_MAX = 70
VAGUE_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "managers",
    "manager",
    "common",
    "misc",
    "base",
}

ADAPTERS = {
    "nats": ("cluster/journal/",),
    "motor": ("cluster/store/mongo.py",),
    "pymongo": ("cluster/store/mongo.py",),
    "stripe": ("cluster/payments/",),
}
READERS_OF_THE_ENVIRONMENT = ("cluster/settings.py", "cluster/embedded/")
"""The embedded stack hands the environment that it was given, changed, to the programs that it starts."""

CLOCKS_AND_CHANCE = {"time", "random", "secrets", "uuid", "asyncio", "os", "socket", "threading"}


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules that a file imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def attributes(tree: ast.AST) -> set[str]:
    """Every `name.attribute` that a file mentions."""
    return {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def test_there_is_something_to_check() -> None:
    assert len(DOMAIN) > 5
    assert "actors/holding.py" in NAMES


@pytest.mark.parametrize("name", DOMAIN)
def test_the_domain_imports_the_standard_library_and_itself_only(name: str) -> None:
    for module in imported(TREES[name]):
        top = module.split(".")[0]
        assert top in sys.stdlib_module_names or module.startswith("actors.domain"), module


@pytest.mark.parametrize("name", DOMAIN)
def test_the_domain_knows_no_clock_no_chance_and_no_concurrency(name: str) -> None:
    tree = TREES[name]
    assert not {module.split(".")[0] for module in imported(tree)} & CLOCKS_AND_CHANCE
    assert not attributes(tree) & {"datetime.now", "datetime.utcnow", "date.today"}
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef | ast.Await)]


@pytest.mark.parametrize("name", NAMES)
def test_the_environment_is_read_in_one_place(name: str) -> None:
    if not name.startswith(READERS_OF_THE_ENVIRONMENT):
        tree = TREES[name]
        assert not attributes(tree) & {"os.environ", "os.getenv", "os.environb", "os.putenv"}
        imports_from_os = [
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "os"
            for alias in node.names
        ]
        assert not {"environ", "getenv"} & set(imports_from_os)


@pytest.mark.parametrize("name", NAMES)
def test_each_outside_system_is_imported_in_its_adapter_only(name: str) -> None:
    for module in imported(TREES[name]):
        allowed = ADAPTERS.get(module.split(".")[0])
        assert allowed is None or name.startswith(allowed), f"{module} in {name}"


@pytest.mark.parametrize("name", [*NAMES, *TESTS])
def test_a_file_is_one_noun_of_readable_length(name: str) -> None:
    path = ROOT / name
    assert len(path.read_text().splitlines()) <= LINES_MAX
    assert path.stem not in VAGUE_NAMES
    assert not set(Path(name).parts) & VAGUE_NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_function_fits_on_a_screen(name: str) -> None:
    long = [
        (node.name, node.end_lineno - node.lineno + 1)
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert not long
