"""Which passwords are taken, how they are kept, and that nobody waits for the event loop."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator

import pytest
from argon2 import extract_parameters
from hypothesis import given
from hypothesis import strategies as st

from cluster.accounts import hashing
from cluster.accounts.hashing import LANES, MEMORY_KIB, PASSES, Passwords, TooManyHashes
from cluster.accounts.password import (
    CHARS_MAX,
    CHARS_MIN,
    Complaint,
    complaint_about,
    normal_password,
)

ADDRESS = "Ada.Lovelace@example.com"


@given(st.text(min_size=CHARS_MIN, max_size=CHARS_MAX))
def test_whatever_is_long_enough_is_taken_unless_others_would_try_it_soon(password: str) -> None:
    assert complaint_about(password, "ada@example.com") in (None, Complaint.GUESSED_SOON)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse",
        "k9$2mzQ1pw",
        "drei kleine Katzen",
        "wintergarten9",
        "\u65b0\u5bbf\u99c5\u3067\u4f1a\u3044\u307e\u3057\u3087\u3046",
        "x" + "correct horse battery staple" * 4,
    ],
)
def test_what_nobody_would_try_soon_is_taken(password: str) -> None:
    assert complaint_about(password, ADDRESS) is None


@pytest.mark.parametrize(
    "password",
    [
        "password123",
        "P@ssw0rd123",
        "1234567890",
        "qwertyuiop",
        "aaaaaaaaaaaa",
        "iloveyou12",
        "frontrow2026",
        "ada.lovelace1",
        "a" * CHARS_MAX,
    ],
)
def test_what_others_would_try_first_is_not(password: str) -> None:
    assert complaint_about(password, ADDRESS) is Complaint.GUESSED_SOON


@given(st.text(max_size=CHARS_MIN - 1))
def test_what_is_too_short_is_not(password: str) -> None:
    assert complaint_about(password, ADDRESS) is Complaint.TOO_SHORT


def test_what_is_too_long_is_not() -> None:
    assert complaint_about("a" * (CHARS_MAX + 1), ADDRESS) is Complaint.TOO_LONG


@pytest.mark.parametrize("password", [ADDRESS, ADDRESS.upper(), "ada.lovelace", f" {ADDRESS} "])
def test_nor_the_address(password: str) -> None:
    assert complaint_about(password, ADDRESS) is Complaint.IS_ADDRESS


def test_two_ways_to_write_a_letter_are_one_password() -> None:
    assert normal_password("Schl\u00f6sser") == normal_password("Schlo\u0308sser")


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


async def test_a_hash_matches_its_password_only(passwords: Passwords) -> None:
    stored = await passwords.hash("correct horse")
    assert await passwords.matches(stored, "correct horse")
    assert not await passwords.matches(stored, "correct horsE")
    assert not await passwords.matches(stored, "")
    assert stored != await passwords.hash("correct horse")
    assert "correct" not in stored
    parameters = extract_parameters(stored)
    named = (parameters.memory_cost, parameters.time_cost, parameters.parallelism)
    assert named == (MEMORY_KIB, PASSES, LANES)
    assert stored.startswith("$argon2id$")


async def test_what_is_no_hash_matches_nothing(passwords: Passwords) -> None:
    for stored in ("x", "$argon2id$v=19$m=8,t=1,p=1$x$y"):
        assert not await passwords.matches(stored, "x")


async def test_a_hash_of_other_parameters_is_outdated_and_matches_still(
    passwords: Passwords,
) -> None:
    weak = Passwords(memory_kib=1_024, passes=1)
    stored = await weak.hash("correct horse")
    assert await passwords.matches(stored, "correct horse")
    assert passwords.outdated(stored)
    assert not passwords.outdated(await passwords.hash("correct horse"))
    weak.close()


async def test_an_account_that_is_not_there_takes_as_long(passwords: Passwords) -> None:
    """The median of several, within a factor that leaves room for a busy machine."""
    stored = await passwords.hash("correct horse")
    assert not await passwords.matches(None, "correct horse")

    async def took(known: str | None) -> float:
        began = time.thread_time()
        cpu = time.process_time()
        await passwords.matches(known, "wrong password")
        return time.process_time() - cpu - (time.thread_time() - began)

    there = statistics.median([await took(stored) for _ in range(7)])
    absent = statistics.median([await took(None) for _ in range(7)])
    assert there / 3 < absent < there * 3


async def test_the_loop_goes_on_meanwhile_and_few_are_hashed_at_once(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most = 0, 0
    original = hashing.PasswordHasher.hash

    def counted(self: hashing.PasswordHasher, password: str) -> str:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            return original(self, password)
        finally:
            at_once -= 1

    monkeypatch.setattr(hashing.PasswordHasher, "hash", counted)
    hashed = asyncio.gather(*[passwords.hash("correct horse") for _ in range(6)])
    turns = 0
    while not hashed.done():
        await asyncio.sleep(0)
        turns += 1
    assert len(set(await hashed)) == 6
    assert most <= hashing.HASHES_AT_ONCE_MAX
    assert turns > 10


async def test_beyond_the_limit_nobody_waits(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "HASHES_WAITING_MAX", 3)
    hashed = [asyncio.create_task(passwords.hash("correct horse")) for _ in range(4)]
    outcomes = await asyncio.gather(*hashed, return_exceptions=True)
    assert [type(one) for one in outcomes] == [str, str, str, TooManyHashes]
    assert await passwords.hash("correct horse")
