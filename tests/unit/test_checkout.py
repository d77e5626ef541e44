"""The checkout: an order of a hold whose blocks this replica may not know yet, and what it says of the payment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from actors.codec import Commit
from actors.domain.block import Hold
from actors.domain.commands import FindHold, Part
from actors.domain.events import BlockOpened
from actors.domain.identity import HoldId
from actors.domain.payment import PaymentStatus
from actors.journal import JournalUnavailable
from actors.outcomes import Accepted, Unavailable
from cluster.orders.checkout import Checkout, Ordered, Wanted
from cluster.reads.show_view import ShowView
from tests.unit.halls import RULES, register, seats
from tests.unit.orders import NOW
from tests.unit.sagas import Desk

SHOW = "sabcdefgh2345"
WANTED = Wanted("o9", "f", True, HoldId(SHOW, 2, "t"), "zoe@example.org", "Zoe")
HOLD = Hold("t", "hold", (0,), 2_194, NOW, NOW + 600_000, 2, parts=(Part(1, (1,)),))


class Counter:
    """A checkout at a replica whose view has the register and block 2; block 1 comes with the journal, if at all."""

    def __init__(self, *, comes: bool = True) -> None:
        self.desk, self.view, self.comes, self.caught_up = Desk(), ShowView(SHOW), comes, 0
        self.desk.steps.answers = {FindHold: Accepted(HOLD)}
        self.opens(0)
        self.opens(2)
        orders = cast(Any, self.desk.orders)
        self.checkout = Checkout(
            orders, self.desk.gateway, self.desk.steps.ask, lambda: NOW, self.catch_up
        )

    def opens(self, block: int) -> None:
        layout = seats("aa", section=f"S{block}") if block else register()
        opened = BlockOpened(layout, RULES, "test")
        self.view.apply(block, block + 1, Commit(NOW, "host", (opened,)))

    async def catch_up(self, show_id: str) -> None:
        assert show_id == SHOW
        self.caught_up += 1
        if self.comes:
            self.opens(1)


async def test_an_order_of_seats_that_were_loaded_a_moment_ago_waits_for_the_view() -> None:
    counter = Counter()
    placed = await counter.checkout.order(WANTED, counter.view, "Faust")
    assert isinstance(placed, Ordered)
    assert placed.order.seats == ("S1-R0-2", "S2-R0-1")
    assert counter.caught_up == 1
    await counter.checkout.order(WANTED, counter.view, "Faust")
    assert counter.caught_up == 1


async def test_seats_that_are_not_known_here_yet_make_no_order_and_no_error() -> None:
    counter = Counter(comes=False)
    placed = await counter.checkout.order(WANTED, counter.view, "Faust")
    assert isinstance(placed, Unavailable)
    assert counter.desk.orders.orders == {}


async def test_a_journal_that_is_away_is_told_without_its_name() -> None:
    counter = Counter()

    async def away(_: str) -> None:
        raise JournalUnavailable("nats: no servers")

    checkout = replace(counter.checkout, catch_up=away)
    placed = await checkout.order(WANTED, counter.view, "Faust")
    assert isinstance(placed, Unavailable)
    assert "nats" not in placed.detail


async def test_the_payment_that_was_just_opened_is_told() -> None:
    """The order's page asks for it with the secret: without it, it said that nothing could be paid."""
    counter = Counter()
    placed = await counter.checkout.order(WANTED, counter.view, "Faust")
    assert isinstance(placed, Ordered)
    assert placed.client_secret
    assert placed.payment is not None
    assert placed.payment.status is PaymentStatus.OPEN
    assert placed.payment.payment_id == placed.order.payment_id
