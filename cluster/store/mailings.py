"""Which orders' mails have been sent, so that an event that comes twice is not a mail that comes twice."""

from __future__ import annotations

from cluster.store.mongo import Collection, Database


class Mailings:
    """Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._mailings: Collection = database.collection("mailings")

    async def sent(self, order_id: str) -> bool:
        return await self._mailings.find_one({"_id": order_id}) is not None

    async def record(self, order_id: str) -> None:
        """The order's mail is sent, or can never be."""
        await self._mailings.insert({"_id": order_id})
