"""The operators' side: the ticket hosts, and how many there are."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from actors.placement import HOSTS_MAX
from cluster.journal.facts import HostCountConflict
from cluster.service_processes import services as services_of
from cluster.services.service_actor import ServiceUnavailable, call_service, service_health
from serve_app.auth import require_admin
from serve_app.bodies import json_body
from serve_app.openapi import json_request, problems
from serve_app.problems import Problem, unavailable
from serve_app.runtime import runtime_of

router = APIRouter(prefix="/v1/operator", tags=["operators"], dependencies=[Depends(require_admin)])


class HostCount(BaseModel):
    model_config = ConfigDict(extra="forbid")

    hosts: Annotated[int, Field(strict=True, ge=1, le=HOSTS_MAX)]


class HostState(BaseModel):
    """A host as it is now; only `name` when it does not answer."""

    name: str
    answers: bool
    pid: int | None = None
    activations: int | None = None
    tickets: int | None = None
    depth: int | None = None
    mailbox_max: int | None = None
    calls: int | None = None
    commands: int | None = None
    blocks: list[str] = []


class Hosts(BaseModel):
    hosts: int
    dedicated: bool
    items: list[HostState]


@router.get("/hosts", operation_id="listHosts", responses=problems(401, 403))
async def hosts(request: Request) -> Hosts:
    """The ticket hosts: what they hold and how busy they are."""
    runtime = runtime_of(request)
    placement = runtime.placement()
    names = placement.names()
    reports = await runtime.transport.reports(names)
    items = [
        HostState(name=name, answers=False) if report is None else _state(report)
        for name, report in zip(names, reports, strict=True)
    ]
    return Hosts(hosts=len(names), dedicated=placement.dedicated, items=items)


def _state(report: dict[str, Any]) -> HostState:
    return HostState(answers=True, **report)


@router.put(
    "/hosts",
    operation_id="scaleHosts",
    responses=problems(401, 403, 413, 415, 422, 503),
    openapi_extra=json_request(HostCount),
)
async def scale(
    request: Request, body: Annotated[HostCount, Depends(json_body(HostCount))]
) -> Hosts:
    """Change the number of hosts while selling goes on: blocks move, nothing is lost or sold twice."""
    runtime = runtime_of(request)
    if runtime.placement().dedicated:
        raise Problem("invalid_request", "every ticket has a host of its own here")
    try:
        await runtime.scale(body.hosts)
    except TimeoutError as error:
        raise unavailable("the new hosts do not answer yet") from error
    except HostCountConflict as error:
        raise unavailable("another change of the hosts is under way") from error
    return await hosts(request)


class Rebuilding(BaseModel):
    """`sequence`: the read model is new once its checkpoint has reached it."""

    sequence: int


class ServiceState(BaseModel):
    """A service's own report; what else it tells depends on the service."""

    model_config = ConfigDict(extra="allow")

    service: str
    running: bool
    last_error: str = ""


@router.post(
    "/rebuild",
    status_code=202,
    operation_id="rebuildReadModel",
    responses=problems(401, 403, 503),
)
async def rebuild(request: Request) -> Rebuilding:
    """Drop the tickets read model and project it anew from the journal; selling goes on."""
    try:
        sequence = await call_service(
            runtime_of(request).settings.ray_namespace, "projection", "rebuild"
        )
    except ServiceUnavailable as error:
        raise unavailable(str(error)) from error
    return Rebuilding(sequence=sequence)


@router.get("/services", operation_id="listServices", responses=problems(401, 403))
async def services(request: Request) -> list[ServiceState]:
    """The long-running services: whether they run, and how far behind they are."""
    settings = runtime_of(request).settings
    namespace, names = settings.ray_namespace, services_of(settings)
    reports = await asyncio.gather(*[service_health(namespace, name) for name in names])
    return [ServiceState(**report) for report in reports]
