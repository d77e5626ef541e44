"""Answers that were given under an Idempotency-Key, where what was done has no record of its own to be found again."""

from __future__ import annotations

from typing import Any

from cluster.store.creation import IdTaken
from cluster.store.mongo import Collection, Database


class Answers:
    """One document per key: `{_id, fingerprint, show_id, answer}`, for ever. Every method raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._answers: Collection = database.collection("answers")

    async def begin(self, token: str, fingerprint: str, show_id: str) -> Any | IdTaken | None:
        """The answer that was given before, None when there is none yet; IdTaken when the key was another request's."""
        document = {"_id": token, "fingerprint": fingerprint, "show_id": show_id, "answer": None}
        if await self._answers.insert(document):
            return None
        found = await self._answers.find_one({"_id": token})
        if found is None or found["fingerprint"] != fingerprint:
            return IdTaken(token)
        return found["answer"]

    async def give(self, token: str, answer: Any) -> None:
        """Remember an answer, unless another one was given meanwhile."""
        await self._answers.update({"_id": token, "answer": None}, {"$set": {"answer": answer}})
