"""The watch: zero as long as all is well, and not zero any more when something is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from actors.codec import encode_commit
from actors.domain.events import BlockOpened, Event, TicketsHeld, TicketsReturned, TicketsSold
from actors.domain.order import Order, State
from actors.metrics import (
    JOURNAL_VIOLATIONS,
    OVERSOLD,
    PAID_WITHOUT_SEATS,
    SOLD_WITHOUT_PAYMENT,
    TICKETS,
    WATCHED_AT,
    Metric,
)
from cluster.services.watch import ORDERS_AT_ONCE_MAX, SETTLE_MS, WatchService
from cluster.store.mongo import StoreUnavailable
from tests.meters import RecordingMeter
from tests.unit.halls import RULES, seats
from tests.unit.ledger_entries import NOW, SHOW, order

HALL = seats("aaaaaa")
PRICE = HALL.price(0)
OnEntry = Callable[[str, int, bytes], None]


class Following:
    sequence = 0
    stale_reason = ""

    async def stop(self) -> None:
        """Nothing is kept."""


class Feed:
    """A stream in a list; followers are told of what comes as well."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, bytes]] = []
        self._followers: list[OnEntry] = []

    def add(self, subject: str, payload: bytes = b"") -> None:
        self.entries.append((subject, payload))
        for tell in self._followers:
            tell(subject, len(self.entries), payload)

    async def follow(
        self, subject_filter: str, after_sequence: int, on_entry: OnEntry
    ) -> Following:
        for number, (subject, payload) in enumerate(
            self.entries[after_sequence:], after_sequence + 1
        ):
            on_entry(subject, number, payload)
        self._followers.append(on_entry)
        following = Following()
        following.sequence = len(self.entries)
        return following

    async def last_sequence(self, subject_filter: str) -> int:
        return len(self.entries)


class World:
    """Journal, order events and orders, with a watch over them."""

    def __init__(self) -> None:
        self.now = NOW
        self.journal, self.events, self.meter = Feed(), Feed(), RecordingMeter()
        self.orders: dict[str, Order] = {}
        self.away = False
        self.most_asked = 0
        self.watch = WatchService(self.journal, self.events, self, self.meter, lambda: self.now)
        self.commit(BlockOpened(HALL, RULES, "test"))

    async def of_ids(self, order_ids: Iterable[str]) -> list[Order]:
        if self.away:
            raise StoreUnavailable("away")
        wanted = list(order_ids)
        self.most_asked = max(self.most_asked, len(wanted))
        return [self.orders[one] for one in wanted if one in self.orders]

    def commit(self, *events: Event) -> None:
        self.journal.add(f"journal.{SHOW}.1", encode_commit(NOW, "test", list(events)))

    def store(self, stored: Order) -> Order:
        self.orders[stored.order_id] = stored
        self.events.add(f"orders.{SHOW}.{stored.order_id}.{stored.state}")
        return stored

    def hold(self, token: str, *tickets: int) -> None:
        held = TicketsHeld(token, "f", tickets, PRICE * len(tickets), NOW, NOW + 600_000, 1)
        self.commit(held)

    def sell(self, to: Order, *tickets: int) -> None:
        self.hold(to.token, *tickets)
        self.commit(TicketsSold(to.token, to.order_id, tickets))

    async def look(self, *metrics: Metric) -> list[float | None]:
        """Look, and again when whatever is found has had the time to go away by itself."""
        await self.watch.look()
        self.now += SETTLE_MS
        await self.watch.look()
        return [self.meter.gauge(metric) for metric in metrics]


def paid(order_id: str, *tickets: int, **changes: object) -> Order:
    labels = HALL.labels()
    made = order(order_id, *[labels[ticket] for ticket in tickets], **changes)  # type: ignore[arg-type]
    (line,) = made.lines
    line = replace(line, prices=(PRICE,) * len(tickets), tickets=tickets)
    return replace(made, lines=(line,), amount=PRICE * len(tickets))


@pytest.fixture
async def world() -> World:
    made = World()
    await made.events.follow("orders.>", 0, made.watch._on_order_event)
    return made


INVARIANTS = (OVERSOLD, JOURNAL_VIOLATIONS, PAID_WITHOUT_SEATS, SOLD_WITHOUT_PAYMENT)


async def test_an_honest_sale_leaves_everything_at_zero(world: World) -> None:
    world.sell(world.store(paid("one", 0, 1)), 0, 1)
    world.hold("somebody", 3)
    assert await world.look(*INVARIANTS) == [0, 0, 0, 0]
    states = ("available", "held", "sold", "withheld")
    assert [world.meter.gauge(TICKETS, state) for state in states] == [3, 1, 2, 0]
    assert world.meter.gauge(WATCHED_AT) == world.now / 1000
    assert (await world.watch.health())["lag"] == 0


async def test_a_seat_that_is_given_to_two_is_oversold(world: World) -> None:
    world.sell(world.store(paid("one", 0)), 0)
    world.sell(world.store(paid("two", 0)), 0)
    oversold, violations = await world.look(OVERSOLD, JOURNAL_VIOLATIONS)
    assert oversold == 1
    assert violations == 1
    assert world.meter.gauge(PAID_WITHOUT_SEATS) == 1  # the first buyer's


async def test_a_sale_of_a_seat_that_is_anothers_hold_is_oversold(world: World) -> None:
    world.hold("somebody", 2)
    world.commit(TicketsSold("thief", "order-of-thief", (2,)))
    assert await world.look(OVERSOLD) == [1]


async def test_another_illegal_history_is_a_violation_and_not_oversold(world: World) -> None:
    world.commit(TicketsReturned("t", "o", (4,), False, ""))
    world.journal.add(f"journal.{SHOW}.1", b"nonsense")
    oversold, violations = await world.look(OVERSOLD, JOURNAL_VIOLATIONS)
    assert oversold == 0
    assert violations == 2


async def test_who_has_paid_and_has_no_seats_is_counted_by_seat(world: World) -> None:
    world.store(paid("one", 0, 1))
    assert await world.look(PAID_WITHOUT_SEATS) == [2]


async def test_what_is_put_right_in_time_was_never_found(world: World) -> None:
    one = world.store(paid("one", 0))
    await world.watch.look()
    assert world.meter.gauge(PAID_WITHOUT_SEATS) == 0  # it may just be on its way
    world.sell(one, 0)
    assert await world.look(PAID_WITHOUT_SEATS) == [0]


async def test_what_was_found_is_looked_at_again_and_forgotten_when_it_is_well(
    world: World,
) -> None:
    one = world.store(paid("one", 0))
    assert await world.look(PAID_WITHOUT_SEATS) == [1]
    world.sell(one, 0)
    assert await world.look(PAID_WITHOUT_SEATS) == [0]


async def test_a_seat_sold_to_an_order_that_is_over_or_not_there_is_not_paid(world: World) -> None:
    world.sell(world.store(paid("one", 0, state=State.CANCELLED)), 0)
    world.sell(paid("nobody", 1), 1)
    assert await world.look(SOLD_WITHOUT_PAYMENT) == [2]


async def test_an_order_that_is_given_up_later_is_seen_by_its_event(world: World) -> None:
    one = world.store(paid("one", 0))
    world.sell(one, 0)
    assert await world.look(SOLD_WITHOUT_PAYMENT) == [0]
    world.store(replace(one, state=State.CANCELLED))
    assert await world.look(SOLD_WITHOUT_PAYMENT) == [1]


async def test_what_could_not_be_read_is_looked_at_when_the_store_is_back(world: World) -> None:
    world.store(paid("one", 0))
    world.away = True
    with pytest.raises(StoreUnavailable):
        await world.watch.look()
    world.away = False
    assert await world.look(PAID_WITHOUT_SEATS) == [1]


async def test_orders_are_read_in_parts(world: World) -> None:
    for number in range(ORDERS_AT_ONCE_MAX + 3):
        world.store(paid(f"order-{number}", 0))
    assert await world.look(PAID_WITHOUT_SEATS) == [ORDERS_AT_ONCE_MAX + 3]
    assert world.most_asked == ORDERS_AT_ONCE_MAX
