"""A payment as it stands: the answer to a change that is refused because it was made before, and to whoever looks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container
from typing import TypeVar

from actors.domain.payment import Payment, PaymentStatus
from cluster.payments.gateway import PaymentRefused, PaymentsUnavailable

T = TypeVar("T")

BEYOND_CAPTURE = (PaymentStatus.CAPTURED,)
BEYOND_CANCEL = (PaymentStatus.CANCELED, PaymentStatus.CAPTURED, PaymentStatus.PROCESSING)


async def changed(
    change: Callable[[], Awaitable[Payment]],
    find: Callable[[], Awaitable[Payment]],
    beyond: Container[PaymentStatus],
) -> Payment:
    """The payment after `change`, or as it stands if it is refused in a status `beyond` it."""
    try:
        return await change()
    except PaymentRefused:
        payment = await find()
        if payment.status in beyond:
            return payment
        raise


async def looked(look: Callable[[], Awaitable[T]]) -> T:
    """What a look comes to. That it failed, even with an answer, says nothing of a change that may be under way: who
    took it for that would send the change again under another key, and it would be made twice."""
    try:
        return await look()
    except PaymentsUnavailable as error:
        raise PaymentsUnavailable(str(error), error.retry_after_seconds) from None
