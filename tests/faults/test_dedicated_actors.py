"""FRONTROW_TICKETS_PER_ACTOR=1: every ticket is a Ray actor of its own, through the same code."""

from __future__ import annotations

from collections.abc import Callable

import psutil

from tests.shop import Shop
from tests.stack import RunningStack

SEATS = "section,row,seat,category\n" + "\n".join(f"Box,1,{n},A" for n in range(1, 7))


def test_a_show_of_six_seats_is_sold_by_six_ticket_actors(
    private_stack: Callable[..., RunningStack],
) -> None:
    stack = private_stack(environment={"FRONTROW_TICKETS_PER_ACTOR": "1"})
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = shop.show(SEATS)
        assert ticket_actors() >= 6
        pair = shop.hold(show_id, "Box-1-1", "Box-1-2", key="pair")
        assert pair.status_code == 201
        assert pair.json()["seats"] == ["Box-1-1", "Box-1-2"]
        assert shop.hold(show_id, "Box-1-1", "Box-1-2", key="pair").json() == pair.json()
        taken = shop.hold(show_id, "Box-1-2", "Box-1-3")
        assert taken.status_code == 409
        assert taken.json()["conflicts"] == [{"seat": "Box-1-2", "reason": "held"}]
        best = shop.http.post(
            f"/v1/shows/{show_id}/holds", json={"best_available": {"quantity": 3}}
        )
        assert best.status_code == 201, best.text
        numbers = [int(seat.rpartition("-")[2]) for seat in best.json()["seats"]]
        assert numbers in ([3, 4, 5], [4, 5, 6])
        last = ({3, 4, 5, 6} - set(numbers)).pop()
        assert shop.hold(show_id, f"Box-1-{last}").status_code == 201
        sold_out = shop.http.post(
            f"/v1/shows/{show_id}/holds", json={"best_available": {"quantity": 1}}
        )
        assert sold_out.json()["code"] == "no_adjacent_seats"
        assert shop.http.delete(f"/v1/holds/{pair.json()['hold_id']}").status_code == 204
        assert shop.hold(show_id, "Box-1-1", "Box-1-2").status_code == 201


def ticket_actors() -> int:
    return sum(
        "TicketHost" in process.name() or "TicketHost" in "".join(process.cmdline())
        for process in psutil.process_iter()
    )
