"""A node that stood still for longer than Ray waits, and goes on: the zombie's blocks have another owner by then.

What is arranged, and why. Ray 2.60 does not replace a stopped worker as long as its raylet answers: health checks
concern nodes. So the host lives on a second node, and the whole node is stopped (SIGSTOP for the raylet and all of its
workers), as a hypervisor does that moves a machine, or as a cut-off node looks from outside. Ray's control service
declares the node dead after a few failed health checks (their period is shortened, nothing else) and starts the host
again on the head node; the sale goes on there. Then the host's process is continued and its raylet is not: processes
of a machine that wakes up do not run in any particular order, and a raylet that hears of its own death takes its
workers with it within a second or so. The zombie finds in its sockets what replicas and services had asked of it, and
a memory of seats that have changed hands since; whatever it appends, the journal refuses. In the end the raylet goes on
too, learns that it is dead, and the zombie ends with it.

Nobody hears what the zombie answers: Ray's callers have hung up. That a paused host also *answers* truthfully is shown
by the duel, where a paused host keeps its callers.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from actors.domain.identity import BlockKey
from actors.placement import Placement
from tests.faults.crowd import Crowd, Hall
from tests.faults.judging import Figures, judge, seconds_until_hold
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
HOSTS, ZOMBIE = 2, "host-1"
HOLD_SECONDS = 5
"""So that most of the holds which the zombie remembers are over when it wakes up, and the expiration service has asked
it to say so: what is pending at the zombie then certainly wants to commit something."""

BLOCKS_MIN = 2
PLACING_MAX = 30
CONFLICT = "activation.conflict"

Start = Callable[..., RunningStack]


def zombie(start: Start, seconds: float) -> Figures:
    """One zombie after the other until the time is over, at least one."""
    figures = Figures("zombie")
    stack = start("--hosts", str(HOSTS), environment=HEALTH_CHECKS)
    hall = Hall(sections=6)
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = _show(shop, hall)
        crowd = Crowd(stack.url, show_id, hall)
        paused, conflicts, end = list[float](), 0, time.monotonic() + seconds
        with crowd.running():
            while not paused or time.monotonic() < end:
                with second_node(stack) as node:
                    host = _host_on(node, shop)
                    crowd.goes_on()
                    paused.append(now())
                    conflicts += _pause_and_continue(node, host, shop, crowd)
                    figures.faults.append("a node paused until Ray had replaced it, and continued")
        figures.until_first_hold = [seconds_until_hold(crowd.history, moment) for moment in paused]
        figures.notes["conflicts of zombies"] = conflicts
        return judge(figures, stack, show_id, crowd.history)


def _show(shop: Shop, hall: Hall) -> str:
    """A show with seats on the host that will be the zombie: where a block goes follows from the show's id."""
    placement, registers = Placement(HOSTS), 4
    while True:
        show_id = shop.show(grid(hall.sections, hall.rows, hall.seats), hold_seconds=HOLD_SECONDS)
        blocks = range(registers, registers + hall.sections)
        there = [n for n in blocks if placement.host_of(BlockKey(show_id, n)) == ZOMBIE]
        if BLOCKS_MIN <= len(there) < hall.sections:
            return show_id


def _host_on(node: SecondNode, shop: Shop) -> psutil.Process:
    """The host's process, once it lives on this node: Ray places it anywhere, so it is killed until it does."""
    for _ in range(PLACING_MAX):
        pid = until(lambda: _pid(shop), f"{ZOMBIE} answers")
        host = node.host()
        if host is not None and host.pid == pid:
            return host
        psutil.Process(pid).kill()
        until(lambda pid=pid: _pid(shop) not in (None, pid), f"{ZOMBIE} is back")
    raise AssertionError(f"Ray never placed {ZOMBIE} on the second node")


def _pid(shop: Shop) -> int | None:
    return next(host["pid"] for host in shop.hosts() if host["name"] == ZOMBIE)


def _pause_and_continue(node: SecondNode, host: psutil.Process, shop: Shop, crowd: Crowd) -> int:
    """How many appends of the zombie the journal has refused; at least one."""
    raylet, *others = node.pause()
    assert host in others
    until(lambda: _pid(shop) not in (None, host.pid), "Ray has replaced the host")
    crowd.goes_on()
    refused_before = node.log_of(host).count(CONFLICT)
    host.resume()
    until(lambda: node.log_of(host).count(CONFLICT) > refused_before, "the zombie is refused")
    crowd.goes_on()
    refused = node.log_of(host).count(CONFLICT) - refused_before
    assert host.is_running()  # it was refused, it did not die; and it does not fight on
    for process in [raylet, *others]:
        process.resume()
    psutil.wait_procs([host], timeout=60)
    assert not host.is_running()
    return refused
