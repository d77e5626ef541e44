"""Which orders' mails have been sent, so that an event that comes twice is not a mail that comes twice; and those that
their recipients' servers do not take yet, to be tried again.

An order whose mail is sent, or can never be, has a document with its id alone; a delayed one has its times as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cluster.store.mongo import Collection, Database, Document

PAUSE_FIRST_MS = 60_000
PAUSE_MS_MAX = 3_600_000
"""Pauses between the attempts at one mail double up to this."""

GIVEN_UP_MS = 86_400_000
"""A mail that nobody has taken for so long is given up: the address is wrong, and the buyer has the order's page."""

CLAIM_MS = 300_000
"""A delayed mail is taken up by one process at a time; one that died with it loses it after this."""

DELAYED_COUNTED_MAX = 10_000

_DELAYED: Document = {"due_at": {"$exists": True}}


@dataclass(frozen=True, slots=True)
class DelayedMail:
    """The mail of an order that was tried in vain, `since` when and how often. Times are ms since the epoch. The order
    id is the buyer's authority, so it is not part of the repr."""

    order_id: str = field(repr=False)
    since: int
    tries: int
    due_at: int


def delayed(order_id: str, before: DelayedMail | None, now: int) -> DelayedMail | None:
    """A mail that was not taken just now, with its next time; None when it is to be given up."""
    since, tries = (now, 1) if before is None else (before.since, before.tries + 1)
    if now - since >= GIVEN_UP_MS:
        return None
    pause = min(PAUSE_FIRST_MS * 2 ** (tries - 1), PAUSE_MS_MAX)
    return DelayedMail(order_id, since, tries, now + pause)


class Mailings:
    """Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._mailings: Collection = database.collection("mailings")

    async def ensure_indexes(self) -> None:
        await self._mailings.ensure_index([("due_at", 1)], where=_DELAYED)

    async def known(self, order_id: str) -> bool:
        """Whether the order's mail is sent, can never be, or is delayed."""
        return await self._mailings.find_one({"_id": order_id}) is not None

    async def record(self, order_id: str) -> None:
        """The order's mail is sent, or can never be."""
        over = {"$unset": {"since": "", "tries": "", "due_at": ""}}
        await self._mailings.update({"_id": order_id}, over, upsert=True)

    async def forget(self, order_id: str) -> None:
        """Nothing is to be sent any more; should the order be paid once more, it has a mail again."""
        await self._mailings.delete({"_id": order_id, **_DELAYED})

    async def delay(self, mail: DelayedMail) -> None:
        times = {"since": mail.since, "tries": mail.tries, "due_at": mail.due_at}
        await self._mailings.update({"_id": mail.order_id}, {"$set": times}, upsert=True)

    async def take_due(self, now: int) -> DelayedMail | None:
        """The mail that has been due for longest; it is due again after CLAIM_MS, whatever becomes of it."""
        found = await self._mailings.find_and_update(
            {"due_at": {"$lte": now}}, {"$set": {"due_at": now + CLAIM_MS}}, sort=[("due_at", 1)]
        )
        if found is None:
            return None
        return DelayedMail(found["_id"], found["since"], found["tries"], found["due_at"])

    async def delayed(self) -> int:
        """How many mails wait to be tried again."""
        return await self._mailings.count(_DELAYED, DELAYED_COUNTED_MAX)
