"""The disasters of a plan, as they strike and as they end. `Machine.struck` counts those that had an effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cluster.journal.memory_stream import Answer, Fate
from tests.simulation.network import NOBODY
from tests.simulation.plan import Disaster
from tests.simulation.virtual_loop import Process

if TYPE_CHECKING:
    from tests.simulation.sale import Sale

JUMPS_MS = (1_000, 5_000, 60_000, 300_000)
RESTART_SECONDS = 0.8
FUSE_CALLBACKS = 60


def strike(sale: Sale, disaster: Disaster) -> None:
    _STRIKES[disaster.kind](sale, disaster)


def _note(sale: Sale, disaster: Disaster, what: str) -> None:
    sale.machine.struck[disaster.kind] += 1
    sale.machine.note(what)


def _later(sale: Sale, seconds: float, end: Callable[[], None]) -> None:
    sale.machine.loop.call_later(seconds, end, context=NOBODY)


def _kill_host(sale: Sale, disaster: Disaster) -> None:
    if lives := sale.ray.lives():
        life = lives[disaster.target % len(lives)]
        _light(sale, life.process, disaster, lambda: sale.ray.kill(life))


def _light(sale: Sale, process: Process, disaster: Disaster, die: Callable[[], None]) -> None:
    """Now, or so many callbacks later: at an await that takes no time at all."""

    def kill() -> None:
        _note(sale, disaster, f"{process.name} is killed")
        die()

    process.on_death = kill
    process.fuse = int(disaster.amount * FUSE_CALLBACKS)
    if process.fuse == 0:
        kill()


def _stop_host(sale: Sale, disaster: Disaster) -> None:
    """SIGSTOP, perhaps for so long that Ray replaces it; then SIGCONT."""
    lives = [life for life in sale.ray.lives() if life.process.running]
    if lives:
        life = lives[disaster.target % len(lives)]
        _stop(sale, disaster, life.process, disaster.seconds)
        if disaster.amount < 0.6:
            _later(sale, disaster.seconds * disaster.amount, lambda: sale.ray.replace(life))


def _stop(sale: Sale, disaster: Disaster, process: Process, seconds: float) -> None:
    _note(sale, disaster, f"{process.name} is stopped for {seconds} s")
    sale.machine.loop.stop(process)

    def carry_on() -> None:
        if process.alive:
            sale.machine.note(f"{process.name} carries on")
            sale.machine.loop.carry_on(process)

    _later(sale, seconds, carry_on)


def _replace_host(sale: Sale, disaster: Disaster) -> None:
    """Taken for dead although it runs: two live owners."""
    current = list(sale.ray.current.values())
    if current:
        life = current[disaster.target % len(current)]
        _note(sale, disaster, f"{life.process.name} goes on as a zombie")
        sale.ray.replace(life)


def _kill_replica(sale: Sale, disaster: Disaster) -> None:
    index = disaster.target % len(sale.replicas)

    def die() -> None:
        sale.kill_replica(index)
        _later(sale, RESTART_SECONDS, lambda: sale.start_replica(index))

    if sale.replicas[index].process.alive:
        _light(sale, sale.replicas[index].process, disaster, die)


def _stop_replica(sale: Sale, disaster: Disaster) -> None:
    running = [replica.process for replica in sale.running() if replica.process.running]
    if running:
        _stop(sale, disaster, running[disaster.target % len(running)], disaster.seconds)


def _scale(sale: Sale, disaster: Disaster) -> None:
    hosts = 1 + disaster.target % 4
    if not sale.machine.plan.venue.dedicated:
        _note(sale, disaster, f"the number of hosts becomes {hosts}")
        sale.scale(hosts)


def _for_a_while(sale: Sale, disaster: Disaster, thing: object, state: str, what: str) -> None:
    """A state of a thing is true as long as the disaster lasts."""
    setattr(thing, state, True)
    _note(sale, disaster, f"{what} for {disaster.seconds} s")
    _later(sale, disaster.seconds, lambda: setattr(thing, state, False))


def _cut(sale: Sale, disaster: Disaster, name: str) -> None:
    link = sale.machine.links[name]
    _for_a_while(sale, disaster, link, "cut", f"{name} is cut off from the journal")


def _cut_host(sale: Sale, disaster: Disaster) -> None:
    if lives := sale.ray.lives():
        _cut(sale, disaster, lives[disaster.target % len(lives)].process.name)


def _cut_replica(sale: Sale, disaster: Disaster) -> None:
    if running := sale.running():
        _cut(sale, disaster, running[disaster.target % len(running)].process.name)


def _journal_away(sale: Sale, disaster: Disaster) -> None:
    """Every server stands still: nothing is stored, nothing is agreed on, nothing is answered."""
    _for_a_while(sale, disaster, sale.machine.stream, "away", "the journal is away")


def _journal_full(sale: Sale, disaster: Disaster) -> None:
    """The servers refuse to store, and go on answering questions."""
    _for_a_while(sale, disaster, sale.machine.stream, "full", "the journal is full")


def _new_leader(sale: Sale, disaster: Disaster) -> None:
    """The leader of a cluster dies with something in flight, a single server with something half done: it is stored
    or is not, and nobody is told."""
    machine = sale.machine
    dice, fates = machine.dice(f"leader {disaster.at}"), list(Fate)

    def depose() -> None:
        machine.stream.depose_leader(lambda _: dice.choice(fates))
        _journal_away(sale, disaster)

    def restart(serve: Callable[[Answer], None]) -> None:
        if dice.random() < 0.5:
            serve(lambda _: None)
        _journal_away(sale, disaster)

    if machine.plan.venue.replicated:
        machine.on_proposal = depose
    else:
        machine.servers.intercept = restart


def _kill_expiration(sale: Sale, disaster: Disaster) -> None:
    _note(sale, disaster, f"the expiration service is gone for {disaster.seconds * 4} s")
    sale.expiration.kill(disaster.seconds * 4)


def _stop_expiration(sale: Sale, disaster: Disaster) -> None:
    _stop(sale, disaster, sale.expiration.process, disaster.seconds * 4)


def _jump_clock(sale: Sale, disaster: Disaster) -> None:
    skews = sale.machine.skews_ms
    name = sorted(skews)[disaster.target % len(skews)]
    jump = JUMPS_MS[int(disaster.amount * 2 * len(JUMPS_MS)) % len(JUMPS_MS)]
    sale.machine.set_clock(name, skews[name] + (jump if disaster.amount < 0.5 else -jump))
    _note(sale, disaster, f"the clock of {name} jumps to {skews[name]:+} ms")


def _withhold(sale: Sale, disaster: Disaster) -> None:
    block, ticket = sale.seat(disaster.target)
    _note(sale, disaster, f"the organizer withholds ticket {ticket} of block {block}")
    sale.withhold(block, ticket)


def _restore(sale: Sale, disaster: Disaster) -> None:
    if sale.withheld:
        block, ticket = sale.withheld[disaster.target % len(sale.withheld)]
        _note(sale, disaster, f"the organizer restores ticket {ticket} of block {block}")
        sale.restore(block, ticket)


_STRIKES: dict[str, Callable[[Sale, Disaster], None]] = {
    "kill_host": _kill_host,
    "stop_host": _stop_host,
    "replace_host": _replace_host,
    "kill_replica": _kill_replica,
    "stop_replica": _stop_replica,
    "scale": _scale,
    "cut_host": _cut_host,
    "cut_replica": _cut_replica,
    "journal_away": _journal_away,
    "journal_full": _journal_full,
    "new_leader": _new_leader,
    "kill_expiration": _kill_expiration,
    "stop_expiration": _stop_expiration,
    "jump_clock": _jump_clock,
    "withhold": _withhold,
    "restore": _restore,
}
