"""Tickets as the read model has them. Who may read it may not act for a buyer: holds and orders are digests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple


def digest(secret: str) -> str:
    """What stands for a hold's token or an order's id: it tells them apart and cannot be used as one."""
    return hashlib.blake2b(secret.encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class TicketRecord:
    """One ticket. `sequence` is the journal's for the last commit that changed it; `deadline` is ms since the epoch.

    `hold` and `order` are digests, of the live or sold hold and of the order it was sold to.
    """

    show_id: str
    block: int
    ticket: int
    seat: str
    section: str
    category: str
    status: str
    hold: str | None
    order: str | None
    deadline: int | None
    sequence: int


class TicketState(NamedTuple):
    """What can change about one ticket, but for its deadline, which is its hold's."""

    status: str
    hold: str | None
    order: str | None
    sequence: int


class Deadline(NamedTuple):
    """Until when a hold is live (ms since the epoch), and the sequence of the commit that said so."""

    at: int
    sequence: int
