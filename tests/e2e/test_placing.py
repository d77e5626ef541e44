"""Hosts are drained and taken back, blocks are moved, while the server serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from actors.domain.cutting import REGISTERS
from actors.domain.identity import BlockKey
from actors.fleet import shared_host
from cluster import directory
from cluster.journal import fleet as fleet_fact
from tests.e2e.venue import HALLS_MAX, grid, hall, held, refused, spread_hall, until
from tests.local_server import AUTH, LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTS = "/v1/operator/hosts"
SECTIONS = [f"P{n}" for n in range(6)]


@pytest_asyncio.fixture(loop_scope="session")
async def fleet(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalServer]:
    """The server, whose fleet is as before afterwards: for the server itself too, whatever test comes next."""
    monkeypatch.setattr(directory, "RETIRE_SECONDS", 0.05)
    before = server.runtime.placement().fleet
    try:
        yield server
    finally:
        fact = await fleet_fact.read_fleet(server.runtime.nc)
        assert fact is not None
        await fleet_fact.write_fleet(server.runtime.nc, before, fact.revision)

        async def seen() -> bool:
            return server.runtime.placement().fleet == before

        await until(seen, "the server works with its fleet of before")


def seats() -> str:
    first, *others = [grid(1, 4, section) for section in SECTIONS]
    return "\n".join([first, *(other.partition("\n")[2] for other in others)])


async def venue(server: LocalServer) -> str:
    return await hall(server, seats())


async def put(server: LocalServer, path: str, body: dict[str, Any]) -> httpx.Response:
    return await server.http.put(path, json=body, headers=AUTH)


async def drained(server: LocalServer, host: str, wanted: bool = True) -> dict[str, Any]:
    answer = await put(server, f"{HOSTS}/{host}", {"drained": wanted})
    assert answer.status_code == 200, answer.text
    return {item["name"]: item for item in answer.json()["items"]}[host]


async def moved(server: LocalServer, show_id: str, block: int, host: str | None) -> dict[str, Any]:
    path = f"/v1/operator/shows/{show_id}/blocks/{block}/host"
    answer = (
        await put(server, path, {"host": host})
        if host
        else await server.http.delete(path, headers=AUTH)
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def active(server: LocalServer, host: str) -> set[str]:
    return set(server.transport.host(host).report().blocks)


async def test_a_drained_host_is_idle_and_its_seats_are_sold_elsewhere(fleet: LocalServer) -> None:
    show_id = await spread_hall(fleet, seats(), len(SECTIONS))
    before = [await held(fleet, show_id, f"{section}-1-1") for section in SECTIONS]
    assert active(fleet, "host-1")
    state = await drained(fleet, "host-1")
    assert (state["drained"], state["activations"], state["answers"]) == (True, 0, True)
    for section in SECTIONS:
        await held(fleet, show_id, f"{section}-1-2")
    for hold in before:
        assert (await fleet.http.get(f"/v1/holds/{hold['hold_id']}")).status_code == 200
    assert not active(fleet, "host-1")
    assert (await drained(fleet, "host-1"))["drained"], "again is no change"
    assert not (await drained(fleet, "host-1", wanted=False))["drained"]
    for section in SECTIONS:
        await held(fleet, show_id, f"{section}-1-3")
    assert active(fleet, "host-1")


async def test_a_block_is_moved_stays_there_and_goes_back(fleet: LocalServer) -> None:
    show_id = await venue(fleet)
    key = BlockKey(show_id, REGISTERS)
    await held(fleet, show_id, f"{SECTIONS[0]}-1-1")
    before = fleet.runtime.placement().host_of(key)
    other = "host-1" if before == "host-0" else "host-0"
    assert await moved(fleet, show_id, REGISTERS, other) == {
        "show_id": show_id,
        "block": REGISTERS,
        "host": other,
        "pinned": True,
    }
    assert str(key) not in active(fleet, before)
    await held(fleet, show_id, f"{SECTIONS[0]}-1-2")
    assert str(key) in active(fleet, other)
    listed = (await fleet.http.get(HOSTS, headers=AUTH)).json()
    assert {"show_id": show_id, "block": REGISTERS, "host": other} in listed["pinned"]
    assert {item["name"]: item["pinned"] for item in listed["items"]}[other] == 1
    assert (await moved(fleet, show_id, REGISTERS, None))["host"] == before
    await held(fleet, show_id, f"{SECTIONS[0]}-1-3")
    assert str(key) not in active(fleet, other)


async def test_what_cannot_be_placed_is_refused_with_a_reason(fleet: LocalServer) -> None:
    show_id = await venue(fleet)
    place = f"/v1/operator/shows/{show_id}/blocks"
    refused(await put(fleet, f"{HOSTS}/host-7", {"drained": True}), 404, "host_not_found")
    refused(await put(fleet, f"{HOSTS}/host-7", {"drained": False}), 404, "host_not_found")
    refused(await put(fleet, f"{place}/4/host", {"host": "host-7"}), 404, "host_not_found")
    refused(await put(fleet, f"{place}/99/host", {"host": "host-0"}), 404, "block_not_open")
    refused(await put(fleet, f"{place}/-1/host", {"host": "host-0"}), 404, "block_not_open")
    refused(await put(fleet, f"{place}/x/host", {"host": "host-0"}), 422, "invalid_request")
    nowhere = "/v1/operator/shows/nowhere/blocks/4/host"
    refused(await put(fleet, nowhere, {"host": "host-0"}), 404, "show_not_found")
    await drained(fleet, "host-1")
    refused(await put(fleet, f"{HOSTS}/host-0", {"drained": True}), 409, "no_host_left")
    refused(await put(fleet, f"{place}/4/host", {"host": "host-1"}), 409, "host_drained")
    await drained(fleet, "host-1", wanted=False)
    await moved(fleet, show_id, 4, "host-1")
    problem = refused(await put(fleet, HOSTS, {"hosts": 1}), 409, "host_pinned")
    assert f"{show_id}.4" in problem["detail"]
    refused(await fleet.http.put(f"{HOSTS}/host-1", json={"drained": True}), 401, "unauthenticated")


async def test_a_host_that_does_not_answer_is_not_taken_back(
    fleet: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "SPAWN_SECONDS_MAX", 0.1)
    monkeypatch.setattr(directory, "SILENT_SECONDS_MAX", 0.1)
    fleet.transport.down.add("host-1")
    try:
        problem = refused(
            await put(fleet, f"{HOSTS}/host-1", {"drained": True}), 503, "unavailable"
        )
        assert problem["detail"].startswith("host-1 does not answer")
        assert fleet.runtime.placement().fleet.drained == {1}, "nothing new goes there"
        assert (await fleet.http.get("/readyz")).status_code == 200, "all blocks are elsewhere"
        refused(await put(fleet, f"{HOSTS}/host-1", {"drained": False}), 503, "unavailable")
        assert fleet.runtime.placement().fleet.drained == {1}
    finally:
        fleet.transport.down.clear()
    assert not (await drained(fleet, "host-1", wanted=False))["drained"]


async def test_a_host_that_does_not_answer_is_restarted_and_no_hold_is_lost(
    fleet: LocalServer,
) -> None:
    show_id = await venue(fleet)
    before = [await held(fleet, show_id, f"{section}-1-1") for section in SECTIONS]
    fleet.transport.down.add("host-1")
    answer = await fleet.http.post(f"{HOSTS}/host-1/restart", headers=AUTH)
    assert answer.status_code == 200, answer.text
    assert all(item["answers"] for item in answer.json()["items"])
    for hold in before:
        assert (await fleet.http.get(f"/v1/holds/{hold['hold_id']}")).status_code == 200
    assert (await fleet.http.post(f"{HOSTS}/host-1/restart", headers=AUTH)).status_code == 200
    unknown = await fleet.http.post(f"{HOSTS}/host-7/restart", headers=AUTH)
    refused(unknown, 404, "host_not_found")
    refused(await fleet.http.post(f"{HOSTS}/host-1/restart"), 401, "unauthenticated")


async def test_of_two_changes_at_once_one_is_told_to_come_back(
    fleet: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = await fleet_fact.read_fleet(fleet.runtime.nc)

    async def read_before(_: object) -> fleet_fact.FleetFact | None:
        return stale

    await drained(fleet, "host-1")
    monkeypatch.setattr(directory, "read_fleet", read_before)
    refused(await put(fleet, f"{HOSTS}/host-0", {"drained": True}), 503, "unavailable")


async def scaled(server: LocalServer, hosts: int) -> int:
    return (await put(server, HOSTS, {"hosts": hosts})).status_code


async def test_a_host_that_came_late_is_used_when_asked_for_again(
    fleet: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "SPAWN_SECONDS_MAX", 0.3)
    before = fleet.runtime.placement().fleet.hosts
    late = shared_host(before)
    fleet.transport.down.add(late)
    assert await scaled(fleet, before + 1) == 503
    assert fleet.runtime.placement().fleet.hosts == before
    host = fleet.transport.hosts[late]
    fleet.transport.down.remove(late)
    assert await scaled(fleet, before + 1) == 200
    assert fleet.transport.hosts[late] is host, "it is not started again"
    assert await scaled(fleet, before) == 200
    assert late not in fleet.transport.hosts


async def test_a_host_that_came_too_late_goes_when_it_is_not_asked_for(
    fleet: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "SPAWN_SECONDS_MAX", 0.3)
    before = fleet.runtime.placement().fleet.hosts
    late = shared_host(before)
    fleet.transport.down.add(late)
    assert await scaled(fleet, before + 1) == 503
    assert late in fleet.transport.hosts
    assert await scaled(fleet, before) == 200, "it is silent, and is not waited for"
    assert late not in fleet.transport.hosts
    fleet.transport.down.remove(late)


async def test_a_host_that_goes_has_put_its_blocks_away(fleet: LocalServer) -> None:
    before = fleet.runtime.placement().fleet.hosts
    assert await scaled(fleet, before + 1) == 200
    last = fleet.transport.host(shared_host(before))
    for _ in range(HALLS_MAX):
        show_id = await venue(fleet)
        for section in SECTIONS:
            await held(fleet, show_id, f"{section}-1-1")
        if last.report().activations:
            break
    assert last.report().activations
    assert await scaled(fleet, before) == 200
    assert last.report().activations == 0
