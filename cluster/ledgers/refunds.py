"""Refunds: what went back is what the orders say, once, and nothing that failed is forgotten. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from actors.domain.money import Money
from actors.domain.order import Order, Refund
from actors.domain.payment import RefundStatus
from cluster.ledgers.disagreement import Disagreement, Kind
from cluster.ledgers.entries import Account, Ledgers


def refund_disagreements(ledgers: Ledgers) -> Iterator[Disagreement]:
    """Order by order, whatever is wrong with the money that goes back."""
    for order in ledgers.orders.values():
        for refund in order.refunds:
            yield from _of_refund(order, refund, ledgers.account)
        if ledgers.account is not None and order.payment_id:
            yield from _beyond(order, ledgers.account)


def _of_refund(order: Order, refund: Refund, account: Account | None) -> Iterator[Disagreement]:
    owed = Money(refund.amount, order.currency)
    if refund.status is RefundStatus.FAILED:
        detail = f"a refund of {owed} has failed ({refund.problem}) and is still owed"
        yield _found(order, Kind.REFUND_OWED, detail)
    if account is None or refund.status is not RefundStatus.SUCCEEDED or refund.amount == 0:
        return
    known = account.refund(order.payment_id, refund.provider_id)
    if known is None:
        detail = f"a refund of {owed} is done, and the provider does not have it"
        yield _found(order, Kind.REFUND_UNKNOWN, detail)
    elif known.status is RefundStatus.FAILED:
        detail = f"a refund of {owed} is done, and has failed at the provider ({known.problem})"
        yield _found(order, Kind.REFUND_OWED, detail)
    elif known.amount != refund.amount and not _even(order, account):
        given = Money(known.amount, order.currency)
        detail = f"a refund of {owed} is {given} at the provider"
        yield _found(order, Kind.WRONG_AMOUNT, detail)


def _even(order: Order, account: Account) -> bool:
    """Whether just what the order says went back in all: somebody who gives money back at the provider itself may do
    it in other pieces."""
    said = sum(one.amount for one in order.refunds if one.status is RefundStatus.SUCCEEDED)
    return account.given_back(order.payment_id) == said


def _beyond(order: Order, account: Account) -> Iterator[Disagreement]:
    given, said = account.given_back(order.payment_id), sum(one.amount for one in order.refunds)
    if given > said:
        back, asked = Money(given, order.currency), Money(said, order.currency)
        yield _found(order, Kind.REFUNDED_TWICE, f"{back} went back, the order says {asked}")


def _found(order: Order, kind: Kind, detail: str) -> Disagreement:
    return Disagreement(kind, order.show_id, order.order_id, detail, payment_id=order.payment_id)
