"""The documents against the code: tables, examples, the OpenAPI document, links."""

from __future__ import annotations

import base64
import doctest
import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from actors.domain.cutting import cut_blocks
from actors.domain.seat_rows import RowErrorCode, SeatRow
from actors.domain.seating import hall_of
from cluster.operate.cli import main
from cluster.reads.show_view import BlockView
from cluster.settings import Settings, variable
from serve_app.app import create_app
from serve_app.openapi import rendered
from serve_app.problems import PROBLEMS

ROOT = Path(__file__).resolve().parents[2]
API, OPERATING, README = ROOT / "docs/api.md", ROOT / "docs/operating.md", ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "kuberay").glob("*.md"))]


def rows_of(page: Path, header: str) -> list[list[str]]:
    """The cells of the table of `page` whose first line is `header`."""
    lines = page.read_text().splitlines()
    rows = list[list[str]]()
    for line in lines[lines.index(header) + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_api_page_lists_every_code_with_its_status_and_title() -> None:
    listed = [row[:3] for row in rows_of(API, "| code | status | title | when |")]
    assert listed == [
        [f"`{code}`", str(problem.status), problem.title] for code, problem in PROBLEMS.items()
    ]


def test_the_api_page_lists_every_code_of_a_row() -> None:
    listed = [row[0] for row in rows_of(API, "| code of a row | why the row was not loaded |")]
    assert listed == [f"`{code.value}`" for code in RowErrorCode]


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # Ray Serve's own models, when it is imported
def test_the_limits_of_the_api_page_are_those_of_the_code() -> None:
    table = rows_of(API, "| constant | value | beyond it |")
    assert table
    for name, value, _ in table:
        module, _, constant = name.strip("`").rpartition(".")
        assert getattr(importlib.import_module(module), constant) == float(value), name


def test_the_api_page_lists_every_route() -> None:
    listed = re.findall(r"^\| \[`([A-Z]+) (/[^`]*)`\]", API.read_text(), re.MULTILINE)
    paths = create_app().openapi()["paths"]
    assert set(listed) == {(method.upper(), path) for path in paths for method in paths[path]}


def test_the_example_of_the_packed_status_is_true() -> None:
    result = doctest.testfile(str(API), module_relative=False)
    assert result.attempted
    assert not result.failed
    seats = [SeatRow(n, "Stalls", row, str(n), "Any", None, None) for row in "AB" for n in range(4)]
    (layout,) = cut_blocks(seats, {"Any": 1})
    view = BlockView(layout, hall_of(layout), bytearray([0, 1, 1, 0, 1, 1, 1, 0]))
    assert base64.b64encode(view.packed()) == b"FBU="


def test_the_openapi_document_in_docs_is_the_one_that_is_served() -> None:
    committed = (ROOT / "docs/openapi.json").read_text()
    assert committed == rendered(create_app()), (
        "refresh it: python -m serve_app.openapi > docs/openapi.json"
    )


@pytest.mark.parametrize("page", [README, OPERATING], ids=lambda page: page.name)
def test_every_variable_of_the_environment_is_documented_with_its_default(page: Path) -> None:
    listed = {
        row[0].strip("`"): row[1] for row in rows_of(page, "| variable | default | what it is |")
    }
    assert set(listed) == {variable(field) for field in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        if field.default is not None:
            assert listed[variable(name)] == f"`{field.default}`"


def links_of(page: Path) -> Iterator[tuple[str, str]]:
    """The file and the anchor of every relative link outside of code."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_resolves(page: Path) -> None:
    for path, anchor in links_of(page):
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {path}"
        assert not anchor or anchor in anchors_of(target), f"{page.name} links to {path}#{anchor}"


def test_every_command_in_the_documents_exists() -> None:
    """`frontrow WORD` in any page names a command."""
    known = {
        command.name or command.callback.__name__
        for command in main.registered_commands
        if command.callback
    }
    for page in PAGES:
        named = set(re.findall(r"(?:`|\$ |bin/)frontrow ([a-z]+)", page.read_text()))
        assert named <= known, page.name


def test_every_page_about_operating_is_linked_from_the_first_one() -> None:
    linked = {path for path, _ in links_of(OPERATING)}
    pages = {
        str(page.relative_to(OPERATING.parent)) for page in PAGES if page.parent.name == "operating"
    }
    assert pages <= linked


def shown_commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """The name and the arguments of every `$ frontrow ...` in the blocks of code of a page."""
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            for shown in re.findall(
                r"(?:^ *\$ |&& |; )(?:[A-Z_]+=\S+ +)*frontrow +([^|<>&;#]+)", line
            ):
                name, *arguments = shlex.split(shown)
                yield name, arguments


def commands() -> dict[str, TyperCommand]:
    group = get_command(main)
    assert isinstance(group, TyperGroup)
    return {
        name: command
        for name, command in group.commands.items()
        if isinstance(command, TyperCommand)
    }


def test_commands_are_found_in_the_blocks_of_pages(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "1. Do:\n\n   ```\n   $ A=1 frontrow up \\\n     --detach && frontrow down\n   ok\n   ```\n`frontrow x`"
    )
    assert list(shown_commands(page)) == [("up", ["--detach"]), ("down", [])]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_shown_can_be_given_like_that(page: Path) -> None:
    """The command is parsed, not run: a wrong option or value, or too many arguments, is an error."""
    known = commands()
    for name, arguments in shown_commands(page):
        try:
            known[name].make_context(name, list(arguments))
        except TyperException as error:
            raise AssertionError(f"{name} {arguments}: {error}") from None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_option_in_the_text_is_one_of_its_command(page: Path) -> None:
    known = commands()
    for text in re.findall(r"`frontrow ([^`\n]+)`", page.read_text()):
        name, *words = text.split()
        options = {option for parameter in known[name].params for option in parameter.opts}
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= options, text


def test_the_guarantees_name_every_surviving_mutant_with_its_reason() -> None:
    listed = rows_of(ROOT / "docs/guarantees.md", "| where | the change | why nobody can tell |")
    survivors = tomllib.loads((ROOT / "tests/mutation/survivors.toml").read_text())["survivor"]
    assert [row[2] for row in listed] == [survivor["reason"] for survivor in survivors]
