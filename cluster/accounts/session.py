"""When a session ends. Pure; times are ms since the epoch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

DAY_MS = 24 * 3_600 * 1000

IDLE_MS = 7 * DAY_MS
"""A session that nobody used for so long is over."""

LIFETIME_MS = 30 * DAY_MS
"""So is one that began so long ago, used or not (NIST SP 800-63B, 4.1.3)."""

NOTED_MS = 3_600 * 1000
"""How exactly it is kept when a session was used: not every page is a write."""

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in. It ends with the generation of its account as well."""

    account_id: str
    generation: str
    began_at: int
    seen_at: int

    @property
    def ends_at(self) -> int:
        """When it is over unless it is used."""
        return min(self.began_at + LIFETIME_MS, self.seen_at + IDLE_MS)

    def is_over(self, now: int) -> bool:
        return now >= self.ends_at

    def is_news(self, now: int) -> bool:
        """Whether a use now is worth writing down."""
        return now - self.seen_at >= NOTED_MS


def session_id_of(token: str) -> str:
    """What is stored of a session's token: who reads the store cannot sign in with it."""
    return hashlib.sha256(token.encode()).hexdigest()
