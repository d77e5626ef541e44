"""Work that goes on when its client has hung up."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cluster.bootstrap import Runtime
from serve_app import hold_making
from serve_app.api.hosts import _settled
from serve_app.hold_making import to_the_end
from serve_app.problems import Problem


def runtime() -> Runtime:
    return cast("Runtime", SimpleNamespace(in_flight=set[asyncio.Task[Any]]()))


async def test_a_change_of_the_hosts_is_made_to_its_end_when_the_operator_hangs_up() -> None:
    replica, goes_on, done = runtime(), asyncio.Event(), list[str]()

    async def change() -> None:
        done.append("begun")
        await goes_on.wait()
        done.append("ended")

    request = asyncio.create_task(_settled(replica, change()))
    while not done:
        await asyncio.sleep(0)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    assert request.cancelled()
    goes_on.set()
    async with asyncio.timeout(30):
        while replica.in_flight:
            await asyncio.sleep(0)
    assert done == ["begun", "ended"]


async def test_an_operator_is_heard_also_when_there_are_too_many_buyers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hold_making, "HOLDS_IN_FLIGHT_MAX", 0)

    async def work() -> None:
        return None

    with pytest.raises(Problem) as caught:
        await to_the_end(runtime(), work())
    assert caught.value.code == "too_many_requests"
    await _settled(runtime(), work())
