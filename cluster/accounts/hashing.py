"""Password hashes: argon2id (RFC 9106), computed beside the event loop, few at a time."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION

MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
"""What OWASP's Password Storage Cheat Sheet names for argon2id: 45 ms of a busy core, measured. RFC 9106's own (64 MiB,
3 passes, 4 lanes) took 330 ms of two cores, which the seats of an on-sale need more."""

SALT_BYTES = 16
HASH_BYTES = 32

HASHES_AT_ONCE_MAX = 2
"""Threads of one replica that hash: so much memory and so many cores at most."""

HASHES_WAITING_MAX = 100
"""Beyond these a caller is told to come again."""

T = TypeVar("T")


class TooManyHashes(Exception):
    """So many passwords are being looked at that one more would wait too long."""


class Passwords:
    """The hasher of one process. Every method raises TooManyHashes."""

    def __init__(
        self, memory_kib: int = MEMORY_KIB, passes: int = PASSES, lanes: int = LANES
    ) -> None:
        self._hasher = PasswordHasher(
            passes, memory_kib, lanes, hash_len=HASH_BYTES, salt_len=SALT_BYTES
        )
        self._nobodys = (
            f"$argon2id$v={ARGON2_VERSION}$m={memory_kib},t={passes},p={lanes}"
            f"${_base64(secrets.token_bytes(SALT_BYTES))}${_base64(secrets.token_bytes(HASH_BYTES))}"
        )
        self._threads = ThreadPoolExecutor(HASHES_AT_ONCE_MAX, thread_name_prefix="passwords")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """A new hash, with its parameters and its salt in it."""
        return await self._aside(lambda: self._hasher.hash(password))

    async def matches(self, stored: str | None, password: str) -> bool:
        """Whether it is the password of this hash. None: there is no such account, which takes as long to find out."""
        matched = await self._aside(lambda: self._matches(stored or self._nobodys, password))
        return matched and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than these."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _aside(self, work: Callable[[], T]) -> T:
        if self._waiting >= HASHES_WAITING_MAX:
            raise TooManyHashes
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _base64(value: bytes) -> str:
    """Without padding, as the encoded form of a hash has it."""
    return base64.b64encode(value).decode().rstrip("=")
