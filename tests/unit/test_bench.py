"""The parts of the bench that need no stack."""

from __future__ import annotations

import psutil

from cluster.operate.bench.processes import OTHER, role_of
from cluster.operate.bench.till import Sales
from cluster.operate.bench.venue import Venue
from cluster.operate.crowd.show_map import ShowMap


class Process(psutil.Process):
    """One that is known by its command line only."""

    def __init__(self, name: str, *command: str) -> None:
        self._told = name, list(command)

    def name(self) -> str:
        return self._told[0]

    def cmdline(self) -> list[str]:
        return self._told[1]


def test_processes_are_told_apart_by_their_program_or_their_title() -> None:
    assert role_of(Process("ray::TicketHost", "ray::TicketHost")) == "hosts"
    assert role_of(Process("nats-server", "/x/nats-server", "--config")) == "nats"
    stripe = Process("python", "python", "-m", "cluster.embedded.stripe_process", "--port")
    assert role_of(stripe) == "local Stripe"
    assert role_of(Process("raylet", "raylet")) == OTHER


def test_the_rate_of_sales_is_counted_until_the_last_one() -> None:
    sales = Sales(took=[0.5, 0.5, 1.0, 1.0], first=10.0, last=12.0)
    assert sales.rate == 2.0
    assert Sales().rate == 0.0


def test_every_seat_is_bought_by_itself_once() -> None:
    show = ShowMap("s1", "A show", 10)
    rows = [{"row": "A", "numbers": ["1", "2"]}, {"row": "B", "numbers": ["1"]}]
    block = {"block": 4, "section": "Stalls", "rows": rows, "category": [0, 0, 0]}
    show.draw({"categories": [{"name": "Gold", "price": 9}], "blocks": [block]})
    bodies = Venue(show).singles()
    assert sorted(bodies) == [
        '{"seats":["Stalls-A-1"]}',
        '{"seats":["Stalls-A-2"]}',
        '{"seats":["Stalls-B-1"]}',
    ]
