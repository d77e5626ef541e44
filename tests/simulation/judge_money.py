"""The judge of money: I3 and I4, and what follows from them, from the books alone.

It shares no code with the ordering machine and the saga. Where it says "at that moment" it means true time, which the
journal's servers and the provider's have in common.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from actors.domain.payment import PaymentStatus
from tests.history import Dealing
from tests.simulation.account import SECURED_MS_MAX, Sold, Stay, Violation
from tests.simulation.books import TAKEN, Books, Paying
from tests.simulation.plan import LAST

PROCESSING = PaymentStatus.PROCESSING
KNOWN_MS = 15_000
"""After so long it is known how a payment stands, when nothing goes wrong."""

SOLD_STATES = ("paid", "partially_refunded")

AFTER: dict[str, tuple[str, ...]] = {
    "awaiting_payment": (),
    "authorised": ("awaiting_payment", "expired"),
    "paid": ("awaiting_payment", "authorised", "expired", "cancelled"),
    "partially_refunded": ("awaiting_payment", "authorised", "expired", "cancelled", "paid"),
    "cancelled": ("awaiting_payment", "authorised", "expired", "paid", "partially_refunded"),
    "expired": ("awaiting_payment",),
    "refunded": ("awaiting_payment", "authorised", "expired", "cancelled", *SOLD_STATES),
}
"""What an order is never said to be again after it was said to be this."""


def judge_money(books: Books) -> list[Violation]:
    """Every violation."""
    return [
        *_settled(books),
        *_paid_for(books),
        *_in_order(books),
        *_one_order_a_hold(books),
        *_never_back(books),
        *_backed(books),
        *_said_in_the_end(books),
        *_reasons(books),
        *_at_rest(books),
        *_nothing_is_kept(books),
        *_published(books),
        *_progress(books),
        *_kept_while_the_bank_decides(books),
        *(Violation("webhooks", f"{one} was acknowledged, and not stored") for one in books.lost),
    ]


def _settled(books: Books) -> Iterator[Violation]:
    """I3: in the end what is kept of an order's money is the price of exactly the seats that it has."""
    price = books.account.price
    for order_id in {*books.payments, *books.sales}:
        name, payments = order_id[:7], books.payments[order_id]
        kept = sum(paying.kept for paying in payments)
        worth = sum(price[sale.fact.block] * len(sale.kept) for sale in books.sales[order_id])
        if kept != worth:
            yield Violation("I3", f"{name} has seats for {worth}, and {kept} is kept of its money")
        captured = [one for one in payments if one.payment.status is PaymentStatus.CAPTURED]
        if len(captured) > 1:
            yield Violation("I3", f"{name} was paid {len(captured)} times")
        for paying in payments:
            status = paying.payment.status
            if status in (PaymentStatus.AUTHORISED, PaymentStatus.PROCESSING):
                yield Violation("I3", f"{name}: {paying.payment.payment_id} is left {status.value}")


def _paid_for(books: Books) -> Iterator[Violation]:
    """I4: whatever is sold costs nothing, or has a payment of exactly its price that is authorised or captured at that
    moment. One that has run out by itself was authorised when whoever sold last looked."""
    for order_id, sales in books.sales.items():
        for sale in sales:
            price = books.price(sale.fact.token, sale.fact.stored_at)
            if price and not any(_stands(one, sale, price) for one in books.payments[order_id]):
                detail = f"{order_id[:7]} is sold tickets in commit {sale.fact.sequence}"
                yield Violation("I4", f"{detail} without a payment of {price}")


def _stands(paying: Paying, sale: Sold, price: int) -> bool:
    moment = paying.at(sale.fact.stored_at)
    return (
        moment is not None
        and moment.amount == price
        and (moment.status in TAKEN or moment.by_itself)
    )


def _in_order(books: Books) -> Iterator[Violation]:
    """Money is taken when all seats are sold, and set free when none is."""
    for order_id, payments in books.payments.items():
        sales = books.sales[order_id]
        for paying in payments:
            name = f"{order_id[:7]}: {paying.payment.payment_id}"
            for at in paying.canceled():
                if any(sale.had_at(ticket, at) for sale in sales for ticket in sale.fact.tickets):
                    yield Violation("I3", f"{name} is canceled while the order has seats")
            for moment in paying.moments:
                if moment.status is PaymentStatus.CAPTURED and not _whole(books, sales, moment.at):
                    yield Violation("I3", f"{name} is captured before all seats are sold")


def _whole(books: Books, sales: list[Sold], at: float) -> bool:
    """Whether all seats of the hold are sold then."""
    had = {
        (sale.fact.block, ticket)
        for sale in sales
        for ticket in sale.fact.tickets
        if sale.had_at(ticket, at)
    }
    return bool(sales) and had == set(books.seats(sales[0].fact.token, at))


def _one_order_a_hold(books: Books) -> Iterator[Violation]:
    """Two orders never share a hold, a key leads to one order, and an order has one payment that can be paid."""
    of_hold, of_key = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    secrets = defaultdict[str, set[str]](set)
    for (_, token), sale in books.account.sales.items():
        of_hold[token].add(sale.order_id)
    for (_, token), stays in books.account.stays.items():
        of_hold[token].update(f.event["order_id"] for stay in stays for f in stay.secured)
    for one in books.dealings:
        if one.effective and one.request.kind == "order":
            order_id = one.body["order_id"]
            of_hold[one.request.hold_id.rpartition("-")[2]].add(order_id)
            if one.request.key:
                of_key[one.request.key].add(order_id)
            if one.body["client_secret"]:
                secrets[order_id].add(one.body["client_secret"])
    for what, law, found in (
        ("hold", "I3", of_hold),
        ("key", "I6", of_key),
        ("order", "I3", secrets),
    ):
        for name, many in found.items():
            if len(many) > 1:
                yield Violation(law, f"{what} {name[:12]} has {len(many)}: {sorted(many)}")


def _never_back(books: Books) -> Iterator[Violation]:
    """What an order is said to be never goes back, neither in answers nor in what is published; but a refund that had
    seemed to succeed may fail."""
    for order_id, order in books.orders.items():
        failed = any(change["cause"] == "refund_failed" for change in order["history"])
        answers = [
            (first.body, second.body)
            for first, second in pairwise(books.told(order_id))
            if (first.returned or 0.0) < second.invoked
        ]
        said = [(first["state"], first["reason"], second["state"]) for first, second in answers]
        said += [
            (first["state"], first["cause"], second["state"])
            for first, second in pairwise(order["history"])
        ]
        for was, reason, is_now in said:
            if failed and was in ("refunded", "partially_refunded") and is_now in SOLD_STATES:
                continue
            final = reason == "too_late" and is_now not in ("expired", "refunded")
            if is_now in AFTER[was] or final:
                yield Violation("order", f"{order_id[:7]} was {was}, {reason}, and is {is_now}")


def _backed(books: Books) -> Iterator[Violation]:
    """The seats that a buyer was told to have tickets for are the order's until the organizer wants them back."""
    labels = books.account.labels
    for one in books.dealings:
        if not one.effective or one.body.get("state") not in SOLD_STATES or one.returned is None:
            continue
        order_id, told = one.body["order_id"], {ticket["seat"] for ticket in one.body["tickets"]}
        had = set[str]()
        for sale in books.sales[order_id]:
            for ticket in sale.fact.tickets:
                seat, back = labels[sale.fact.block, ticket], sale.back.get(ticket)
                if sale.fact.stored_at > one.returned or seat not in told:
                    continue
                had.add(seat)
                if back is not None and not _wanted_back(books, order_id, seat, back.stored_at):
                    yield Violation("paid", f"{order_id[:7]} was paid, and has lost {seat}")
                if back is not None and back.stored_at < one.invoked:
                    had.discard(seat)
        if told - had:
            yield Violation("paid", f"{order_id[:7]} was told that it has {sorted(told - had)}")


def _wanted_back(books: Books, order_id: str, seat: str, at: float) -> bool:
    return any(
        one.invoked <= at and (not one.request.seats or seat in one.request.seats)
        for one in books.asked("refund", order_id)
    )


def _said_in_the_end(books: Books) -> Iterator[Violation]:
    """The last answer about an order is what the journal says of its seats; what was to be given back is given back."""
    labels = books.account.labels
    for order_id in books.orders:
        answers = books.told(order_id)
        if not answers:
            yield Violation("progress", f"nobody can see {order_id[:7]}")
            continue
        body = answers[-1].body
        has = {
            labels[sale.fact.block, ticket]
            for sale in books.sales[order_id]
            for ticket in sale.kept
        }
        back = {seat for refund in body["refunds"] for seat in refund["seats"]}
        state = body["state"]
        should = set(body["seats"]) - back if state in SOLD_STATES else set[str]()
        if has != should:
            yield Violation("order", f"{order_id[:7]} is {state}, and has {sorted(has)}")
        if any(refund["state"] != "succeeded" for refund in body["refunds"]):
            yield Violation("I3", f"{order_id[:7]} has a refund that has not come to its end")
        for one in books.asked("refund", order_id):
            if one.effective and not set(one.request.seats or body["seats"]) <= back:
                yield Violation("I3", f"{order_id[:7]}: a refund was promised, and not made")


def _reasons(books: Books) -> Iterator[Violation]:
    """An order ends for the reason that it gives."""
    for order_id, order in books.orders.items():
        for change in order["history"]:
            if not _is_so(books, order_id, change["cause"]):
                cause = change["cause"]
                yield Violation("reason", f"{order_id[:7]} says {cause}, and that is not so")


def _is_so(books: Books, order_id: str, cause: str) -> bool:
    order, payments = books.orders[order_id], books.payments[order_id]
    own = [one for one in payments if one.payment.payment_id == order["payment_id"]]
    skew_ms = books.skew_ms
    match cause:
        case "payment_canceled":
            return any(_cannot_be_taken(books, one) for one in own)
        case "amount_mismatch":
            return any(m.amount != order["amount"] for one in own for m in one.moments)
        case "payment_authorised" | "late_payment":
            return any(m.status in TAKEN for one in own for m in one.moments)
        case "buyer_cancelled":
            return bool(books.asked("cancel", order_id))
        case "hold_released" | "hold_expired":
            stays = books.account.primaries(order["token"], order["primary"])
            return any(
                stay.ended is not None
                and (
                    stay.ended.kind == cause
                    or (
                        cause == "hold_expired" and stay.ended.at + skew_ms >= _first_deadline(stay)
                    )
                )
                for stay in stays
            )
        case _:
            return True


def _first_deadline(stay: Stay) -> int:
    """Whoever asked a host whose clock is ahead heard that the hold was over, and then it was extended."""
    return stay.held.event["deadline"]


def _cannot_be_taken(books: Books, paying: Paying) -> bool:
    canceled = any(m.status is PaymentStatus.CANCELED for m in paying.moments)
    return canceled or paying.payment.payment_id in books.refused


def _at_rest(books: Books) -> Iterator[Violation]:
    for order_id, order in books.orders.items():
        if order["task"] != "none" or order["due_at"] is not None:
            yield Violation("rest", f"{order_id[:7]} is {order['state']}, to {order['task']} still")


def _nothing_is_kept(books: Books) -> Iterator[Violation]:
    """No seat is kept for the payment of an order that is over."""
    for order_id, order in books.orders.items():
        if order["state"] not in ("cancelled", "expired"):
            continue
        over = order["history"][-1]["at"] + books.skew_ms
        for (block, token), stays in books.account.stays.items():
            for stay in stays if token == order["token"] else ():
                if stay.secured and stay.ended is not None and stay.ended.stored_at > over:
                    seconds = (stay.ended.stored_at - over) / 1000
                    detail = f"{order_id[:7]} was over, and kept seats in block {block}"
                    yield Violation("rest", f"{detail} for {seconds:.0f} s more")


def _published(books: Books) -> Iterator[Violation]:
    """Every transition of every order is published, as it was, none before those that came before it."""
    seen = defaultdict[str, list[dict[str, object]]](list)
    for event in books.events:
        events = seen[event["order_id"]]
        if event["version"] == len(events) + 1:
            events.append(event)
        elif event["version"] > len(events):
            yield Violation("events", f"{event['order_id'][:7]}: {event['version']} came too soon")
    for order_id, order in books.orders.items():
        versions = [change["version"] for change in order["history"]]
        if versions != list(range(1, order["version"] + 1)):
            yield Violation("events", f"{order_id[:7]} has the versions {versions}")
        stored = [(c["state"], c["cause"], c["at"]) for c in order["history"]]
        told = [(e["state"], e["cause"], e["at"]) for e in seen[order_id]]
        if stored != told:
            yield Violation(
                "events", f"{order_id[:7]}: {len(told)} of {len(stored)} were published"
            )


def _progress(books: Books) -> Iterator[Violation]:
    """Who pays in time when nothing is wrong has seats."""
    for order_id, payments in books.payments.items():
        taken = any(m.status in TAKEN for one in payments for m in one.moments)
        answers = books.told(order_id)
        if not taken or not answers or not _nothing_is_wrong(books, answers[0]):
            continue
        hold_id = answers[0].body["hold_id"]
        released = any(
            one.request.kind == "release" and one.request.hold_id == hold_id
            for one in books.history
        )
        if released or books.asked("cancel", order_id):
            continue
        last = [one for one in answers if one.request.kind == "look"][-1]
        if last.body["state"] not in (*SOLD_STATES, "refunded"):
            detail = f"{order_id[:7]} was paid in time, and is {last.body['state']}"
            yield Violation("progress", detail)


def _kept_while_the_bank_decides(books: Books) -> Iterator[Violation]:
    """I7: no hold runs out while its payment is known to be processing, or is authorised, before its hour is over. With
    faults that is known to nobody but the journal, where a hold is secured or not."""
    for order_id, order in books.orders.items() if books.calm else ():
        for stay in books.account.primaries(order["token"], order["primary"]):
            ended = stay.ended
            if ended is None or ended.kind != "hold_expired":
                continue
            in_its_hour = ended.stored_at < stay.held.stored_at + SECURED_MS_MAX
            for paying in books.payments[order_id]:
                before = paying.at(stay.held.event["deadline"] - KNOWN_MS)
                known = before is not None and before.status in (PROCESSING, *TAKEN)
                if in_its_hour and known and paying.at(ended.stored_at) == before:
                    yield Violation("I7", f"{order_id[:7]} ran out while it was being paid")


def _nothing_is_wrong(books: Books, ordered: Dealing) -> bool:
    return books.calm or (books.unhurried and ordered.client.startswith(LAST))
