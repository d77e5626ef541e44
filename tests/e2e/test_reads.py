"""Seat maps and availability: truthful, cacheable, and no business of the actors."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.e2e.venue import audit, csv_of, current, grid, hall, held, labels, statuses, until
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_seat_map_has_every_seat_and_what_it_costs(server: LocalServer) -> None:
    csv = "section,row,seat,category,x,y\nL,1,5,A,1.5,2\nL,1,3,B,2.5,2\nL,2,1,A,1,-3.25\nR,1,1,B,,"
    show_id = await hall(
        server, csv, areas=[{"area": "Floor", "category": "B", "capacity": 2}], currency="USD"
    )
    seatmap = (await server.http.get(f"/v1/shows/{show_id}/seatmap")).json()
    assert (seatmap["show_id"], seatmap["currency"]) == (show_id, "USD")
    assert seatmap["categories"] == [{"name": "B", "price": 3000}, {"name": "A", "price": 5000}]
    floor, left, right = seatmap["blocks"]
    assert (floor["area"], floor["first_unit"], floor["tickets"], floor["category"]) == (
        "Floor",
        1,
        2,
        0,
    )
    assert left["rows"] == [{"row": "1", "numbers": ["5", "3"]}, {"row": "2", "numbers": ["1"]}]
    assert (left["category"], left["x"], left["y"]) == ([1, 0, 1], [1.5, 2.5, 1], [2, 2, -3.25])
    assert labels(left) + labels(right) == ["L-1-5", "L-1-3", "L-2-1", "R-1-1"]


async def test_packed_status_decodes_to_the_truth_and_the_counts_add_up(
    server: LocalServer,
) -> None:
    csv = csv_of(*((s, str(r), range(1, r + 2), "AB"[r % 2]) for s in "LR" for r in range(1, 8)))
    show_id = await hall(
        server, csv, areas=[{"area": "Floor", "category": "B", "capacity": 7}], max_per_order=20
    )
    await held(server, show_id, "L-1-1", "L-7-8", "R-3-2", "Floor-5")
    gone = await held(server, show_id, "L-1-2", "R-7-1")
    await server.http.delete(f"/v1/holds/{gone['hold_id']}")
    await held(server, show_id, best_available={"quantity": 20})
    await held(server, show_id, areas=[{"area": "Floor", "quantity": 3}])
    seen = await current(server, show_id)
    assert seen == await audit(server.runtime, show_id)
    counts = (await server.http.get(f"/v1/shows/{show_id}/availability")).json()["counts"]
    totals = Counter[str]()
    for category in counts.values():
        totals.update(category)
    assert +totals == Counter(seen.values())
    of_rows = {
        category: sum(r + 1 for r in range(1, 8) if "AB"[r % 2] == category) * 2
        for category in "AB"
    }
    assert {name: sum(category.values()) for name, category in counts.items()} == {
        "A": of_rows["A"],
        "B": of_rows["B"] + 7,
    }


async def test_reading_asks_no_actor(server: LocalServer) -> None:
    show_id = await hall(server)
    await current(server, show_id)
    calls, asked = server.transport.calls, server.runtime.client.calls
    async with server.http.stream("GET", f"/v1/shows/{show_id}/stream") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        for _ in range(100):
            await asyncio.gather(
                server.http.get(f"/v1/shows/{show_id}/availability"),
                server.http.get(f"/v1/shows/{show_id}/seatmap"),
            )
    assert (server.transport.calls, server.runtime.client.calls) == (calls, asked)


async def test_an_unchanged_availability_is_not_sent_again(server: LocalServer) -> None:
    show_id = await hall(server)
    path = f"/v1/shows/{show_id}/availability"
    first = await server.http.get(path)
    tag = first.headers["etag"]
    assert tag == f'"{first.json()["version"]}"'
    for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await server.http.get(path, headers={"If-None-Match": condition})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await server.http.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    await held(server, show_id, "S-1-1")

    async def changed() -> bool:
        return (await server.http.get(path, headers={"If-None-Match": tag})).status_code == 200

    await until(changed, "the hold is seen")


async def test_a_seat_map_is_cached_by_its_hash(server: LocalServer) -> None:
    show_id = await hall(server)
    path = f"/v1/shows/{show_id}/seatmap"
    first = await server.http.get(path, headers={"Accept-Encoding": "identity"})
    digest = first.json()["hash"]
    assert first.headers["etag"] == f'"{digest}"'
    assert "immutable" not in first.headers["cache-control"]
    assert (
        "immutable"
        in (await server.http.get(path, params={"hash": digest})).headers["cache-control"]
    )
    assert (
        "immutable"
        not in (await server.http.get(path, params={"hash": "old"})).headers["cache-control"]
    )
    for condition in (f'"{digest}"', f'W/"{digest}"'):
        assert (
            await server.http.get(path, headers={"If-None-Match": condition})
        ).status_code == 304
    zipped = await server.http.get(path, headers={"Accept-Encoding": "br, GZIP;q=0.5"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["vary"] == "Accept-Encoding"
    assert zipped.headers["etag"] == f'W/"{digest}"'
    assert zipped.content == first.content
    unzipped = await server.http.get(path, headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "content-encoding" not in unzipped.headers
    await held(server, show_id, "S-1-1")
    await current(server, show_id)
    assert (await server.http.get(path)).json()[
        "hash"
    ] == digest  # what is sold does not change the hall


async def test_seat_map_and_availability_are_had_as_bytes_and_cached_alike(
    server: LocalServer,
) -> None:
    show_id = await hall(server, grid(2, 6))
    await held(server, show_id, "S-1-2")
    await current(server, show_id)
    path = f"/v1/shows/{show_id}/seatmap.bin"
    zipped = await server.http.get(path)
    plain = await server.http.get(path, headers={"Accept-Encoding": "identity"})
    assert plain.content == zipped.content
    assert plain.content[:4] == b"FRM1"
    assert plain.headers["content-type"] == "application/octet-stream"
    assert zipped.headers["content-encoding"] == "gzip"
    tag = plain.headers["etag"]
    named = await server.http.get(path, params={"hash": tag.strip('"')})
    assert "immutable" in named.headers["cache-control"]
    assert "immutable" not in plain.headers["cache-control"]
    assert (await server.http.get(path, headers={"If-None-Match": tag})).status_code == 304
    path = f"/v1/shows/{show_id}/availability.bin"
    packed = await server.http.get(path)
    assert packed.content[:4] == b"FRA1"
    assert packed.content[24:] == bytes([0b0100, 0, 0])
    version = int.from_bytes(packed.content[8:16], "little")
    assert packed.headers["etag"] == f'"{version}"'
    again = await server.http.get(path, headers={"If-None-Match": f'"{version}"'})
    assert (again.status_code, again.content) == (304, b"")


async def test_seats_that_are_loaded_later_appear_under_a_new_hash(server: LocalServer) -> None:
    show_id = await hall(server, grid(1, 3))
    path = f"/v1/shows/{show_id}/seatmap"
    first = (await server.http.get(path)).json()
    await held(server, show_id, "S-1-1")
    assert (await server.load(show_id, grid(2, 3, "T") + "\nS,9,1,B"))["seats_loaded"] == 7

    async def grown() -> bool:
        return len(await statuses(server, show_id)) == 10

    await until(grown, "the new seats are seen")
    second = (await server.http.get(path)).json()
    assert second["hash"] != first["hash"]
    assert second["blocks"][: len(first["blocks"])] == first["blocks"]
    assert [category["name"] for category in second["categories"]] == ["A", "B"]
    seen = await statuses(server, show_id)
    assert (seen["S-1-1"], seen["T-2-3"], seen["S-9-1"]) == ("held", "available", "available")
    await held(server, show_id, "S-1-2", "T-1-1", "S-9-1")


async def test_an_empty_show_can_be_looked_at(server: LocalServer) -> None:
    show_id = await server.show()
    assert await statuses(server, show_id) == {}
    availability = (await server.http.get(f"/v1/shows/{show_id}/availability")).json()
    assert (availability["counts"], availability["blocks"]) == ({}, [])
