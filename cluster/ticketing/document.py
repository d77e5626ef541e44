"""What is printed of an order: the show, its tickets, and how times and prices are written."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field

from actors.domain.money import Money
from cluster.time_zones import DEFAULT, local, zone_name

REFERENCE_CHARS = 10
"""Of an order's reference, in base32: 50 bits, so two orders do not share one by chance."""

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 characters, none of which is taken for another (I and O are left out, 1 and 0 too)."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)  # not strftime's: those depend on the locale of the process


@dataclass(frozen=True, slots=True)
class ShowDocument:
    """`starts_at` is ms since the epoch; `time_zone` is that of the venue."""

    show_id: str
    name: str
    venue: str
    starts_at: int
    time_zone: str = DEFAULT

    def date(self) -> str:
        """`Sat 1 March 2031`, by the clocks of `time_zone`."""
        moment = local(self.starts_at, self.time_zone)
        return f"{_DAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]} {moment.year}"

    def time(self) -> str:
        """`20:00 CET`, or `20:00 (UTC+03)` where a zone has no name of its own."""
        moment = local(self.starts_at, self.time_zone)
        return f"{moment:%H:%M} {zone_name(moment)}"


@dataclass(frozen=True, slots=True)
class TicketDocument:
    """One ticket. The code admits whoever shows it, so it is not part of the repr."""

    ticket_id: str
    code: str = field(repr=False)
    seat: str
    category: str
    price: Money


@dataclass(frozen=True, slots=True)
class OrderDocument:
    """A paid order: at least one ticket. `reference` is `order_reference` of its id, which itself is printed nowhere:
    it is the buyer's authority, and tickets are handed on. `holder` is empty for a buyer who gave no name. `paid_at`
    is ms since the epoch."""

    reference: str
    show: ShowDocument
    tickets: tuple[TicketDocument, ...]
    holder: str
    paid_at: int

    @property
    def total(self) -> Money:
        currency = self.tickets[0].price.currency
        return Money(sum(ticket.price.amount for ticket in self.tickets), currency)


def order_reference(order_id: str) -> str:
    """How an order is named on paper and on the telephone, `K7QFM-2M9X3`: always the same, and it does not lead back
    to the order id."""
    digest = hashlib.blake2b(order_id.encode(), digest_size=8, person=b"order reference").digest()
    bits = int.from_bytes(digest)
    letters = "".join(_ALPHABET[bits >> 5 * place & 31] for place in range(REFERENCE_CHARS))
    return f"{letters[: REFERENCE_CHARS // 2]}-{letters[REFERENCE_CHARS // 2 :]}"


def one_line(text: str) -> str:
    """A name as it can stand in a header or on a line: composed (Unicode NFC), without control characters."""
    composed = unicodedata.normalize("NFC", text)
    visible = "".join(" " if unicodedata.category(char) == "Cc" else char for char in composed)
    return " ".join(visible.split())
