"""`POST /v1/operator/shows/{id}/preparation`: hosts, blocks and views before the first buyer; safe during a sale."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from actors.domain.identity import BlockKey
from cluster.journal.fleet import read_fleet
from tests.e2e.venue import grid
from tests.local_server import AUTH, LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def prepared(server: LocalServer, show_id: str, buyers: int = 200_000) -> dict[str, Any]:
    answer = await server.http.post(
        f"/v1/operator/shows/{show_id}/preparation", json={"buyers": buyers}, headers=AUTH
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def seated(server: LocalServer) -> str:
    show_id = await server.show()
    assert (await server.load(show_id, grid()))["state"] == "done"
    return show_id


def in_memory(server: LocalServer, show_id: str) -> set[BlockKey]:
    hosts = server.transport.hosts.values()
    return {BlockKey.parse(b) for host in hosts for b in host.report().blocks if show_id in b}


async def test_every_block_and_the_view_are_warm(server: LocalServer) -> None:
    show_id = await seated(server)
    for host in server.transport.hosts.values():  # as after a long night
        host._activations.clear()
    assert not in_memory(server, show_id)
    found = await prepared(server, show_id, 300)
    assert (found["peak"], found["hosts_planned"], found["replicas_planned"]) == (8, 1, 1)
    assert found["blocks"] == found["blocks_warm"] == len(in_memory(server, show_id)) > 4
    assert found["replicas"] == found["replicas_warm"] == 1
    assert found["kept_until"] is None  # no policy would take hosts away


async def test_hosts_are_added_for_the_rush_and_never_taken_away(server: LocalServer) -> None:
    show_id = await seated(server)
    before = len(server.runtime.placement().names())
    found = await prepared(server, show_id)
    wanted = min(4, found["blocks"] - 4)
    assert found["hosts_before"] == before
    assert found["hosts_planned"] == wanted
    assert found["hosts"] == max(before, wanted)
    assert (await prepared(server, show_id, 1))["hosts"] == max(before, wanted)
    count = await read_fleet(server.runtime.nc)
    assert count is not None
    assert count.fleet.hosts == max(before, wanted)
    answer = await server.http.put("/v1/operator/hosts", json={"hosts": before}, headers=AUTH)
    assert answer.status_code == 200


async def test_a_sale_goes_on_and_no_hold_is_changed(server: LocalServer) -> None:
    show_id = await seated(server)
    path = f"/v1/shows/{show_id}/holds"
    wish = {"best_available": {"quantity": 1}}
    first = await server.http.post(path, json=wish)
    preparing = asyncio.create_task(prepared(server, show_id))
    others = await asyncio.gather(*[server.http.post(path, json=wish) for _ in range(5)])
    await preparing
    assert [answer.status_code for answer in others] == [201] * 5
    hold = first.json()
    assert (await server.http.get(f"/v1/holds/{hold['hold_id']}")).json() == hold


@pytest.mark.parametrize(
    "body", [{}, {"buyers": 0}, {"buyers": "many"}, {"buyers": 1, "hours": 49}, {"byers": 1}]
)
async def test_a_wish_that_makes_no_sense_is_refused(server: LocalServer, body: Any) -> None:
    show_id = await server.show()
    path = f"/v1/operator/shows/{show_id}/preparation"
    answer = await server.http.post(path, json=body, headers=AUTH)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("show_id", ["s00000000000", "no-show", "x" * 300])
async def test_a_show_that_is_not_there_is_not_found(server: LocalServer, show_id: str) -> None:
    path = f"/v1/operator/shows/{show_id}/preparation"
    answer = await server.http.post(path, json={"buyers": 5}, headers=AUTH)
    assert (answer.status_code, answer.json()["code"]) == (404, "show_not_found")


async def test_only_operators_prepare(server: LocalServer) -> None:
    path = f"/v1/operator/shows/{await server.show()}/preparation"
    assert (await server.http.post(path, json={"buyers": 5})).status_code == 401
