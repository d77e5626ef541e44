"""One run: a show is put on sale, everybody comes, things break; then all is healed and every deadline passes."""

from __future__ import annotations

import asyncio

from actors.domain.commands import Command, OpenBlock, RestoreTickets, WithholdTickets
from actors.domain.cutting import cut_blocks, register_layout
from actors.domain.identity import BlockKey
from actors.domain.layout import Rules
from actors.domain.seat_rows import SeatRow
from actors.fleet import Fleet, shared_host
from actors.journal import Entry
from actors.outcomes import Unavailable
from actors.placement import Placement
from tests.history import OrderRequest
from tests.simulation.account import Violation
from tests.simulation.browsing import Browser, finish
from tests.simulation.buying import Shopping
from tests.simulation.disasters import strike
from tests.simulation.expiring import Expiration
from tests.simulation.hosts import Ray
from tests.simulation.ledger import deadlines
from tests.simulation.machine import SHOW_ID, Machine
from tests.simulation.memories import remembered
from tests.simulation.money import last_purchase
from tests.simulation.network import LATE_SECONDS, NOBODY
from tests.simulation.plan import LAST, Buyer, Venue
from tests.simulation.purchasing import Log, ask_about
from tests.simulation.replicas import Replica
from tests.simulation.trade import Trade

HEARD_SECONDS = 0.3
"""A change of the number of hosts reaches each process within about this."""

RETIRE_SECONDS = 2.0
SETTLE_SECONDS = 45.0
"""After the last deadline: for wake-ups that were put off, and for acknowledgements that were lost."""

STEPS_MIN = 550
"""Every run has at least so many steps."""

REST_SECONDS_MAX = 300.0
REST_STEP_SECONDS = 5.0
AUDITOR = "auditor"
OPEN_ATTEMPTS_MAX = 50
RUN_SECONDS_MAX = 20_000.0


class Sale:
    """`healed_at` is when the last fault was over, ms of true time; `disagreed` is what was wrong in memory then.
    Without money there is no `trade`."""

    def __init__(self, machine: Machine) -> None:
        venue = machine.plan.venue
        self.machine = machine
        self.log = Log()
        self.healed_at = 0.0
        self._opened_at = 0.0
        self.withheld: list[tuple[int, int]] = []
        self.frozen: list[int] = []
        self.disagreed: list[Violation] = []
        self.ray = Ray(machine)
        self._placement = Placement(Fleet(venue.hosts), venue.dedicated)
        has_money = machine.plan.has_money
        self.trade = Trade(machine, self.ray, lambda: self._placement, self) if has_money else None
        self.replicas = [self._replica(index) for index in range(venue.replicas)]
        self.expiration = Expiration(machine, self.ray, lambda: self._placement)
        machine.stream.on_stored = self._stored

    def running(self) -> list[Replica]:
        return [replica for replica in self.replicas if replica.process.alive]

    async def run(self) -> None:
        machine, plan = self.machine, self.machine.plan
        machine.climate.calm = True
        await self._open(plan.venue)
        machine.climate.calm = False
        self._opened_at = machine.loop.time()
        for disaster in plan.disasters:
            machine.loop.call_later(disaster.at, strike, self, disaster, context=NOBODY)
        await asyncio.gather(*[self._visit(buyer) for buyer in plan.buyers])
        await self._heal()
        self.disagreed += remembered(self)
        await self._serve_last_customers()
        await self._let_deadlines_pass()
        if self.trade is not None:
            await self._let_orders_rest(self.trade)
            await self._look_at_orders(self.trade)

    async def _visit(self, buyer: Buyer) -> None:
        await Shopping(self.machine, self, buyer, self.log, self.trade).visit()

    async def _open(self, venue: Venue) -> None:
        if self.trade is not None:
            await self.trade.open()
        rules = Rules("EUR", venue.hold_seconds, max_per_order=4, registers=venue.registers)
        layouts = [register_layout() for _ in range(venue.registers)]
        for block, size in enumerate(venue.rows):
            rows = [
                SeatRow(number, f"B{block}", "R", str(number), "A", None, None)
                for number in range(size)
            ]
            layouts += cut_blocks(rows, {"A": venue.price + block if venue.price else 0})
        for number, layout in enumerate(layouts):
            await self._command(number, OpenBlock(layout, rules, "simulation"))

    async def _command(self, block: int, command: Command) -> None:
        """Through a replica, until there is an answer."""
        for _ in range(OPEN_ATTEMPTS_MAX):
            running = self.running()
            if running:
                outcome = await running[0].client.ask(BlockKey(SHOW_ID, block), command)
                if not isinstance(outcome, Unavailable):
                    return
            await asyncio.sleep(1.0)

    def seat(self, number: int) -> tuple[int, int]:
        """The block and the ticket of some seat."""
        venue = self.machine.plan.venue
        index = number % len(venue.rows)
        return venue.registers + index, (number // len(venue.rows)) % venue.rows[index]

    def withhold(self, block: int, ticket: int) -> None:
        self.withheld.append((block, ticket))
        self.order(block, WithholdTickets((ticket,), "test"))

    def restore(self, block: int, ticket: int) -> None:
        self.order(block, RestoreTickets((ticket,)))

    def order(self, block: int, command: Command) -> None:
        """The organizer, or the operator, wants something done, and looks no further."""
        if running := self.running():
            asking = running[0].client.ask(BlockKey(SHOW_ID, block), command)
            self.machine.loop.start(running[0].process, asking)

    @property
    def fleet(self) -> Fleet:
        return self._placement.fleet

    def change_fleet(self, fleet: Fleet) -> None:
        """Every process hears of it in its own time; a little later hosts that are not needed are retired, and those
        that are drained are emptied."""
        before, after = self._placement, Placement(fleet)
        dice, loop = self.machine.dice(f"scale {self.machine.loop.time()}"), self.machine.loop
        self._placement = after

        def hear(replica: Replica) -> None:
            replica.placement = after

        for replica in self.replicas:
            loop.call_later(dice.uniform(0, HEARD_SECONDS), hear, replica, context=NOBODY)
        for name in before.names():
            if name not in after.names():
                loop.call_later(RETIRE_SECONDS, self.ray.retire, name, context=NOBODY)
        for ordinal in fleet.drained:
            loop.call_later(RETIRE_SECONDS, self.ray.empty, shared_host(ordinal), context=NOBODY)

    def kill_replica(self, index: int) -> None:
        replica = self.replicas[index]
        if replica.process.alive:
            self.machine.note(f"{replica.process.name} is killed")
            self.machine.loop.kill(replica.process)
            for request in replica.requests:
                self.machine.loop.call_later(0.01, finish, request, None, context=NOBODY)

    def start_replica(self, index: int) -> None:
        if not self.replicas[index].process.alive:
            self.replicas[index] = self._replica(index)

    def _replica(self, index: int) -> Replica:
        return Replica(self.machine, self.ray, f"replica-{index}", self._placement, self.trade)

    def _stored(self, subject: str, entry: Entry) -> None:
        self.machine.stored_at[entry.sequence] = self.machine.now_ms
        self.expiration.on_stored(subject, entry)
        if self.trade is not None:
            self.trade.on_stored(subject, entry)
        for replica in self.running():
            replica.feed.push(subject, entry)

    async def _heal(self) -> None:
        """The plan's disasters end by themselves; what is left is the weather."""
        last = max((d.at + d.seconds * 4 for d in self.machine.plan.disasters), default=0.0)
        over = self._opened_at + last + RETIRE_SECONDS
        await asyncio.sleep(max(0.0, over - self.machine.loop.time()))
        self.machine.climate.calm = True
        self.machine.healed = True
        self.machine.on_proposal = self.machine.servers.intercept = None
        processes = [life.process for life in self.ray.lives()]
        processes += [replica.process for replica in self.replicas]
        if self.trade is not None:
            processes.append(self.trade.heal())
        for process in processes:
            process.fuse = 0
        for clock in self.machine.skews_ms:
            self.machine.set_clock(clock, 0)
        self.healed_at = self.machine.now_ms
        self.machine.note("all is healed")

    async def _serve_last_customers(self) -> None:
        """Everything works again: whoever asks now gets an answer. A quiet run has more of them."""
        await asyncio.sleep(LATE_SECONDS[1])
        seats = [seat for seat in self.machine.plan.venue.seats() if seat.endswith("-0")]
        number = 0
        while number == 0 or self.machine.loop.steps < STEPS_MIN:
            some = [
                _last_customer(number + place, seat, pays=self.trade is not None)
                for place, seat in enumerate(seats[:2])
            ]
            await asyncio.gather(*[self._visit(buyer) for buyer in some])
            number += len(some)

    async def _let_deadlines_pass(self) -> None:
        """Also those of holds whose commits were still on their way."""
        await asyncio.sleep(LATE_SECONDS[1] * 2)
        while True:
            latest = max(deadlines(self.machine.stream), default=0)
            wait = (latest - self.machine.now_ms) / 1000
            await asyncio.sleep(max(0.0, wait) + SETTLE_SECONDS + self.machine.skew_seen_ms / 1000)
            if max(deadlines(self.machine.stream), default=0) == latest:
                return

    async def _let_orders_rest(self, trade: Trade) -> None:
        """Once every bank has made up its mind, and everything that was put off is due, no order takes longer."""
        await asyncio.sleep(max(0.0, trade.put_off_until() - self.machine.now_ms) / 1000)
        waited = 0.0
        while waited < REST_SECONDS_MAX and not trade.at_rest:
            await asyncio.sleep(REST_STEP_SECONDS)
            if not trade.provider.is_deciding:
                waited += REST_STEP_SECONDS

    async def _look_at_orders(self, trade: Trade) -> None:
        browser = Browser(self.machine, self, AUDITOR, patience=60.0, hangs_up=False)
        for order_id in trade.documents.agreed:
            await ask_about(
                self.machine, browser, self.log, AUDITOR, OrderRequest("look", order_id=order_id)
            )


def _last_customer(number: int, seat: str, *, pays: bool) -> Buyer:
    name = f"{LAST} {number}"
    return Buyer(
        name,
        at=0.0,
        seats=(seat,),
        quantity=0,
        key=name,
        attempts=1,
        patience=60.0,
        hangs_up=False,
        pause=0.0,
        then=("replay", "find") if pays else ("replay", "find", "release"),
        purchase=last_purchase(name) if pays else None,
    )
