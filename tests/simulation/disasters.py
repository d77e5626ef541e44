"""The disasters of a plan, as they strike and as they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cluster.journal.memory_stream import Fate
from tests.simulation.network import NOBODY
from tests.simulation.plan import Disaster
from tests.simulation.virtual_loop import Process

if TYPE_CHECKING:
    from tests.simulation.sale import Sale

JUMP_MS = 400_000
RESTART_SECONDS = 0.8
FUSE_CALLBACKS = 60


def strike(sale: Sale, disaster: Disaster) -> None:
    _STRIKES[disaster.kind](sale, disaster)


def _later(sale: Sale, seconds: float, end: Callable[[], None]) -> None:
    sale.machine.loop.call_later(seconds, end, context=NOBODY)


def _kill_host(sale: Sale, disaster: Disaster) -> None:
    if lives := sale.ray.lives():
        life = lives[disaster.target % len(lives)]
        _light(life.process, disaster, lambda: sale.ray.kill(life))


def _light(process: Process, disaster: Disaster, die: Callable[[], None]) -> None:
    """Now, or so many callbacks later: at an await that takes no time at all."""
    process.on_death = die
    process.fuse = int(disaster.amount * FUSE_CALLBACKS)
    if process.fuse == 0:
        die()


def _stop_host(sale: Sale, disaster: Disaster) -> None:
    """SIGSTOP, perhaps for so long that Ray replaces it; then SIGCONT."""
    lives = [life for life in sale.ray.lives() if life.process.running]
    if not lives:
        return
    life, loop = lives[disaster.target % len(lives)], sale.machine.loop
    sale.machine.note(f"{life.process.name} is stopped for {disaster.seconds} s")
    loop.stop(life.process)
    if disaster.amount < 0.6:
        _later(sale, disaster.seconds * disaster.amount, lambda: sale.ray.replace(life))

    def carry_on() -> None:
        if life.process.alive:
            sale.machine.note(f"{life.process.name} carries on")
            loop.carry_on(life.process)

    _later(sale, disaster.seconds, carry_on)


def _replace_host(sale: Sale, disaster: Disaster) -> None:
    """Taken for dead although it runs: two live owners."""
    current = list(sale.ray.current.values())
    if current:
        sale.ray.replace(current[disaster.target % len(current)])


def _kill_replica(sale: Sale, disaster: Disaster) -> None:
    index = disaster.target % len(sale.replicas)

    def die() -> None:
        sale.kill_replica(index)
        _later(sale, RESTART_SECONDS, lambda: sale.start_replica(index))

    if sale.replicas[index].process.alive:
        _light(sale.replicas[index].process, disaster, die)


def _scale(sale: Sale, disaster: Disaster) -> None:
    sale.scale(1 + disaster.target % 4)


def _cut(sale: Sale, name: str, seconds: float) -> None:
    link = sale.machine.links[name]
    link.cut = True
    sale.machine.note(f"{name} is cut off from the journal for {seconds} s")

    def heal() -> None:
        link.cut = False

    _later(sale, seconds, heal)


def _cut_host(sale: Sale, disaster: Disaster) -> None:
    if lives := sale.ray.lives():
        _cut(sale, lives[disaster.target % len(lives)].process.name, disaster.seconds)


def _cut_replica(sale: Sale, disaster: Disaster) -> None:
    if running := sale.running():
        _cut(sale, running[disaster.target % len(running)].process.name, disaster.seconds)


def _journal_away(sale: Sale, disaster: Disaster) -> None:
    """Every server stands still: nothing is stored, nothing is answered."""
    servers = sale.machine.servers
    sale.machine.note(f"the journal is away for {disaster.seconds} s")
    servers.away = True

    def back() -> None:
        servers.away = False

    _later(sale, disaster.seconds, back)


def _new_leader(sale: Sale, disaster: Disaster) -> None:
    """The leader dies with something in flight: it is stored or is not, and nobody is told."""
    machine = sale.machine
    dice, fates = machine.dice(f"leader {disaster.at}"), list(Fate)

    def depose() -> None:
        machine.note("the journal has a new leader")
        machine.stream.depose_leader(lambda _: dice.choice(fates))
        _journal_away(sale, disaster)

    machine.on_proposal = depose


def _kill_expiration(sale: Sale, disaster: Disaster) -> None:
    sale.expiration.kill(disaster.seconds * 4)


def _stop_expiration(sale: Sale, disaster: Disaster) -> None:
    process, loop = sale.expiration.process, sale.machine.loop
    sale.machine.note(f"{process.name} is stopped for {disaster.seconds * 4} s")
    loop.stop(process)
    _later(sale, disaster.seconds * 4, lambda: loop.carry_on(process))


def _jump_clock(sale: Sale, disaster: Disaster) -> None:
    skews = sale.machine.skews_ms
    name = sorted(skews)[disaster.target % len(skews)]
    sale.machine.set_clock(name, skews[name] + int((disaster.amount - 0.5) * JUMP_MS))
    sale.machine.note(f"the clock of {name} jumps to {skews[name]:+} ms")


def _withhold(sale: Sale, disaster: Disaster) -> None:
    sale.organize(disaster.target, withhold=True)


def _restore(sale: Sale, disaster: Disaster) -> None:
    sale.organize(disaster.target, withhold=False)


_STRIKES: dict[str, Callable[[Sale, Disaster], None]] = {
    "kill_host": _kill_host,
    "stop_host": _stop_host,
    "replace_host": _replace_host,
    "kill_replica": _kill_replica,
    "scale": _scale,
    "cut_host": _cut_host,
    "cut_replica": _cut_replica,
    "journal_away": _journal_away,
    "new_leader": _new_leader,
    "kill_expiration": _kill_expiration,
    "stop_expiration": _stop_expiration,
    "jump_clock": _jump_clock,
    "withhold": _withhold,
    "restore": _restore,
}
