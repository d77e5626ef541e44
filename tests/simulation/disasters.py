"""The disasters of a plan, as they strike and as they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.domain.commands import FreezeBlock, ThawBlock
from actors.domain.identity import BlockKey
from actors.fleet import Fleet
from cluster.journal.memory_stream import Answer, Fate
from tests.simulation.machine import SHOW_ID
from tests.simulation.money_disasters import MONEY_STRIKES
from tests.simulation.plan import Disaster
from tests.simulation.striking import burn, for_a_while, later, note, stop

if TYPE_CHECKING:
    from tests.simulation.sale import Sale

JUMPS_MS = (1_000, 5_000, 60_000, 300_000)
RESTART_SECONDS = 0.8


def strike(sale: Sale, disaster: Disaster) -> None:
    if disaster.kind in _STRIKES:
        _STRIKES[disaster.kind](sale, disaster)
    elif sale.trade is not None:
        MONEY_STRIKES[disaster.kind](sale, sale.trade, disaster)


def _kill_host(sale: Sale, disaster: Disaster) -> None:
    if lives := sale.ray.lives():
        life = lives[disaster.target % len(lives)]
        burn(sale, life.process, disaster, lambda: sale.ray.kill(life))


def _stop_host(sale: Sale, disaster: Disaster) -> None:
    """SIGSTOP, perhaps for so long that Ray replaces it; then SIGCONT."""
    lives = [life for life in sale.ray.lives() if life.process.running]
    if lives:
        life = lives[disaster.target % len(lives)]
        stop(sale, disaster, life.process, disaster.seconds)
        if disaster.amount < 0.6:
            later(sale, disaster.seconds * disaster.amount, lambda: sale.ray.replace(life))


def _replace_host(sale: Sale, disaster: Disaster) -> None:
    """Taken for dead although it runs: two live owners."""
    current = list(sale.ray.current.values())
    if current:
        life = current[disaster.target % len(current)]
        note(sale, disaster, f"{life.process.name} goes on as a zombie")
        sale.ray.replace(life)


def _kill_replica(sale: Sale, disaster: Disaster) -> None:
    index = disaster.target % len(sale.replicas)

    def die() -> None:
        sale.kill_replica(index)
        later(sale, RESTART_SECONDS, lambda: sale.start_replica(index))

    if sale.replicas[index].process.alive:
        burn(sale, sale.replicas[index].process, disaster, die)


def _stop_replica(sale: Sale, disaster: Disaster) -> None:
    running = [replica.process for replica in sale.running() if replica.process.running]
    if running:
        stop(sale, disaster, running[disaster.target % len(running)], disaster.seconds)


def _scale(sale: Sale, disaster: Disaster) -> None:
    hosts = 1 + disaster.target % 4
    if not sale.machine.plan.venue.dedicated:
        note(sale, disaster, f"the number of hosts becomes {hosts}")
        sale.change_fleet(sale.fleet.trimmed(hosts))


def _drain_host(sale: Sale, disaster: Disaster) -> None:
    """Somebody drains a host, or takes it back."""
    fleet, host = sale.fleet, disaster.target % sale.fleet.hosts
    changed = fleet.undrain(host) if host in fleet.drained else fleet.drain(host)
    if isinstance(changed, Fleet) and not sale.machine.plan.venue.dedicated:
        note(sale, disaster, f"host-{host} is {'drained' if host in changed.drained else 'back'}")
        sale.change_fleet(changed)


def _move_block(sale: Sale, disaster: Disaster) -> None:
    """Somebody pins a block to a host, or lets it be placed as all others are."""
    fleet, host = sale.fleet, disaster.target % sale.fleet.hosts
    key = BlockKey(SHOW_ID, sale.seat(disaster.target)[0])
    changed = fleet.unpin(key) if fleet.pinned.get(key) == host else fleet.pin(key, host)
    if isinstance(changed, Fleet) and not sale.machine.plan.venue.dedicated:
        to = f"to host-{host}" if key in changed.pinned else "to where it belongs"
        note(sale, disaster, f"block {key.block} moves {to}")
        sale.change_fleet(changed)


def _cut(sale: Sale, disaster: Disaster, name: str) -> None:
    link = sale.machine.links[name]
    for_a_while(sale, disaster, link, "cut", f"{name} is cut off from the journal")


def _cut_host(sale: Sale, disaster: Disaster) -> None:
    if lives := sale.ray.lives():
        _cut(sale, disaster, lives[disaster.target % len(lives)].process.name)


def _cut_replica(sale: Sale, disaster: Disaster) -> None:
    if running := sale.running():
        _cut(sale, disaster, running[disaster.target % len(running)].process.name)


def _journal_away(sale: Sale, disaster: Disaster) -> None:
    """Every server stands still: nothing is stored, nothing is agreed on, nothing is answered."""
    for_a_while(sale, disaster, sale.machine.stream, "away", "the journal is away")


def _journal_full(sale: Sale, disaster: Disaster) -> None:
    """The servers refuse to store, and go on answering questions."""
    for_a_while(sale, disaster, sale.machine.stream, "full", "the journal is full")


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
    note(sale, disaster, f"the expiration service is gone for {disaster.seconds * 4} s")
    sale.expiration.kill(disaster.seconds * 4)


def _stop_expiration(sale: Sale, disaster: Disaster) -> None:
    stop(sale, disaster, sale.expiration.process, disaster.seconds * 4)


def _jump_clock(sale: Sale, disaster: Disaster) -> None:
    skews = sale.machine.skews_ms
    name = sorted(skews)[disaster.target % len(skews)]
    jump = JUMPS_MS[int(disaster.amount * 2 * len(JUMPS_MS)) % len(JUMPS_MS)]
    sale.machine.set_clock(name, skews[name] + (jump if disaster.amount < 0.5 else -jump))
    note(sale, disaster, f"the clock of {name} jumps to {skews[name]:+} ms")


def _withhold(sale: Sale, disaster: Disaster) -> None:
    block, ticket = sale.seat(disaster.target)
    note(sale, disaster, f"the organizer withholds ticket {ticket} of block {block}")
    sale.withhold(block, ticket)


def _restore(sale: Sale, disaster: Disaster) -> None:
    if sale.withheld:
        block, ticket = sale.withheld[disaster.target % len(sale.withheld)]
        note(sale, disaster, f"the organizer restores ticket {ticket} of block {block}")
        sale.restore(block, ticket)


def _freeze_block(sale: Sale, disaster: Disaster) -> None:
    block, _ = sale.seat(disaster.target)
    note(sale, disaster, f"the operator freezes block {block}")
    sale.frozen.append(block)
    sale.order(block, FreezeBlock("test", "operator"))


def _thaw_block(sale: Sale, disaster: Disaster) -> None:
    block, _ = sale.seat(disaster.target)
    if sale.frozen:
        block = sale.frozen[disaster.target % len(sale.frozen)]
    note(sale, disaster, f"the operator thaws block {block}")
    sale.order(block, ThawBlock("test", "operator"))


_STRIKES: dict[str, Callable[[Sale, Disaster], None]] = {
    "kill_host": _kill_host,
    "stop_host": _stop_host,
    "replace_host": _replace_host,
    "kill_replica": _kill_replica,
    "stop_replica": _stop_replica,
    "scale": _scale,
    "drain_host": _drain_host,
    "move_block": _move_block,
    "freeze_block": _freeze_block,
    "thaw_block": _thaw_block,
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
