"""The fulfilment service: lives off order events. What is paid is put on record at the door, printed, and mailed.

Two consumers, because the door must not wait for the mail: one issues admissions, the other makes documents. Both may
see an order twice: admissions are issued once, a PDF is the same file again, and a mail that was sent is remembered.
A mail system that is away keeps all mails waiting; a mail that it does not take keeps nobody else's waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Any, Protocol

import msgspec
import structlog

from actors.activation import Clock
from actors.domain.order import Order, State
from cluster.journal.consumer import Delivery, TryLater
from cluster.orders.announcing import OrderEvent, decode_order_event
from cluster.orders.documents import order_document, pdf_name
from cluster.orders.ports import OrderStore
from cluster.orders.tickets import WITH_TICKETS, TicketOffice
from cluster.services.service import wait
from cluster.store.mailings import DelayedMail, Mailings, delayed
from cluster.store.mongo import StoreUnavailable
from cluster.store.show import Show
from cluster.ticketing.calendar import calendar_of
from cluster.ticketing.codes import TicketKeys
from cluster.ticketing.document import OrderDocument
from cluster.ticketing.mail import AddressError, confirmation
from cluster.ticketing.mailer import MailDelayed, Mailer, MailRefused, MailUnavailable
from cluster.ticketing.objects import Objects, ObjectsUnavailable
from cluster.ticketing.pdf import MEDIA_TYPE, tickets_pdf

DOCUMENTS_BATCH_MAX = 8
"""Orders of one batch of documents: each takes a tenth of a second of a processor."""

DELAYED_SECONDS = 10.0
"""How often mails that were not taken at first are looked for."""

AWAY = (StoreUnavailable, ObjectsUnavailable, MailUnavailable)

_log = structlog.get_logger()

Handler = Callable[[list[Delivery]], Awaitable[None]]


class Consumer(Protocol):
    consuming: bool

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def lag(self) -> int: ...


class Catalogue(Protocol):
    async def get(self, show_id: str) -> Show | None: ...


@dataclass(frozen=True, slots=True)
class Stationery:
    """What documents are made and sent with. `order_url` is the start of an order's address, None when the outside
    does not reach it."""

    keys: TicketKeys
    objects: Objects
    mailer: Mailer
    sender: Address
    order_url: str | None

    def close(self) -> None:
        self.objects.close()
        self.mailer.close()


class FulfilmentService:
    """`consume_for_door` and `consume_for_mail` make the two consumers from their handlers."""

    def __init__(
        self,
        consume_for_door: Callable[[Handler], Consumer],
        consume_for_mail: Callable[[Handler], Consumer],
        orders: OrderStore,
        shows: Catalogue,
        office: TicketOffice,
        mailings: Mailings,
        stationery: Stationery,
        clock: Clock,
    ) -> None:
        self._door = consume_for_door(self.on_paid_for_door)
        self._mail = consume_for_mail(self.on_paid_for_mail)
        self._orders = orders
        self._shows = shows
        self._office = office
        self._mailings = mailings
        self._stationery = stationery
        self._clock = clock
        self._stopping = asyncio.Event()
        self._mailed = 0
        self._undeliverable = 0

    async def run(self) -> None:
        self._door.start()
        self._mail.start()
        try:
            while not await wait(self._stopping, DELAYED_SECONDS):
                await self.mail_delayed()
        finally:
            await asyncio.gather(self._door.stop(), self._mail.stop())

    async def stop(self) -> None:
        self._stopping.set()

    async def health(self) -> dict[str, Any]:
        return {
            "lag": await self._door.lag(),
            "documents_waiting": await self._mail.lag(),
            "consuming": self._door.consuming and self._mail.consuming,
            "mailed": self._mailed,
            "mails_delayed": await self._mailings.delayed(),
            "undeliverable": self._undeliverable,
        }

    async def on_paid_for_door(self, deliveries: list[Delivery]) -> None:
        """Put the tickets of paid orders on record: whoever took the money has done so, or was of another version."""
        try:
            paid = {event.order_id for event in _paid(deliveries)}
            orders = await self._orders.of_ids(paid)
            await self._office.issue(*[one for one in orders if one.state in WITH_TICKETS])
        except StoreUnavailable as error:
            raise TryLater(str(error)) from None

    async def on_paid_for_mail(self, deliveries: list[Delivery]) -> None:
        """Print and mail the tickets of paid orders."""
        try:
            for event in _paid(deliveries):
                if not await self._mailings.known(event.order_id):
                    await self._fulfil(event.order_id)
        except AWAY as error:
            raise TryLater(str(error)) from None

    async def mail_delayed(self) -> None:
        """Try the mails again that are due. One that fails for an unknown reason does not keep the others waiting."""
        try:
            while not self._stopping.is_set():
                mail = await self._mailings.take_due(self._clock())
                if mail is None:
                    return
                try:
                    await self._fulfil(mail.order_id, mail)
                except AWAY:
                    raise
                except Exception:
                    _log.exception("fulfilment.failed")
        except AWAY as error:
            _log.info("fulfilment.waiting", reason=str(error))

    async def _fulfil(self, order_id: str, before: DelayedMail | None = None) -> None:
        order = await self._orders.get(order_id)
        show = None if order is None else await self._shows.get(order.show_id)
        document = pdf = None
        if order is not None and show is not None and order.state in WITH_TICKETS:
            pdf = await ticket_file(order, show, self._stationery)
            document = order_document(order, show, self._stationery.keys)
        if order is None or pdf is None or document is None:
            return await self._mailings.forget(order_id)  # refunded or undone meanwhile
        try:
            await self._send(order, document, pdf)
            self._mailed += 1
        except MailDelayed as error:
            mail = delayed(order_id, before, self._clock())
            if mail is not None:
                _log.info("fulfilment.delayed", show=order.show_id, reason=str(error))
                return await self._mailings.delay(mail)
            self._give_up(order, error)
        except (AddressError, MailRefused) as error:
            self._give_up(order, error)
        await self._mailings.record(order_id)

    async def _send(self, order: Order, document: OrderDocument, pdf: bytes) -> None:
        prefix = self._stationery.order_url
        message = confirmation(
            document,
            self._stationery.sender,
            order.email,
            pdf=pdf,
            calendar=calendar_of(document),
            order_url=None if prefix is None else f"{prefix}{order.order_id}",
        )
        await self._stationery.mailer.send(message)

    def _give_up(self, order: Order, error: Exception) -> None:
        """For good: the buyer still has the order's page. Who it was is not for the log."""
        self._undeliverable += 1
        _log.warning("fulfilment.undeliverable", show=order.show_id, reason=str(error))


async def ticket_file(order: Order, show: Show, stationery: Stationery) -> bytes | None:
    """The PDF of an order's tickets, made on first use; None when the order has none (any more).

    Raises ObjectsUnavailable.
    """
    name = pdf_name(order)
    found = await stationery.objects.get(name)
    if found is not None:
        return found
    document = order_document(order, show, stationery.keys)
    if document is None:
        return None
    pdf = await asyncio.to_thread(tickets_pdf, document)
    await stationery.objects.put(name, pdf, MEDIA_TYPE)
    return pdf


def _paid(deliveries: Iterable[Delivery]) -> Iterable[OrderEvent]:
    for delivery in deliveries:
        try:
            event = decode_order_event(delivery.payload)
        except msgspec.DecodeError:
            _log.error("fulfilment.unreadable", sequence=delivery.sequence)
            continue
        if event.state == State.PAID:
            yield event
