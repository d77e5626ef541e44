"""The mails of the fulfilment service, against a real mongod: whose mail is not taken keeps nobody else's waiting."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from actors.domain.order import Order, State
from cluster.journal.consumer import Delivery, TryLater
from cluster.orders.announcing import OrderEvent
from cluster.orders.tickets import TicketOffice
from cluster.services.fulfilment import FulfilmentService, Stationery
from cluster.store.admissions import Admissions
from cluster.store.mailings import GIVEN_UP_MS, PAUSE_MS_MAX, DelayedMail, Mailings, delayed
from cluster.store.mongo import Database
from cluster.store.orders import Orders
from cluster.store.show import Show
from cluster.ticketing.codes import TicketKeys
from cluster.ticketing.mailer import MailDelayed, MailRefused, MailUnavailable
from cluster.ticketing.objects import Objects
from tests.idle import Idle
from tests.unit.orders import NOW, ORDERS

SHOW = Show("sabcdefgh2345", "Faust", "Hall", NOW, "EUR", {}, (), 600, 10, None, None, NOW, "")
ANN, BOB = "ann@example.org", "bob@example.org"


@dataclass
class Post:
    """A mailer that answers some recipients with an error."""

    errors: dict[str, Exception] = field(default_factory=dict[str, Exception])
    taken: list[str] = field(default_factory=list[str])
    tried: int = 0

    async def send(self, message: EmailMessage) -> None:
        self.tried += 1
        recipient = message["To"].addresses[0].addr_spec
        if recipient in self.errors:
            raise self.errors[recipient]
        self.taken.append(recipient)

    def close(self) -> None: ...


class Shows:
    async def get(self, show_id: str) -> Show | None:
        return SHOW if show_id == SHOW.show_id else None


@dataclass
class Office:
    """The service with two paid orders, its mailer, and a clock that the test moves."""

    service: FulfilmentService
    post: Post
    orders: Orders
    mailings: Mailings
    admissions: Admissions
    now: int = NOW

    async def hear(self, *order_ids: str) -> None:
        await self.service.on_paid_for_mail([_delivery(one) for one in order_ids])

    async def undeliverable(self) -> int:
        return (await self.service.health())["undeliverable"]


def _delivery(order_id: str) -> Delivery:
    event = OrderEvent(order_id, "show", 4, "paid", NOW, "captured", "payments", 1, "EUR", ())
    nobody: Any = None
    return Delivery(nobody, "", "orders.show.o.paid", 1, msgspec.json.encode(event), 1, NOW)


def _order(order_id: str, email: str) -> Order:
    return replace(
        ORDERS["paid"], order_id=order_id, show_id=SHOW.show_id, token=order_id, email=email
    )


@pytest.fixture
async def office(mongodb_url: str, tmp_path: Path) -> AsyncIterator[Office]:
    database = Database(mongodb_url, f"test_{secrets.token_hex(6)}")
    orders, mailings, admissions = Orders(database), Mailings(database), Admissions(database)
    await mailings.ensure_indexes()
    for order in (_order("a", ANN), _order("b", BOB)):
        await orders.create(order)
    post = Post()
    keys = TicketKeys.parse(TicketKeys.generate("K1"))
    objects = Objects(tmp_path.as_uri())
    stationery = Stationery(keys, objects, post, Address("", "hall", "example.org"), None)
    service = FulfilmentService(
        lambda _: Idle(),
        lambda _: Idle(),
        orders,
        Shows(),
        TicketOffice(admissions),
        mailings,
        stationery,
        lambda: made.now,
    )
    made = Office(service, post, orders, mailings, admissions)
    yield made
    stationery.close()
    await database.close()


async def test_a_mail_that_is_not_taken_now_keeps_nobody_elses_waiting(office: Office) -> None:
    office.post.errors[ANN] = MailDelayed("450")
    await office.hear("a", "b")
    assert office.post.taken == [BOB]
    assert await office.mailings.delayed() == 1
    await office.hear("a", "b")  # the events come twice
    await office.service.mail_delayed()
    assert office.post.tried == 2, "not before its time, and not for the event"


async def test_it_is_tried_again_at_growing_intervals_until_it_is_taken(office: Office) -> None:
    office.post.errors[ANN] = MailDelayed("450")
    await office.hear("a")
    office.now += 60_000
    await office.service.mail_delayed()
    office.now += 60_000
    await office.service.mail_delayed()
    assert office.post.tried == 2
    office.post.errors.clear()
    office.now += 60_000
    await office.service.mail_delayed()
    assert office.post.taken == [ANN]
    office.now += GIVEN_UP_MS
    await office.service.mail_delayed()
    assert (office.post.taken, await office.mailings.delayed()) == ([ANN], 0)
    assert await office.undeliverable() == 0


async def test_after_a_day_it_is_given_up(office: Office) -> None:
    office.post.errors[ANN] = MailDelayed("450")
    await office.hear("a")
    office.now += GIVEN_UP_MS
    await office.service.mail_delayed()
    assert (await office.undeliverable(), await office.mailings.delayed()) == (1, 0)
    await office.hear("a")
    assert office.post.tried == 2


async def test_a_mail_that_is_refused_for_good_is_not_tried_again(office: Office) -> None:
    office.post.errors[ANN] = MailRefused("550")
    await office.hear("a", "b")
    await office.hear("a", "b")
    assert (office.post.taken, office.post.tried) == ([BOB], 2)
    assert await office.undeliverable() == 1


async def test_a_mail_system_that_is_away_keeps_all_mails_and_no_attempt_counts(
    office: Office,
) -> None:
    office.post.errors |= {ANN: MailUnavailable("away"), BOB: MailUnavailable("away")}
    with pytest.raises(TryLater):
        await office.hear("a", "b")
    assert office.post.tried == 1
    assert await office.mailings.delayed() == 0
    office.post.errors.clear()
    await office.hear("a", "b")
    assert office.post.taken == [ANN, BOB]


async def test_a_mail_system_that_is_away_uses_up_no_attempt_of_a_delayed_mail(
    office: Office,
) -> None:
    office.post.errors[ANN] = MailDelayed("450")
    await office.hear("a")
    office.post.errors[ANN] = MailUnavailable("away")
    office.now += GIVEN_UP_MS
    await office.service.mail_delayed()
    assert (await office.undeliverable(), await office.mailings.delayed()) == (0, 1)
    office.post.errors.clear()
    office.now += PAUSE_MS_MAX
    await office.service.mail_delayed()
    assert office.post.taken == [ANN]


async def test_what_fails_for_an_unknown_reason_keeps_no_other_delayed_mail_waiting(
    office: Office,
) -> None:
    office.post.errors |= {ANN: MailDelayed("450"), BOB: MailDelayed("450")}
    await office.hear("a")
    office.now += 1
    await office.hear("b")
    office.post.errors = {ANN: ZeroDivisionError()}
    office.now += 60_000
    await office.service.mail_delayed()
    assert office.post.taken == [BOB]
    assert await office.mailings.delayed() == 1


async def test_two_services_do_not_both_send_a_delayed_mail(office: Office) -> None:
    office.post.errors[ANN] = MailDelayed("450")
    await office.hear("a")
    office.post.errors.clear()
    office.now += 60_000
    await asyncio.gather(*[office.service.mail_delayed() for _ in range(5)])
    assert office.post.taken == [ANN]


def test_the_pauses_of_a_mail_double_up_to_an_hour_for_a_day() -> None:
    now, mail, pauses = NOW, cast("DelayedMail | None", None), list[int]()
    while (mail := delayed("a", mail, now)) is not None:
        pauses.append((mail.due_at - now) // 60_000)
        now = mail.due_at
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert GIVEN_UP_MS <= now - NOW <= GIVEN_UP_MS + PAUSE_MS_MAX


async def test_the_door_and_the_mail_know_only_orders_that_have_tickets_now(
    office: Office,
) -> None:
    """After a restore an order that was paid may have been undone; the event that it was paid is still there."""
    undone = replace(_order("c", ANN), state=State.CANCELLED)
    await office.orders.create(undone)
    await office.service.on_paid_for_door([_delivery("a"), _delivery("c")])
    await office.hear("a", "c")
    assert len(await office.admissions.of_order("a")) == len(undone.seats)
    assert await office.admissions.of_order("c") == []
    assert office.post.taken == [ANN]
