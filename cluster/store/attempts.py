"""How often something was tried lately, counted in one place for all replicas."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from cluster.accounts.limits import Limit
from cluster.store.mongo import Collection, Database


class Attempts:
    """One document for each limit and whoever it is about, of whom it keeps a digest. Every method raises
    StoreUnavailable. `now` is ms since the epoch."""

    def __init__(self, database: Database) -> None:
        self._attempts: Collection = database.collection("attempts")

    async def ensure_indexes(self) -> None:
        await self._attempts.ensure_index([("gone_at", 1)], kept_seconds=0)

    async def take(self, limit: Limit, who: str, now: int) -> int | None:
        """Count one attempt, before it is made: None when it may be made; else in how many ms one may be again."""
        ends, gone_at = now + limit.milliseconds, _moment(now + limit.milliseconds)
        runs = {"$gt": ["$ends", now]}
        window = {
            "count": {"$cond": [runs, {"$add": ["$count", 1]}, 1]},
            "ends": {"$cond": [runs, "$ends", ends]},
            "gone_at": {"$cond": [runs, "$gone_at", gone_at]},
        }
        counted = await self._attempts.find_and_update(
            {"_id": _key(limit, who)}, [{"$set": window}], upsert=True
        )
        assert counted is not None
        return None if counted["count"] <= limit.most else counted["ends"] - now

    async def give_back(self, limit: Limit, who: str) -> None:
        """An attempt that was taken counts for nothing."""
        await self._attempts.update(
            {"_id": _key(limit, who), "count": {"$gt": 0}}, {"$inc": {"count": -1}}
        )


def _key(limit: Limit, who: str) -> str:
    return f"{limit.name}:{hashlib.sha256(who.encode()).hexdigest()}"


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
