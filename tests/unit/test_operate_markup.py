"""What people have named themselves is printed as it is: a square bracket in it is no markup."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from actors.domain.block import Status
from cluster.operate import doctor, inspect
from cluster.operate.check import Check, State
from cluster.operate.crowd.show_map import ShowMap
from cluster.operate.history import History
from cluster.operate.load import print_report
from cluster.operate.rehearsal import rehearse
from cluster.operate.sale import Sale
from cluster.operate.sale_view import shows_table

ODD = "[/bold] [red]x"


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the commands print."""
    text = io.StringIO()
    console = Console(file=text, width=400, soft_wrap=True, highlight=False)
    for module in (doctor, inspect, rehearse):
        monkeypatch.setattr(module, "out", console)
    return text


def test_a_seat_and_its_category(printed: io.StringIO) -> None:
    history = History(Status.SOLD, 100, "EUR", ODD, ())
    inspect._print("saaaaaaaaaaaa", f"{ODD}-1", inspect.Place(1, 0, "host-0"), history)
    assert printed.getvalue().count(ODD) == 2


def test_a_finding_of_the_doctor(printed: io.StringIO) -> None:
    doctor._print([Check("disk", State.OK, f"free at {ODD}")])
    assert ODD in printed.getvalue()


def test_an_error_of_a_file() -> None:
    text = io.StringIO()
    error = {"row": 2, "code": "unknown_category", "detail": ODD}
    report: dict[str, Any] = {"error_count": 1, "errors": [error], "rows_read": 2}
    print_report(Console(file=text, width=200), report, 1, f"loaded {ODD}")
    assert text.getvalue().count(ODD) == 2


def test_a_show_in_the_demo() -> None:
    text = io.StringIO()
    sale = Sale(1.0, shows=[ShowMap("saaaaaaaaaaaa", ODD, 10)])
    Console(file=text, width=200).print(shows_table(sale))
    assert ODD in text.getvalue()
