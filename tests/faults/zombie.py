"""A node that stood still for longer than Ray waits, and goes on: the zombie's blocks have another owner by then.

What is arranged, and why. Ray 2.60 does not replace a stopped worker as long as its raylet answers: health checks
concern nodes. So the host lives on a second node, and the whole node is stopped (SIGSTOP for the raylet and all of its
workers), as a hypervisor does that moves a machine, or as a cut-off node looks from outside. Ray's control service
declares the node dead after a few failed health checks (they are made more often, nothing else is changed) and starts
the host again on the head node; the sale goes on there. Then the host's process is continued and its raylet is not:
processes of a machine that wakes up do not run in any particular order, and a raylet that hears of its own death takes
its workers with it within a second or so. In the end the raylet goes on too, learns that it is dead, and the zombie
ends with it.

Replicas on other nodes hang up on the zombie when they hear of the node's death; some of their calls are still in its
sockets. One caller cannot hang up: it was on the paused machine as well. It asks for seats of a quiet show while the
zombie stands still, and the same seats are held through the new host meanwhile. The zombie believes that they are
free; its append is refused, it reads what it missed, and refuses the seats, as the journal has it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from actors.domain.commands import HoldTerms, HoldTickets
from actors.domain.cutting import REGISTERS
from actors.domain.identity import BlockKey
from actors.domain.rejections import Code, Rejection
from actors.fleet import Fleet
from actors.outcomes import Unavailable
from actors.placement import Placement
from tests.faults.crowd import Crowd, Hall
from tests.faults.judging import Figures, judge, seconds_until_hold
from tests.faults.paused_caller import PausedCaller, paused_caller
from tests.faults.recorder import now
from tests.faults.second_node import SecondNode, second_node
from tests.shop import Shop, grid, until
from tests.stack import RunningStack

HEALTH_CHECKS = {
    "RAY_health_check_initial_delay_ms": "500",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}
SENDING_SECONDS = 2.0
"""The caller's command is in the zombie's socket by then, and Ray takes more than 6 s to hear of a node's death."""

HOSTS, ZOMBIE = 2, "host-1"
HALL, QUIET = Hall(sections=6), Hall(sections=1, rows=1)
HOLD_SECONDS = 5
"""So that holds which the zombie remembers are over when it wakes up."""

PLACING_MAX = 30

Start = Callable[..., RunningStack]


def zombie(start: Start, directory: Path, seconds: float) -> Figures:
    """One zombie after the other until the time is over, at least one."""
    figures = Figures("zombie", notes={"conflicts of zombies": 0, "truths heard": 0})
    stack = start("--hosts", str(HOSTS), environment=HEALTH_CHECKS)
    with Shop(stack.url, stack.admin_key) as shop:
        show_id, sections = _show(shop, HALL, range(2, HALL.sections), hold_seconds=HOLD_SECONDS)
        crowd = Crowd(stack.url, show_id, HALL)
        paused, end = list[float](), time.monotonic() + seconds
        with crowd.running():
            while not paused or time.monotonic() < end:
                calls = directory / f"calls{len(paused)}"
                with second_node(stack) as node:
                    host = _host_on(node, shop)
                    # Only now: its connection to this very process must stand before the pause.
                    with paused_caller(node.gcs_address, ZOMBIE, calls, node.environment) as caller:
                        crowd.goes_on()
                        paused.append(_pause_and_continue(node, host, shop, caller, crowd, figures))
        figures.until_first_hold = [
            seconds_until_hold(crowd.history, moment, sections) for moment in paused
        ]
        return judge(figures, stack, show_id, crowd.history)


def _show(
    shop: Shop, hall: Hall, wanted: range, hold_seconds: int = 600
) -> tuple[str, tuple[str, ...]]:
    """A show of which a wanted number of sections is placed on the host that will be the zombie; these sections.

    Where a block goes follows from the show's id, and the sections' blocks come behind the registers.
    """
    placement = Placement(Fleet(HOSTS))
    while True:
        show_id = shop.show(grid(hall.sections, hall.rows, hall.seats), hold_seconds=hold_seconds)
        there = tuple(
            f"S{section}-"
            for section in range(hall.sections)
            if placement.host_of(BlockKey(show_id, REGISTERS + section)) == ZOMBIE
        )
        if len(there) in wanted:
            return show_id, there


def _host_on(node: SecondNode, shop: Shop) -> psutil.Process:
    """The host's process, once it lives on this node: Ray places it anywhere, so it is killed until it does."""
    for _ in range(PLACING_MAX):
        pid = until(lambda: _pid(shop), f"{ZOMBIE} answers")
        host = node.worker(pid)
        if host is not None:
            return host
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
        until(lambda pid=pid: _pid(shop) not in (None, pid), f"{ZOMBIE} is back")
    raise AssertionError(f"Ray never placed {ZOMBIE} on the second node")


def _pid(shop: Shop) -> int | None:
    return next(host["pid"] for host in shop.hosts() if host["name"] == ZOMBIE)


def _hold(shop: Shop, show_id: str, *seats: str) -> None:
    """Hold seats that are free, asking as often as it takes."""
    until(lambda: shop.hold(show_id, *seats, key=seats[0]).status_code == 201, f"{seats} are held")


def _pause_and_continue(
    node: SecondNode,
    host: psutil.Process,
    shop: Shop,
    caller: PausedCaller,
    crowd: Crowd,
    figures: Figures,
) -> float:
    """The moment of the pause."""
    show_id, _ = _show(shop, QUIET, range(1, 2))
    block = BlockKey(show_id, REGISTERS)
    _hold(shop, show_id, "S0-R0-0")  # so that the zombie knows the block
    raylet, *others = node.pause()
    paused = now()
    assert host in others
    caller.ask(block, HoldTickets(HoldTerms("zombie", "f", 2, block.block), (1, 2)))
    time.sleep(SENDING_SECONDS)
    caller.pause()
    until(lambda: _pid(shop) not in (None, host.pid), "Ray has replaced the host")
    _hold(shop, show_id, "S0-R0-2", "S0-R0-3")
    crowd.goes_on()
    host.resume()
    until(lambda: node.conflicts_of(host, show_id), "the zombie's append is refused")
    crowd.goes_on()
    told = caller.told()
    figures.notes["conflicts of zombies"] += node.conflicts_of(host)
    figures.notes["truths heard"] += isinstance(told, Rejection)
    assert isinstance(told, Unavailable | Rejection), told
    if isinstance(told, Rejection):
        assert told.code is Code.SEATS_UNAVAILABLE
        assert [conflict.ticket for conflict in told.conflicts] == [2]
    _hold(shop, show_id, "S0-R0-1")  # nothing is left of the zombie's draft
    figures.faults.append("a node paused until Ray had replaced its host, and continued")
    for process in [raylet, *others]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()
    psutil.wait_procs([host], timeout=60)
    assert not host.is_running()
    return paused
