"""What `frontrow doctor` looks at where money is concerned: the provider, its notices, orders and refunds."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

from actors.domain.payment import PaymentStatus
from cluster.journal.api import call
from cluster.journal.streams import NOTICES
from cluster.operate.backends import Client as NatsClient
from cluster.operate.backends import database, payment_gateway
from cluster.operate.check import Check, State
from cluster.operate.moments import now_ms
from cluster.operate.target import Target
from cluster.payments.gateway import PaymentGateway, PaymentRefused, PaymentsUnavailable
from cluster.store.orders import DUE_ORDERS_MAX, Orders

OVERDUE_MS = 10_000
"""An order that should have been looked at so long ago is overdue: the payment service looks every half a second."""

PAYMENTS_LOOKED_AT_MAX = 200
"""Payments among which one is looked for that nobody told us of."""

NOTICE_SECONDS_MAX = 5.0
"""How long a notice may be on its way."""

SECOND_MS = 1_000
"""The provider lists payments by whole seconds."""


async def order_checks(target: Target) -> list[Check]:
    """Orders that nobody has got round to, and money that is owed. Raises StoreUnavailable, CommandError."""
    async with database(target) as opened:
        orders = Orders(opened)
        return [
            overdue_check(await orders.waiting(now_ms() - OVERDUE_MS)),
            owing_check(await orders.owing()),
        ]


def overdue_check(orders: int) -> Check:
    if orders == 0:
        return Check("orders", State.OK, "none is overdue")
    return Check(
        "orders", State.WARNING, f"{_counted(orders)} overdue: does the payment service run?"
    )


def owing_check(orders: int) -> Check:
    if orders == 0:
        return Check("refunds", State.OK, "none has failed")
    detail = f"{_counted(orders)} with a refund that has failed and is tried again"
    return Check("refunds", State.WARNING, detail)


def _counted(orders: int) -> str:
    more = " or more" if orders >= DUE_ORDERS_MAX else ""
    return f"{orders:,}{more} order{'' if orders == 1 else 's'}"


async def provider_checks(nc: NatsClient, target: Target) -> list[Check]:
    """Whether the payment provider answers, and tells. Raises JournalUnavailable."""
    async with payment_gateway(target) as gateway:
        if gateway is None:
            detail = "not set up: only what costs nothing can be sold (see STRIPE_SECRET_KEY)"
            return [Check("payments", State.WARNING, detail)]
        name = (
            "Stripe" if target.provider and target.provider.api_base is None else "a local Stripe"
        )
        try:
            began = time.perf_counter()
            await _payments_since(gateway, now_ms())
            took = (time.perf_counter() - began) * 1000
            answers = Check("payments", State.OK, f"{name} answers in {took:.0f} ms")
            return [answers, await _webhook_check(nc, gateway)]
        except (PaymentsUnavailable, PaymentRefused) as error:
            return [Check("payments", State.FAILED, f"{name}: {error}")]


async def _webhook_check(nc: NatsClient, gateway: PaymentGateway) -> Check:
    """A payment that is younger than the last notice, and has been paid or closed since, should have been told."""
    told, untold = await _notices(nc), 0
    deadline = time.monotonic() + NOTICE_SECONDS_MAX
    while untold := await _payments_since(gateway, notice_ms(told) + SECOND_MS):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.5)
        told = await _notices(nc)
    return webhook_check(told, untold, now_ms())


def webhook_check(notices: dict[str, Any], untold: int, now: int) -> Check:
    """`notices` is the state of their stream; `untold` counts payments that should have been told, and were not."""
    stored, last = notices["messages"], notice_ms(notices)
    when = f"the last one {(now - last) // 1000:,} s ago" if stored else "none has come yet"
    if untold:
        detail = f"{untold} payments have moved and nobody told us; {when}: is the webhook set up?"
        return Check("webhooks", State.WARNING, detail)
    return Check("webhooks", State.OK, f"{stored:,} stored, {when}" if stored else when)


def notice_ms(notices: dict[str, Any]) -> int:
    """When the last one was stored, ms since the epoch; 0 when there is none."""
    if not notices["messages"]:
        return 0
    moment = datetime.fromisoformat(notices["last_ts"].partition(".")[0].rstrip("Z"))
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)


async def _notices(nc: NatsClient) -> dict[str, Any]:
    return (await call(nc, f"STREAM.INFO.{NOTICES}"))["state"]


async def _payments_since(gateway: PaymentGateway, since: int) -> int:
    """Our payments made since then that somebody has paid, or closed; of the newest ones."""
    looked_at = moved = 0
    async for payment in gateway.payments(since):
        looked_at += 1
        moved += payment.order_id != "" and payment.status is not PaymentStatus.OPEN
        if looked_at >= PAYMENTS_LOOKED_AT_MAX:
            break
    return moved
