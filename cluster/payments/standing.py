"""A change that is refused because it was made before: the payment is read, and as it stands it is the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container

from actors.domain.payment import Payment, PaymentStatus
from cluster.payments.gateway import PaymentRefused

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
