"""With which options the actors of the services are made, and for which settings."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import ray

from cluster import starting
from cluster.service_processes import build_payment, services
from cluster.services import service_actor
from cluster.services.service_actor import (
    SERVICE_RESOURCE,
    ServiceUnavailable,
    call_service,
    service_health,
    start_service,
)
from cluster.settings import Settings
from cluster.telemetry.opening import UNHEARD


class Actors:
    """In the place of Ray's class: remembers what was asked for."""

    def __init__(self) -> None:
        self.options_given = list[dict[str, Any]]()

    def options(self, **options: Any) -> Actors:
        self.options_given.append(options)
        return self

    def remote(self, *_: Any) -> None: ...


@pytest.fixture
def actors(monkeypatch: pytest.MonkeyPatch) -> Actors:
    made = Actors()
    monkeypatch.setattr(service_actor, "_ServiceActor", made)
    return made


def started(actors: Actors, claim: float) -> dict[str, Any]:
    start_service("frontrow", "payment", build_payment, UNHEARD, claim)
    return actors.options_given[-1]


def test_a_service_claims_a_place_among_those_that_stay(actors: Actors) -> None:
    options = started(actors, 1)
    assert options["resources"] == {SERVICE_RESOURCE: 1}
    assert options["scheduling_strategy"] == "SPREAD"
    assert options["num_cpus"] == 0


def test_without_a_claim_it_goes_to_any_node(actors: Actors) -> None:
    assert started(actors, 0)["resources"] == {}


def test_it_outlives_who_starts_it_and_is_restarted_for_ever(actors: Actors) -> None:
    options = started(actors, 1)
    assert (options["lifetime"], options["max_restarts"]) == ("detached", -1)
    assert (options["name"], options["get_if_exists"]) == ("service-payment", True)


@pytest.mark.parametrize(("claim", "claimed"), [(0, {}), (2, {SERVICE_RESOURCE: 2})])
async def test_every_service_claims_what_the_settings_say(
    actors: Actors, monkeypatch: pytest.MonkeyPatch, claim: float, claimed: dict[str, float]
) -> None:
    async def nothing(*_: Any) -> list[Any]:
        return []

    async def connected(*_: Any) -> Any:
        placement = SimpleNamespace(names=list[str])
        transport = SimpleNamespace(reports=nothing)
        return SimpleNamespace(placement=lambda: placement, transport=transport, close=nothing)

    monkeypatch.setattr(starting, "connect", connected)
    settings = Settings(hosts_max=3, metrics_port=8080, service_resource=claim)
    await starting._start_actors(settings)
    assert len(actors.options_given) == len(services(settings)) == 7
    assert all(options["resources"] == claimed for options in actors.options_given)


async def test_whoever_asks_for_a_service_without_ray_starts_none() -> None:
    assert not ray.is_initialized()
    report = await service_health("frontrow", "payment")
    assert (report["service"], report["running"]) == ("payment", False)
    with pytest.raises(ServiceUnavailable):
        await call_service("frontrow", "projection", "rebuild")
    assert not ray.is_initialized()
