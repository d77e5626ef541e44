"""The Ray actor around a service: detached, named, restarted for ever, and niced so that buyers come first."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import ray
from ray.exceptions import RayError

from actors.metrics import SERVICE_UP
from cluster.services.service import BuildService, Supervised
from cluster.telemetry.opening import TelemetryOptions, open_telemetry
from cluster.telemetry.sampler import Sampler

NICENESS = 10
"""Services yield the CPU to hosts and replicas."""

NICENESS_OF = {"fulfilment": 19, "watch": 19}
"""These yield it to everybody: a page takes longer than a whole sale, and nobody waits for it, nor for the watch."""

SERVICE_RESOURCE = "frontrow_service"
"""The custom resource of the nodes that are meant for services: those that stay, unlike spot nodes."""

CONCURRENT_CALLS_MAX = 16
CALL_SECONDS_MAX = 5.0


class ServiceUnavailable(Exception):
    """The service's actor does not answer, or is being restarted."""


class ServiceActor:
    """A process with one service in it. `build` connects what the service needs; it runs in the actor's own loop."""

    async def __init__(self, name: str, build: BuildService, options: TelemetryOptions) -> None:
        os.nice(NICENESS_OF.get(name, NICENESS))
        meter = open_telemetry(options, name).meter
        self._supervised = Supervised(name, build, meter)
        self._supervised.start()
        self._sampler = Sampler(meter)
        self._sampler.watch(SERVICE_UP, lambda: self._supervised.service is not None, name)
        if options.metrics:
            self._sampler.start()

    async def health(self) -> dict[str, Any]:
        """The report of the service and its supervision, with the process id. Never raises."""
        return {**await self._supervised.health(), "pid": os.getpid()}

    async def call(self, operation: str) -> Any:
        """An operation of the service by its name (`rebuild`). Raises RuntimeError while it is being restarted."""
        service = self._supervised.service
        if service is None:
            raise RuntimeError(f"the {self._supervised.name} service is not running")
        return await getattr(service, operation)()

    async def stop(self) -> None:
        """End the service in order; the actor stays, idle, until it is killed."""
        await self._supervised.stop()


# Not as a decorator: its type stubs know neither asynchronous actors nor their options.
_ServiceActor: Any = ray.remote(ServiceActor)


def start_service(
    namespace: str, name: str, build: BuildService, options: TelemetryOptions, claim: float = 0
) -> Any:
    """The service's actor: the one there is, or a new one (a race has one winner).

    `claim` is how much of SERVICE_RESOURCE it takes of its node; 0 places services anywhere.
    """
    return _ServiceActor.options(
        name=f"service-{name}",
        namespace=namespace,
        lifetime="detached",
        get_if_exists=True,
        num_cpus=0,
        resources={SERVICE_RESOURCE: claim} if claim else {},
        scheduling_strategy="SPREAD",  # one node that is lost takes few services with it
        max_restarts=-1,
        max_task_retries=0,
        max_concurrency=CONCURRENT_CALLS_MAX,
    ).remote(name, build, options)


async def service_health(namespace: str, name: str) -> dict[str, Any]:
    """The health of a service by name; `running` is False with the reason when its actor does not answer."""
    try:
        actor = _actor(namespace, name)
        return await asyncio.wait_for(actor.health.remote(), CALL_SECONDS_MAX)
    except (ValueError, RayError, TimeoutError) as error:
        return {"service": name, "running": False, "last_error": type(error).__name__}


async def call_service(namespace: str, name: str, operation: str) -> Any:
    """An operation of a service by its name. Raises ServiceUnavailable."""
    try:
        actor = _actor(namespace, name)
        return await asyncio.wait_for(actor.call.remote(operation), CALL_SECONDS_MAX)
    except (ValueError, RayError, TimeoutError) as error:
        raise ServiceUnavailable(f"the {name} service does not answer") from error


def _actor(namespace: str, name: str) -> Any:
    """Raises ValueError when there is none, or no Ray in this process: asking Ray for it would start one."""
    if not ray.is_initialized():
        raise ValueError("there is no Ray in this process")
    return ray.get_actor(f"service-{name}", namespace)
