"""Names of things: show ids, block keys, hold ids and seat ids, and how they are written."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

SHOW_ID_PATTERN = re.compile(r"s[a-z2-7]{12}\Z")
TOKEN_PATTERN = re.compile(r"[a-z2-7]{26}\Z")
HOLD_ID_PATTERN = re.compile(r"(s[a-z2-7]{12})-(0|[1-9][0-9]{0,5})-([a-z2-7]{26})\Z")


@dataclass(frozen=True, slots=True, order=True)
class BlockKey:
    """The identity of a block: the show and the block's ordinal within it."""

    show_id: str
    block: int

    def __str__(self) -> str:
        return f"{self.show_id}.{self.block}"

    @staticmethod
    def parse(text: str) -> BlockKey:
        show_id, _, block = text.partition(".")
        return BlockKey(show_id, int(block))


@dataclass(frozen=True, slots=True)
class HoldId:
    """A hold's address: its show, its primary block, and the unguessable token that is the buyer's authority."""

    show_id: str
    primary: int
    token: str

    def __str__(self) -> str:
        return f"{self.show_id}-{self.primary}-{self.token}"

    @staticmethod
    def parse(text: str) -> HoldId | None:
        """The hold id in `text`, or None when it cannot be one."""
        match = HOLD_ID_PATTERN.match(text)
        if match is None:
            return None
        return HoldId(match.group(1), int(match.group(2)), match.group(3))


def token_of(entropy: bytes) -> str:
    """26 characters of base32 from at least 16 bytes: 128 bits, safe in a URL and in a subject."""
    return base64.b32encode(entropy[:16]).decode()[:26].lower()


def token_of_key(secret: bytes, scope: str, idempotency_key: str) -> str:
    """The token that a scope (a show, or a collection) and an Idempotency-Key always lead to.

    Keyed with a secret, so that knowing a weak key does not reveal the hold id (RFC 2104).
    """
    message = f"{scope}\x00{idempotency_key}".encode()
    return token_of(hmac.new(secret, message, hashlib.sha256).digest())


def show_id_of(entropy: bytes) -> str:
    """A show id from at least 8 bytes: `s` and 12 characters of base32."""
    return "s" + base64.b32encode(entropy).decode()[:12].lower()


def home_register(token: str, registers: int) -> int:
    """The register (one of blocks 0 to `registers` - 1 of the show) that remembers an Idempotency-Key."""
    digest = hashlib.blake2b(token.encode(), digest_size=8).digest()
    return int.from_bytes(digest) % registers


def seat_id(section: str, row: str, number: str) -> str:
    """Section, row and number as loaded, joined by `-` and compared as a whole."""
    return f"{section}-{row}-{number}"
