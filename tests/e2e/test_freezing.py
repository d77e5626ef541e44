"""Blocks are frozen and thawed over HTTP while the server serves."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.e2e.venue import audit, current, grid, hall, held, hold, refused
from tests.local_server import AUTH, LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

REGISTERS = 4


async def set_frozen(
    server: LocalServer, show_id: str, block: int, frozen: bool, **changes: Any
) -> httpx.Response:
    body = {"frozen": frozen, "reason": "water in the hall", "by": "ada", **changes}
    path = f"/v1/operator/shows/{show_id}/blocks/{block}/frozen"
    return await server.http.put(path, json=body, headers=AUTH)


async def two_sections(server: LocalServer) -> str:
    """`P` is block 4 and `Q` block 5, three seats in a row each."""
    return await hall(server, grid(1, 3, "P") + "\n" + grid(1, 3, "Q").partition("\n")[2])


async def test_a_frozen_block_grants_nothing_until_it_is_thawed(server: LocalServer) -> None:
    show_id = await two_sections(server)
    before = await held(server, show_id, "P-1-1")
    answer = await set_frozen(server, show_id, REGISTERS, True)
    assert answer.json() == {
        "show_id": show_id,
        "block": REGISTERS,
        "frozen": True,
        "changed": True,
    }
    assert not (await set_frozen(server, show_id, REGISTERS, True)).json()["changed"]
    problem = refused(await hold(server, show_id, "P-1-1", "P-1-2"), 409, "block_frozen")
    assert {one["seat"]: one["reason"] for one in problem["conflicts"]} == {
        "P-1-1": "held",
        "P-1-2": "withheld",
    }
    shared = refused(await hold(server, show_id, "P-1-2", "Q-1-1"), 409, "block_frozen")
    assert shared["conflicts"] == [{"seat": "P-1-2", "reason": "withheld"}]
    best = await hold(server, show_id, best_available={"quantity": 3})
    assert best.json()["seats"] == ["Q-1-1", "Q-1-2", "Q-1-3"], "it goes round"
    none_left = await hold(server, show_id, best_available={"quantity": 1})
    refused(none_left, 409, "no_adjacent_seats")
    counts = (await server.http.get(f"/v1/shows/{show_id}/availability")).json()["counts"]
    assert counts["A"] == {"available": 0, "held": 4, "sold": 0, "withheld": 2}
    path = f"/v1/holds/{before['hold_id']}"
    assert (await server.http.post(f"{path}/extend")).status_code == 200
    assert (await server.http.delete(path)).status_code == 204
    refused(await hold(server, show_id, "P-1-1"), 409, "block_frozen")
    assert (await set_frozen(server, show_id, REGISTERS, False)).json()["changed"]
    await held(server, show_id, "P-1-1", "P-1-2")
    assert await audit(server.runtime, show_id) == await current(server, show_id)


async def test_an_area_s_frozen_pool_is_gone_round(server: LocalServer) -> None:
    floor = [{"area": "Floor", "category": "A", "capacity": 3_000}]
    show_id = await server.show(areas=floor, max_per_order=4)
    wish: dict[str, Any] = {"areas": [{"area": "Floor", "quantity": 2}]}
    await set_frozen(server, show_id, REGISTERS, True)
    for _ in range(6):
        assert (await hold(server, show_id, **wish)).status_code == 201
    await set_frozen(server, show_id, REGISTERS + 1, True)
    problem = refused(await hold(server, show_id, **wish), 409, "seats_unavailable")
    assert [one["seat"] for one in problem["conflicts"]] == ["Floor"]


async def test_what_cannot_be_frozen_is_refused(server: LocalServer) -> None:
    show_id = await two_sections(server)
    refused(await set_frozen(server, show_id, 0, True), 422, "invalid_tickets")
    refused(await set_frozen(server, show_id, 77, True), 404, "block_not_open")
    refused(await set_frozen(server, "nowhere", 4, True), 404, "show_not_found")
    refused(await set_frozen(server, show_id, 4, True, reason=" "), 422, "invalid_request")
    refused(await set_frozen(server, show_id, 4, True, reason="x" * 201), 422, "invalid_request")
    refused(await set_frozen(server, show_id, 4, True, because="x"), 422, "invalid_request")
    path = f"/v1/operator/shows/{show_id}/blocks/4/frozen"
    refused(await server.http.put(path, json={"frozen": True}), 401, "unauthenticated")
