"""Halls, buyers and an auditor for the tests that speak HTTP to a local server."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import httpx

from actors.codec import decode_commit
from actors.domain.block import Block, Ending, Status, apply
from actors.domain.cutting import REGISTERS
from actors.domain.identity import BlockKey
from actors.placement import Placement
from cluster.bootstrap import Runtime
from tests.local_server import LocalServer

WAIT_SECONDS_MAX = 40.0
HALLS_MAX = 20
"""Of so many halls one has seats on each of two or three hosts."""

Answer = dict[str, Any]


def csv_of(*rows: tuple[str, str, Iterable[object], str]) -> str:
    """A seat file of rows: section, row, numbers, category."""
    lines = [
        f"{section},{row},{number},{category}"
        for section, row, numbers, category in rows
        for number in numbers
    ]
    return "\n".join(["section,row,seat,category", *lines])


def grid(rows: int = 5, seats: int = 10, section: str = "S") -> str:
    """`S-1-1` to `S-<rows>-<seats>`, category A."""
    return csv_of(*((section, str(row), range(1, seats + 1), "A") for row in range(1, rows + 1)))


async def hall(server: LocalServer, seats: str | None = None, **show: Any) -> str:
    """A show with seats on sale, seen by the server; its id."""
    show_id = await server.show(**show)
    job = await server.load(show_id, grid() if seats is None else seats)
    assert job["state"] == "done", job
    assert job["error_count"] == 0, job
    await server.runtime.views.view(show_id)
    await server.runtime.views.catch_up(show_id)
    return show_id


def on_every_host(placement: Placement, show_id: str, blocks: int) -> bool:
    """Whether each host has one of the show's first so many blocks with seats."""
    seated = [BlockKey(show_id, REGISTERS + number) for number in range(blocks)]
    return {placement.host_of(block) for block in seated} == set(placement.serving())


async def spread_hall(server: LocalServer, seats: str, blocks: int) -> str:
    """A hall with seats on every host: where a block is depends on the show's id, and of few all may be on one."""
    for _ in range(HALLS_MAX):
        show_id = await hall(server, seats)
        if on_every_host(server.runtime.placement(), show_id, blocks):
            return show_id
    raise AssertionError(f"none of {HALLS_MAX} halls has seats on every host")


async def hold(
    server: LocalServer, show_id: str, *seats: str, key: str | None = None, **body: Any
) -> httpx.Response:
    """Ask for seats, or for what the keywords say."""
    headers = {} if key is None else {"Idempotency-Key": key}
    asked = body or {"seats": list(seats)}
    return await server.http.post(f"/v1/shows/{show_id}/holds", json=asked, headers=headers)


async def held(
    server: LocalServer, show_id: str, *seats: str, key: str | None = None, **body: Any
) -> Answer:
    """A hold that must succeed; its answer."""
    answer = await hold(server, show_id, *seats, key=key, **body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def refused(answer: httpx.Response, status: int, code: str) -> Answer:
    """The problem, which must be this one."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    problem = answer.json()
    assert problem["code"] == code, problem
    return problem


async def until(
    condition: Callable[[], Awaitable[Any]], what: str, seconds: float = WAIT_SECONDS_MAX
) -> Any:
    """Poll until the condition gives something true; that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := await condition():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {seconds:.0f} s: {what}")


async def statuses(server: LocalServer, show_id: str) -> dict[str, str]:
    """What a client sees: seat map and packed availability put together."""
    seatmap = (await server.http.get(f"/v1/shows/{show_id}/seatmap")).json()
    availability = (await server.http.get(f"/v1/shows/{show_id}/availability")).json()
    packed = {block["block"]: block for block in availability["blocks"]}
    seen = dict[str, str]()
    for block in seatmap["blocks"]:
        bits = base64.b64decode(packed[block["block"]]["status"])
        for index, label in enumerate(labels(block)):
            seen[label] = ["available", "held", "sold", "withheld"][
                bits[index // 4] >> 2 * (index % 4) & 3
            ]
    return seen


def labels(block: Answer) -> list[str]:
    """The seat ids of a block of the seat map, in index order."""
    if "area" in block:
        return [f"{block['area']}-{block['first_unit'] + unit}" for unit in range(block["tickets"])]
    return [
        f"{block['section']}-{row['row']}-{number}"
        for row in block["rows"]
        for number in row["numbers"]
    ]


async def current(server: LocalServer, show_id: str) -> dict[str, str]:
    """`statuses` once the server's view has everything that the journal has."""
    await server.runtime.views.view(show_id)
    await server.runtime.views.catch_up(show_id)
    return await statuses(server, show_id)


async def audit(runtime: Runtime, show_id: str) -> dict[str, str]:
    """The status of every ticket, folded from the journal by nobody's cache; all holds must be whole.

    A hold that stands has all of its parts, and a part that is held belongs to a hold that stands.
    """
    blocks = await _blocks(runtime, show_id)
    seats = dict[str, str]()
    for number, block in blocks.items():
        layout = block.layout
        assert layout is not None
        seats |= {
            label: Status(block.status[n]).name.lower() for n, label in enumerate(layout.labels())
        }
        for token, record in block.holds.items():
            assert all(block.owner[ticket] == token for ticket in record.tickets)
            whole = blocks[record.primary].hold(token)
            if record.primary != number and whole is not None and whole.ending is Ending.LIVE:
                named = [part for part in whole.parts if part.block == number]
                assert [part.tickets for part in named] == [record.tickets], (number, record, whole)
            for part in record.parts:
                assert blocks[part.block].holds[token].tickets == part.tickets, (number, record)
    return seats


async def standing(runtime: Runtime, show_id: str) -> set[str]:
    """The ids of the holds that the journal has as live at their primary."""
    blocks = await _blocks(runtime, show_id)
    return {
        f"{show_id}-{number}-{token}"
        for number, block in blocks.items()
        for token, record in block.holds.items()
        if record.primary == number
    }


async def _blocks(runtime: Runtime, show_id: str) -> dict[int, Block]:
    blocks = dict[int, Block]()
    while True:
        key, block = BlockKey(show_id, len(blocks)), Block()
        if await runtime.journal.first(key) is None:
            return blocks
        async for entry in runtime.journal.read(key, 0):
            for event in decode_commit(entry.payload).events:
                apply(block, event)
        blocks[key.block] = block
