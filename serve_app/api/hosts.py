"""The operators' side of the ticket hosts: how they are, how many there are, and what is placed on them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from actors.domain.identity import SHOW_ID_PATTERN, BlockKey
from actors.domain.rejections import Code
from actors.fleet import HOSTS_MAX, FleetRefusal, shared_host
from cluster.bootstrap import Runtime
from cluster.journal.fact import FactConflict
from cluster.store.show import BLOCKS_MAX
from serve_app.auth import require_admin
from serve_app.bodies import json_body
from serve_app.in_flight import undisturbed
from serve_app.openapi import json_request, problems
from serve_app.problems import Problem, unavailable
from serve_app.runtime import runtime_of

router = APIRouter(prefix="/v1/operator", tags=["operators"], dependencies=[Depends(require_admin)])

CHANGE_PROBLEMS = problems(401, 403, 404, 409, 413, 415, 422, 503)


class HostCount(BaseModel):
    model_config = ConfigDict(extra="forbid")

    hosts: Annotated[int, Field(strict=True, ge=1, le=HOSTS_MAX)]


class HostChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    drained: Annotated[bool, Field(strict=True)]


class BlockPlace(BaseModel):
    model_config = ConfigDict(extra="forbid")

    host: Annotated[str, Field(min_length=1, max_length=64)]


class HostState(BaseModel):
    """A host as it is now; only `name`, `drained` and `pinned` when it does not answer.

    `activations` are blocks in memory, `depth` commands that wait; `p50_ms` and `p99_ms` are of recent commits, null
    before there is one; `memory` is the process's RSS in bytes; `pinned` counts the blocks that were moved here; `now`
    is its own clock, by which deadlines are decided, ms since the epoch.
    """

    name: str
    answers: bool
    drained: bool
    pinned: int
    pid: int | None = None
    node: str | None = None
    node_id: str | None = None
    memory: int | None = None
    activations: int | None = None
    tickets: int | None = None
    depth: int | None = None
    mailbox_max: int | None = None
    calls: int | None = None
    commands: int | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    blocks: list[str] = []
    now: int | None = None


class Pin(BaseModel):
    """A block that was moved to a host. While that is drained, the block is elsewhere."""

    show_id: str
    block: int
    host: str


class Hosts(BaseModel):
    hosts: int
    dedicated: bool
    items: list[HostState]
    pinned: list[Pin]


class BlockPlaced(BaseModel):
    """Where a block is placed now. `pinned`: because it was moved there."""

    show_id: str
    block: int
    host: str
    pinned: bool


@router.get("/hosts", operation_id="listHosts", responses=problems(401, 403))
async def hosts(request: Request) -> Hosts:
    """The ticket hosts: what they hold and how busy they are."""
    runtime = runtime_of(request)
    placement = runtime.placement()
    fleet, names = placement.fleet, placement.names()
    reports = await runtime.transport.reports(names)
    pinned = list(fleet.pinned.values())
    items = [
        HostState(
            **{"name": name, **(report or {})},
            answers=report is not None,
            drained=ordinal in fleet.drained,
            pinned=pinned.count(ordinal),
        )
        for ordinal, (name, report) in enumerate(zip(names, reports, strict=True))
    ]
    pins = [
        Pin(show_id=key.show_id, block=key.block, host=shared_host(host))
        for key, host in sorted(fleet.pinned.items())
    ]
    return Hosts(hosts=len(names), dedicated=placement.dedicated, items=items, pinned=pins)


@router.put(
    "/hosts",
    operation_id="scaleHosts",
    responses=problems(401, 403, 409, 413, 415, 422, 503),
    openapi_extra=json_request(HostCount),
)
async def scale(
    request: Request, body: Annotated[HostCount, Depends(json_body(HostCount))]
) -> Hosts:
    """Change the number of hosts while selling goes on: blocks move, nothing is lost or sold twice."""
    runtime = _shared(request)
    await _settled(runtime, runtime.scale(body.hosts))
    return await hosts(request)


@router.put(
    "/hosts/{host}",
    operation_id="drainHost",
    responses=CHANGE_PROBLEMS,
    openapi_extra=json_request(HostChange),
)
async def drain(
    request: Request, host: str, body: Annotated[HostChange, Depends(json_body(HostChange))]
) -> Hosts:
    """Drain a host, or take it back: when this answers, a drained host has no blocks left."""
    runtime = _shared(request)
    await _settled(runtime, runtime.drain(host, body.drained))
    return await hosts(request)


@router.post(
    "/hosts/{host}/restart", operation_id="restartHost", responses=problems(401, 403, 404, 422, 503)
)
async def restart(request: Request, host: str) -> Hosts:
    """End a host's process, however it hangs, and answer when the one that follows does. No hold is lost."""
    runtime = _shared(request)
    await _settled(runtime, runtime.restart(host))
    return await hosts(request)


@router.put(
    "/shows/{show_id}/blocks/{block}/host",
    operation_id="moveBlock",
    responses=CHANGE_PROBLEMS,
    openapi_extra=json_request(BlockPlace),
)
async def move(
    request: Request,
    show_id: str,
    block: int,
    body: Annotated[BlockPlace, Depends(json_body(BlockPlace))],
) -> BlockPlaced:
    """Place a block on this host from now on."""
    return await _move(request, show_id, block, body.host)


@router.delete(
    "/shows/{show_id}/blocks/{block}/host",
    operation_id="moveBlockBack",
    responses=problems(401, 403, 404, 422, 503),
)
async def move_back(request: Request, show_id: str, block: int) -> BlockPlaced:
    """Place a block as all others are."""
    return await _move(request, show_id, block, None)


async def _move(request: Request, show_id: str, block: int, host: str | None) -> BlockPlaced:
    runtime = _shared(request)
    key = await open_block(runtime, show_id, block)
    await _settled(runtime, runtime.move(key, host))
    placement = runtime.placement()
    return BlockPlaced(
        show_id=show_id, block=block, host=placement.host_of(key), pinned=placement.pinned(key)
    )


async def open_block(runtime: Runtime, show_id: str, block: int) -> BlockKey:
    """The key of a block that the journal has; otherwise 404."""
    if SHOW_ID_PATTERN.match(show_id) is None:
        raise Problem("show_not_found")
    key = BlockKey(show_id, block)
    if not 0 <= block <= BLOCKS_MAX or not await runtime.journal.last_sequence(key):
        raise Problem(Code.BLOCK_NOT_OPEN.value, f"the journal has no block {block} of {show_id}")
    return key


def _shared(request: Request) -> Runtime:
    runtime = runtime_of(request)
    if runtime.placement().dedicated:
        raise Problem("invalid_request", "every ticket has a host of its own here")
    return runtime


async def _settled(runtime: Runtime, change: Coroutine[Any, Any, FleetRefusal | None]) -> None:
    """Waits for a change of the fleet; what stands in its way is a problem. Half a change would leave hosts that nobody
    ends, so it is made also when the operator hangs up."""
    try:
        refusal = await undisturbed(runtime, change)
    except TimeoutError as error:
        raise unavailable(str(error) or "this change takes too long: ask again") from error
    except FactConflict as error:
        raise unavailable("another change of the hosts is under way") from error
    if refusal is not None:
        raise Problem(refusal.code.value, refusal.detail)
