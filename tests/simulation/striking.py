"""How disasters strike: at once or at some await, for a while or for good. `Machine.struck` counts those that had an
effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulation.network import NOBODY
from tests.simulation.plan import Disaster
from tests.simulation.virtual_loop import Process

if TYPE_CHECKING:
    from tests.simulation.sale import Sale

FUSE_CALLBACKS = 60


def note(sale: Sale, disaster: Disaster, what: str) -> None:
    sale.machine.struck[disaster.kind] += 1
    sale.machine.note(what)


def later(sale: Sale, seconds: float, end: Callable[[], None]) -> None:
    sale.machine.loop.call_later(seconds, end, context=NOBODY)


def burn(sale: Sale, process: Process, disaster: Disaster, die: Callable[[], None]) -> None:
    """It dies now, or so many callbacks later: at an await that takes no time at all."""

    def kill() -> None:
        note(sale, disaster, f"{process.name} is killed")
        die()

    process.on_death = kill
    process.fuse = int(disaster.amount * FUSE_CALLBACKS)
    if process.fuse == 0:
        kill()


def stop(sale: Sale, disaster: Disaster, process: Process, seconds: float) -> None:
    note(sale, disaster, f"{process.name} is stopped for {seconds} s")
    sale.machine.loop.stop(process)

    def carry_on() -> None:
        if process.alive:
            sale.machine.note(f"{process.name} carries on")
            sale.machine.loop.carry_on(process)

    later(sale, seconds, carry_on)


def for_a_while(sale: Sale, disaster: Disaster, thing: object, state: str, what: str) -> None:
    """A state of a thing is true as long as the disaster lasts."""
    setattr(thing, state, True)
    note(sale, disaster, f"{what} for {disaster.seconds} s")
    later(sale, disaster.seconds, lambda: setattr(thing, state, False))
