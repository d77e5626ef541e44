"""The event loop of the simulation: virtual time, processes that are killed, stopped and continued."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.simulation.virtual_loop import NeverEnds, Process, VirtualLoop, virtual_loop

DAY = 86_400.0


def test_time_passes_only_where_somebody_waits() -> None:
    async def main() -> None:
        await asyncio.sleep(3_600)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 10)

    with virtual_loop() as loop:
        loop.run(main(), DAY)
        assert loop.time() == 3_610


def written_by(steps: Callable[[VirtualLoop, Process], None]) -> list[str]:
    """What a process that counts its seconds writes until second 10, while `steps` happen to it."""
    written = list[str]()

    async def count() -> None:
        try:
            for second in range(5):
                written.append(f"{second} at {asyncio.get_running_loop().time():.0f}")
                await asyncio.sleep(1)
        finally:
            written.append("finally")

    async def main() -> None:
        process = Process("counter")
        loop.start(process, count())
        steps(loop, process)
        await asyncio.sleep(10)

    with virtual_loop() as loop:
        loop.run(main(), DAY)
        return list(written)


def test_a_process_runs_to_its_end() -> None:
    counted = [f"{second} at {second}" for second in range(5)]
    assert written_by(lambda loop, process: None) == [*counted, "finally"]


def test_a_killed_process_does_nothing_any_more_not_even_finally() -> None:
    def steps(loop: VirtualLoop, process: Process) -> None:
        loop.call_later(1.5, loop.kill, process)

    assert written_by(steps) == ["0 at 0", "1 at 1"]


def test_a_stopped_process_goes_on_where_it_was() -> None:
    def steps(loop: VirtualLoop, process: Process) -> None:
        loop.call_later(1.5, loop.stop, process)
        loop.call_later(4.25, loop.carry_on, process)

    assert written_by(steps)[:4] == ["0 at 0", "1 at 1", "2 at 4", "3 at 5"]


def test_children_belong_to_the_process_of_their_parents() -> None:
    reached = list[str]()

    async def child() -> None:
        await asyncio.sleep(2)
        reached.append("child")

    async def parent() -> None:
        await asyncio.gather(child(), child())

    async def main() -> None:
        process = Process("parent")
        loop.start(process, parent())
        loop.call_later(1, loop.kill, process)
        await asyncio.sleep(5)

    with virtual_loop() as loop:
        loop.run(main(), DAY)
    assert reached == []


def test_what_nobody_catches_is_known_at_the_end() -> None:
    async def fail() -> None:
        raise ValueError("nobody cares")

    async def main() -> None:
        loop.start(Process("failing"), fail())
        await asyncio.sleep(1)

    with virtual_loop() as loop:
        loop.run(main(), DAY)
        (unhandled,) = loop.unhandled()
        assert "nobody cares" in unhandled


def test_a_run_that_does_not_end_is_ended() -> None:
    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    async def spins() -> None:
        while True:
            await asyncio.sleep(0)

    async def lasts() -> None:
        await asyncio.sleep(DAY + 1)

    for endless in (waits, spins, lasts):
        with virtual_loop() as loop, pytest.raises(NeverEnds):
            loop.run(endless(), DAY)
