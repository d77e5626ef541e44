"""`GET /v1/operator/shows/{show_id}`: why a show refuses, or does not answer, block by block."""

from __future__ import annotations

from typing import Any

import pytest

from actors.domain.identity import BlockKey
from tests.e2e.venue import grid, hold, refused
from tests.local_server import AUTH, LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

REGISTERS = 4
FIRST, SECOND = REGISTERS, REGISTERS + 1
PAST, FUTURE = "2020-01-01T00:00:00.000Z", "2040-01-01T00:00:00.000Z"


async def condition(server: LocalServer, show_id: str) -> dict[str, Any]:
    answer = await server.http.get(f"/v1/operator/shows/{show_id}", headers=AUTH)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def seated(server: LocalServer, **changes: Any) -> str:
    """Sections `P` (block 4) and `Q` (block 5), three seats each."""
    show_id = await server.show(**changes)
    csv = grid(1, 3, "P") + "\n" + grid(1, 3, "Q").partition("\n")[2]
    assert (await server.load(show_id, csv))["state"] == "done"
    return show_id


async def test_a_show_that_is_well_says_so_and_is_changed_in_nothing(server: LocalServer) -> None:
    show_id = await seated(server)
    before = await server.runtime.feed.last_sequence(f"journal.{show_id}.>")
    found = await condition(server, show_id)
    assert (found["sale"], found["behind"]) == ("open", False)
    assert [(one["block"], one["tickets"]) for one in found["blocks"]] == [
        *[(register, 0) for register in range(REGISTERS)],
        (FIRST, 3),
        (SECOND, 3),
    ]
    placement = server.runtime.placement()
    for one in found["blocks"]:
        assert (one["answers"], one["detail"], one["frozen"], one["pinned"]) == (
            True,
            "",
            None,
            False,
        )
        assert one["host"] == placement.host_of(BlockKey(show_id, one["block"]))
    assert await server.runtime.feed.last_sequence(f"journal.{show_id}.>") == before


@pytest.mark.parametrize(
    ("times", "sale"),
    [
        ({"sale_opens_at": FUTURE}, "not_yet"),
        ({"sale_closes_at": PAST}, "over"),
        ({"sale_opens_at": PAST, "sale_closes_at": FUTURE}, "open"),
    ],
)
async def test_the_times_of_the_sale_are_told(
    server: LocalServer, times: dict[str, str], sale: str
) -> None:
    found = await condition(server, await seated(server, **times))
    assert found["sale"] == sale
    assert {name: found[name] for name in times} == times


async def test_what_operators_have_done_is_told(server: LocalServer) -> None:
    show_id = await seated(server)
    path = f"/v1/operator/shows/{show_id}/blocks"
    why = {"frozen": True, "reason": "water", "by": "ada"}
    await server.http.put(f"{path}/{FIRST}/frozen", json=why, headers=AUTH)
    await server.http.put(f"{path}/{SECOND}/host", json={"host": "host-0"}, headers=AUTH)
    try:
        first, second = (await condition(server, show_id))["blocks"][REGISTERS:]
    finally:
        await server.http.delete(f"{path}/{SECOND}/host", headers=AUTH)
    assert first["frozen"] == {"block": FIRST, "reason": "water", "by": "ada"}
    assert (first["available"], second["available"]) == (0, 3)
    assert (first["pinned"], second["pinned"], second["host"]) == (False, True, "host-0")


async def test_a_host_that_is_away_has_its_blocks_named(server: LocalServer) -> None:
    show_id = await seated(server)
    blocks = (await condition(server, show_id))["blocks"]
    away = blocks[FIRST]["host"]
    server.transport.down.add(away)
    try:
        found = await condition(server, show_id)
    finally:
        server.transport.down.discard(away)
    silent = {one["block"] for one in found["blocks"] if not one["answers"]}
    assert silent == {one["block"] for one in blocks if one["host"] == away}
    assert found["blocks"][FIRST]["detail"] == "the host of these seats does not answer"


async def test_a_block_that_cannot_be_read_is_named_and_the_others_sell_on(
    server: LocalServer,
) -> None:
    """Something that no version of this program has written stands in the journal."""
    show_id = await seated(server)
    await server.runtime.nc.jetstream().publish(f"journal.{show_id}.{FIRST}", b"not a commit")
    found = await condition(server, show_id)
    assert [one["block"] for one in found["blocks"] if not one["answers"]] == [FIRST]
    assert found["blocks"][FIRST]["detail"] == "the block could not be read or decided"
    assert found["blocks"][FIRST]["frozen"]["reason"] == "a commit of it cannot be read"
    assert found["behind"] is False, "the other blocks' numbers are as new as ever"
    refused(await hold(server, show_id, "P-1-1"), 503, "unavailable")
    assert (await hold(server, show_id, "Q-1-1")).status_code == 201
    best = await hold(server, show_id, best_available={"quantity": 2})
    assert best.json()["seats"] == ["Q-1-2", "Q-1-3"], "it goes round"
    counts = (await server.http.get(f"/v1/shows/{show_id}/availability")).json()["counts"]["A"]
    assert counts == {"available": 0, "held": 3, "sold": 0, "withheld": 3}


@pytest.mark.parametrize("show_id", ["s00000000000", "no-show", "x" * 300])
async def test_a_show_that_is_not_there_is_not_found(server: LocalServer, show_id: str) -> None:
    answer = await server.http.get(f"/v1/operator/shows/{show_id}", headers=AUTH)
    assert (answer.status_code, answer.json()["code"]) == (404, "show_not_found")


async def test_only_operators_look(server: LocalServer) -> None:
    answer = await server.http.get(f"/v1/operator/shows/{await server.show()}")
    assert answer.status_code == 401
