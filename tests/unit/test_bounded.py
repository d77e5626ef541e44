"""Checks side by side: what hangs, or fails, is a finding of its own and keeps no other one waiting."""

from __future__ import annotations

import asyncio

import pytest

from actors.journal import JournalUnavailable
from cluster.operate.bounded import bounded, in_thread, side_by_side
from cluster.operate.check import Check, State
from cluster.operate.command import CommandError
from cluster.store.mongo import StoreUnavailable

FINE = Check("fine", State.OK, "well")


async def fine() -> list[Check]:
    return [FINE]


async def hangs() -> list[Check]:
    await asyncio.Event().wait()
    return []


async def test_what_hangs_is_named_with_its_limit_and_the_others_are_told() -> None:
    asked = [
        bounded("stuck", hangs(), 0.05),
        bounded("fine", fine()),
        bounded("too", hangs(), 0.05),
    ]
    async with asyncio.timeout(5):
        found = await side_by_side(asked)
    assert [check.name for check in found] == ["stuck", "fine", "too"], "in the order given"
    assert found[0] == Check("stuck", State.FAILED, "no answer in 0 s")
    assert found[1] is FINE


@pytest.mark.parametrize(
    "error", [JournalUnavailable("away"), StoreUnavailable("away"), CommandError("away")]
)
async def test_what_is_expected_to_go_wrong_is_a_finding(error: Exception) -> None:
    async def fails() -> list[Check]:
        raise error

    assert await bounded("part", fails()) == [Check("part", State.FAILED, "away")]


async def test_a_look_in_a_thread_fails_for_itself() -> None:
    def look(number: int) -> list[Check]:
        if number:
            raise CommandError("no answer from it")
        return [FINE]

    assert await in_thread("look", look, 0) == [FINE]
    assert await in_thread("look", look, 1) == [Check("look", State.FAILED, "no answer from it")]


async def test_threads_do_not_wait_for_one_another() -> None:
    met = asyncio.Event()
    loop = asyncio.get_running_loop()

    def first(_: int) -> list[Check]:
        asyncio.run_coroutine_threadsafe(met.wait(), loop).result(5)
        return [FINE]

    def second(_: int) -> list[Check]:
        loop.call_soon_threadsafe(met.set)
        return [FINE]

    assert await side_by_side([in_thread("a", first, 0), in_thread("b", second, 0)]) == [FINE, FINE]
