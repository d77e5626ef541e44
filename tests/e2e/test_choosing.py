"""Seats chosen for the buyer: the best available, and tickets of areas, also when they run out."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.e2e.venue import audit, csv_of, current, grid, hall, held, hold, refused
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_best_seats_are_neighbours_nearest_to_the_middle_of_the_front(
    server: LocalServer,
) -> None:
    show_id = await hall(server, grid(3, 9))
    assert (await held(server, show_id, best_available={"quantity": 3}))["seats"] == [
        "S-1-4",
        "S-1-5",
        "S-1-6",
    ]
    second = (await held(server, show_id, best_available={"quantity": 3}))["seats"]
    assert {seat.rpartition("-")[0] for seat in second} in ({"S-1"}, {"S-2"})
    numbers = [int(seat.rpartition("-")[2]) for seat in second]
    assert numbers == list(range(numbers[0], numbers[0] + 3))


async def test_neighbours_are_neighbours_in_the_file_whatever_their_numbers(
    server: LocalServer,
) -> None:
    show_id = await hall(server, csv_of(("S", "1", ["5", "3", "1", "2", "4", "6"], "A")))
    seats = (await held(server, show_id, best_available={"quantity": 2}))["seats"]
    assert seats == ["S-1-1", "S-1-2"]


async def test_a_category_and_a_section_are_kept_to(server: LocalServer) -> None:
    seats = csv_of(
        ("P", "1", range(1, 6), "A"), ("P", "2", range(1, 6), "B"), ("Q", "1", range(1, 6), "B")
    )
    show_id = await hall(server, seats)
    wishes = [
        ({"quantity": 2, "category": "B"}, ("P-2", "Q-1"), 6000),
        ({"quantity": 4, "section": "Q"}, ("Q-1",), 12000),
        ({"quantity": 2, "section": "P", "category": "A"}, ("P-1",), 10000),
    ]
    for wish, rows, amount in wishes:
        answer = await held(server, show_id, best_available=wish)
        assert all(seat.startswith(rows) for seat in answer["seats"])
        assert answer["amount"] == amount
    refused(
        await hold(server, show_id, best_available={"quantity": 2, "section": "Q"}),
        409,
        "no_adjacent_seats",
    )
    refused(
        await hold(
            server, show_id, best_available={"quantity": 1, "section": "Q", "category": "A"}
        ),
        409,
        "no_adjacent_seats",
    )


async def test_a_party_is_split_only_when_no_row_has_room(server: LocalServer) -> None:
    show_id = await hall(server, csv_of(("L", "1", range(1, 4), "A"), ("R", "1", range(1, 4), "A")))
    answer = await held(server, show_id, best_available={"quantity": 5})
    assert Counter(seat[0] for seat in answer["seats"]) in ({"L": 3, "R": 2}, {"L": 2, "R": 3})
    refused(await hold(server, show_id, best_available={"quantity": 2}), 409, "no_adjacent_seats")
    assert len((await held(server, show_id, best_available={"quantity": 1}))["seats"]) == 1
    refused(await hold(server, show_id, best_available={"quantity": 1}), 409, "no_adjacent_seats")
    assert await audit(server.runtime, show_id) == await current(server, show_id)


async def test_buyers_of_the_best_seats_empty_a_hall_together(server: LocalServer) -> None:
    show_id = await hall(
        server, csv_of(*((s, str(r), range(1, 9), "A") for s in "LMR" for r in (1, 2)))
    )
    for key in (None, "rush"):
        wish = {"best_available": {"quantity": 2}}
        answers = await asyncio.gather(
            *[hold(server, show_id, key=key and f"{key}-{show_id}-{n}", **wish) for n in range(15)]
        )
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses == ({201: 15} if key is None else {201: 9, 409: 6})
    seen = await current(server, show_id)
    assert set(seen.values()) == {"held"}
    assert await audit(server.runtime, show_id) == seen


async def test_an_area_of_many_pools_is_one_area(server: LocalServer) -> None:
    show_id = await server.show(
        areas=[{"area": "Floor", "category": "B", "capacity": 4500}], max_per_order=100
    )
    seatmap = (await server.http.get(f"/v1/shows/{show_id}/seatmap")).json()
    pools = [(block["first_unit"], block["tickets"]) for block in seatmap["blocks"]]
    assert pools == [(1, 1500), (1501, 1500), (3001, 1500)]
    answers = await asyncio.gather(
        *[hold(server, show_id, areas=[{"area": "Floor", "quantity": 90}]) for _ in range(52)]
    )
    assert Counter(answer.status_code for answer in answers) == {201: 50, 409: 2}
    for answer in answers:
        if answer.status_code == 409:
            assert refused(answer, 409, "seats_unavailable")["conflicts"] == [
                {"seat": "Floor", "reason": "held"}
            ]
        else:
            assert answer.json()["amount"] == 90 * 3000
    units = [
        unit for answer in answers if answer.status_code == 201 for unit in answer.json()["seats"]
    ]
    assert sorted(units, key=lambda unit: int(unit[6:])) == [f"Floor-{n}" for n in range(1, 4501)]
    assert await audit(server.runtime, show_id) == await current(server, show_id)


async def test_the_last_units_are_found_in_whatever_pools_they_are(server: LocalServer) -> None:
    show_id = await server.show(
        areas=[{"area": "Floor", "category": "B", "capacity": 4001}], max_per_order=100
    )
    answers = await asyncio.gather(
        *[hold(server, show_id, areas=[{"area": "Floor", "quantity": 100}]) for _ in range(40)]
    )
    assert {answer.status_code for answer in answers} == {201}
    refused(
        await hold(server, show_id, areas=[{"area": "Floor", "quantity": 2}]),
        409,
        "seats_unavailable",
    )
    assert (
        len((await held(server, show_id, areas=[{"area": "Floor", "quantity": 1}]))["seats"]) == 1
    )
    for answer in answers[:2]:
        await server.http.delete(f"/v1/holds/{answer.json()['hold_id']}")
    assert (
        len((await held(server, show_id, areas=[{"area": "Floor", "quantity": 100}]))["seats"])
        == 100
    )


async def test_several_areas_and_named_units_are_held_together(server: LocalServer) -> None:
    areas = [
        {"area": "Floor", "category": "B", "capacity": 3},
        {"area": "Hill-1", "category": "A", "capacity": 3},
    ]
    show_id = await hall(server, grid(1, 2), areas=areas)
    wishes = [{"area": "Floor", "quantity": 2}, {"area": "Hill-1", "quantity": 1}]
    both = await held(server, show_id, areas=wishes)
    assert both["seats"] == ["Floor-1", "Floor-2", "Hill-1-1"]
    assert both["amount"] == 2 * 3000 + 5000
    mixed = await held(server, show_id, "Floor-3", "Hill-1-3", "S-1-1")
    assert sorted(mixed["seats"]) == ["Floor-3", "Hill-1-3", "S-1-1"]
    problem = refused(await hold(server, show_id, areas=wishes), 409, "seats_unavailable")
    assert problem["conflicts"] == [{"seat": "Floor", "reason": "held"}]
    unknown = refused(
        await hold(server, show_id, "Floor-4", "Floor-0", "Floor-03"), 409, "seats_unavailable"
    )
    assert [conflict["reason"] for conflict in unknown["conflicts"]] == ["unknown"] * 3


async def test_places_for_wheelchairs_are_kept_for_those_who_need_one(server: LocalServer) -> None:
    rows = [f"S,1,{seat},A,{'yes' if seat == 3 else ''}" for seat in range(1, 6)]
    show_id = await hall(server, "\n".join(["section,row,seat,category,accessible", *rows]))
    refused(await hold(server, show_id, best_available={"quantity": 5}), 409, "no_adjacent_seats")
    needing = {"quantity": 2, "accessible": True}
    assert "S-1-3" in (await held(server, show_id, best_available=needing))["seats"]
    refused(await hold(server, show_id, best_available=needing), 409, "no_adjacent_seats")
    seatmap = (await server.http.get(f"/v1/shows/{show_id}/seatmap")).json()
    assert seatmap["blocks"][0]["accessible"] == [2]
    page = (await server.http.get(f"/shows/{show_id}/sections/S")).text
    assert page.count(", accessible") == 1
