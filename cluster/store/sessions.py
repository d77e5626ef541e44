"""Sessions of buyers who are signed in, by a digest of their token. MongoDB removes what is over by itself."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from cluster.accounts.session import Session, session_id_of
from cluster.store.mongo import Collection, Database, Document


class Sessions:
    """Every method raises StoreUnavailable. Whether a session is over is for the caller to see."""

    def __init__(self, database: Database) -> None:
        self._sessions: Collection = database.collection("sessions")

    async def ensure_indexes(self) -> None:
        await self._sessions.ensure_index([("account_id", 1)])
        await self._sessions.ensure_index([("gone_at", 1)], kept_seconds=0)

    async def begin(self, token: str, session: Session) -> None:
        await self._sessions.insert({"_id": session_id_of(token), **_document(session)})

    async def find(self, token: str) -> Session | None:
        document = await self._sessions.find_one({"_id": session_id_of(token)})
        if document is None:
            return None
        return Session(**{k: v for k, v in document.items() if k not in ("_id", "gone_at")})

    async def note(self, token: str, session: Session) -> None:
        """It was used; one that has ended meanwhile stays ended."""
        await self._sessions.update({"_id": session_id_of(token)}, {"$set": _document(session)})

    async def end(self, token: str) -> None:
        await self._sessions.delete({"_id": session_id_of(token)})

    async def end_all(self, account_id: str) -> None:
        await self._sessions.delete({"account_id": account_id})


def _document(session: Session) -> Document:
    return {**asdict(session), "gone_at": datetime.fromtimestamp(session.ends_at / 1000, UTC)}
