"""The operators' side of the services."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from cluster.service_processes import services as services_of
from cluster.services.service_actor import ServiceUnavailable, call_service, service_health
from serve_app.auth import require_admin
from serve_app.openapi import problems
from serve_app.problems import unavailable
from serve_app.runtime import runtime_of

router = APIRouter(prefix="/v1/operator", tags=["operators"], dependencies=[Depends(require_admin)])


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
