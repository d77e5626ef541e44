"""Accounts, sessions and counted attempts against a real mongod."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from cluster.accounts.authentication import Authentication, TooManyTries
from cluster.accounts.hashing import Passwords, TooManyHashes
from cluster.accounts.limits import (
    FAILED_SIGN_INS_PER_ADDRESS,
    FAILED_SIGN_INS_PER_CLIENT,
    Limit,
)
from cluster.accounts.session import (
    IDLE_MS,
    LIFETIME_MS,
    NOTED_MS,
    Session,
    session_id_of,
)
from cluster.store.accounts import Accounts
from cluster.store.attempts import Attempts
from cluster.store.mongo import Database, StoreUnavailable
from cluster.store.orders import Orders
from cluster.store.sessions import Sessions
from tests.unit.orders import NOW, ORDERS

ADA, PASSWORD, ANOTHER = "Ada@example.com", "correct horse", "battery staple"
CHEAP = {"memory_kib": 64, "passes": 1}


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class World:
    database: Database
    clock: Clock
    who: Authentication


@pytest.fixture
async def world(mongodb_url: str) -> AsyncIterator[World]:
    database, clock, passwords = (
        Database(mongodb_url, f"test_{secrets.token_hex(6)}"),
        Clock(),
        Passwords(**CHEAP),
    )
    stores = Accounts(database), Sessions(database), Attempts(database)
    for store in stores:
        await store.ensure_indexes()
    yield World(database, clock, Authentication(*stores, passwords, clock, secrets.token_bytes))
    passwords.close()
    await database.close()


async def signed_up(world: World, address: str = ADA) -> str:
    token = await world.who.sign_up(address, PASSWORD)
    assert token is not None
    return token


async def test_g11_of_many_sign_ups_with_one_address_one_makes_an_account(world: World) -> None:
    tokens = await asyncio.gather(
        *[world.who.sign_up(ADA.upper() if n % 2 else ADA, PASSWORD) for n in range(20)]
    )
    assert sum(token is not None for token in tokens) == 1
    assert len(await world.database.collection("accounts").find({}, limit=100)) == 1


async def test_a_session_tells_whose_it_is_until_it_is_ended(world: World) -> None:
    first = await signed_up(world)
    second = await world.who.sign_in(ADA.lower(), PASSWORD, None)
    assert isinstance(second, str)
    assert first != second
    for token in (first, second):
        account = await world.who.account_of(token)
        assert account is not None
        assert account.address == ADA
        assert PASSWORD not in repr(account) + account.password_hash
    await world.who.sign_out(first)
    assert await world.who.account_of(first) is None
    assert await world.who.account_of(second) is not None
    assert await world.who.account_of("made up") is None


async def test_the_store_has_no_token(world: World) -> None:
    token = await signed_up(world)
    (stored,) = await world.database.collection("sessions").find({}, limit=10)
    assert stored["_id"] == session_id_of(token)
    assert token not in str(stored)
    ends = datetime.fromtimestamp((NOW + IDLE_MS) / 1000, UTC).replace(tzinfo=None)
    assert stored["gone_at"] == ends


async def test_g12_a_session_expires_unused_and_used(world: World) -> None:
    token = await signed_up(world)
    world.clock.now += IDLE_MS - 1
    assert await world.who.account_of(token) is not None
    world.clock.now += IDLE_MS - 1
    assert await world.who.account_of(token) is not None, "it was used meanwhile"
    world.clock.now += IDLE_MS
    assert await world.who.account_of(token) is None
    token = await world.who.sign_in(ADA, PASSWORD, None)
    assert isinstance(token, str)
    began = world.clock.now
    while world.clock.now - began < LIFETIME_MS - NOTED_MS:
        assert await world.who.account_of(token) is not None
        world.clock.now += IDLE_MS // 2
    world.clock.now = began + LIFETIME_MS
    assert await world.who.account_of(token) is None


async def test_failures_of_an_address_are_counted_also_when_they_come_at_once(
    world: World,
) -> None:
    await signed_up(world)
    tries = FAILED_SIGN_INS_PER_ADDRESS.most + 10
    answers = await asyncio.gather(*[world.who.sign_in(ADA, ANOTHER, None) for _ in range(tries)])
    assert sum(answer is None for answer in answers) == FAILED_SIGN_INS_PER_ADDRESS.most
    refused = await world.who.sign_in(ADA, PASSWORD, None)
    assert isinstance(refused, TooManyTries)
    assert 0 < refused.seconds <= FAILED_SIGN_INS_PER_ADDRESS.milliseconds // 1000
    world.clock.now += FAILED_SIGN_INS_PER_ADDRESS.milliseconds
    assert isinstance(await world.who.sign_in(ADA, PASSWORD, None), str)


async def test_an_unknown_address_is_counted_the_same(world: World) -> None:
    for _ in range(FAILED_SIGN_INS_PER_ADDRESS.most):
        assert await world.who.sign_in("nobody@example.com", PASSWORD, None) is None
    assert isinstance(await world.who.sign_in("Nobody@example.com", PASSWORD, None), TooManyTries)


async def test_a_try_that_nobody_looked_at_is_no_failure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await signed_up(world)

    async def overrun(_stored: str | None, _password: str) -> bool:
        raise TooManyHashes

    with monkeypatch.context() as overload:
        overload.setattr(world.who.passwords, "matches", overrun)
        for _ in range(FAILED_SIGN_INS_PER_ADDRESS.most + 1):
            with pytest.raises(TooManyHashes):
                await world.who.sign_in(ADA, PASSWORD, "192.0.2.1")
    assert isinstance(await world.who.sign_in(ADA, PASSWORD, "192.0.2.1"), str)


async def test_a_store_that_only_reads_knows_who_is_signed_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await signed_up(world)

    async def away(_token: str, _session: Session) -> None:
        raise StoreUnavailable("no majority")

    monkeypatch.setattr(world.who.sessions, "note", away)
    world.clock.now += NOTED_MS
    assert await world.who.account_of(token) is not None


async def test_signing_in_often_is_no_failure(world: World) -> None:
    await signed_up(world)
    for _ in range(FAILED_SIGN_INS_PER_ADDRESS.most + 2):
        assert isinstance(await world.who.sign_in(ADA, PASSWORD, "192.0.2.1"), str)


async def test_a_client_that_tries_many_addresses_is_turned_away_and_their_owners_are_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = replace(FAILED_SIGN_INS_PER_CLIENT, most=3)
    monkeypatch.setattr("cluster.accounts.authentication.FAILED_SIGN_INS_PER_CLIENT", few)
    await signed_up(world)
    for number in range(few.most):
        assert await world.who.sign_in(f"{number}@example.com", PASSWORD, "192.0.2.1") is None
    for _ in range(FAILED_SIGN_INS_PER_ADDRESS.most + 1):
        assert isinstance(await world.who.sign_in(ADA, ANOTHER, "192.0.2.1"), TooManyTries)
    assert isinstance(await world.who.sign_in(ADA, PASSWORD, "192.0.2.2"), str)


async def test_attempts_are_kept_under_digests_and_for_a_while(world: World) -> None:
    limit = Limit("test", 2, 1_000)
    attempts = world.who.attempts
    assert [await attempts.take(limit, ADA, NOW + n) for n in range(3)] == [None, None, 998]
    (stored,) = await world.database.collection("attempts").find({}, limit=10)
    assert ADA not in str(stored)
    await attempts.give_back(limit, ADA)
    await attempts.give_back(limit, ADA)
    assert await attempts.take(limit, ADA, NOW + 3) is None
    assert await attempts.take(limit, ADA, NOW + 1_000) is None, "another window"


async def test_a_hash_of_other_parameters_is_made_anew_at_the_next_sign_in(world: World) -> None:
    token = await signed_up(world)
    before = await world.who.accounts.of_address(ADA)
    stronger = replace(world.who, passwords=Passwords(memory_kib=128, passes=1))
    assert isinstance(await stronger.sign_in(ADA, PASSWORD, None), str)
    after = await world.who.accounts.of_address(ADA)
    assert before is not None
    assert after is not None
    assert before.password_hash != after.password_hash
    assert not stronger.passwords.outdated(after.password_hash)
    assert await world.who.account_of(token) is not None, "nobody is signed out"
    assert isinstance(await stronger.sign_in(ADA, PASSWORD, None), str)
    stronger.passwords.close()


async def test_a_reset_works_once_and_ends_every_session(world: World) -> None:
    token = await signed_up(world)
    subject = await world.who.reset_subject(ADA)
    assert subject is not None
    outcomes = await asyncio.gather(*[world.who.reset(subject, ANOTHER) for _ in range(5)])
    (fresh,) = [outcome for outcome in outcomes if outcome is not None]
    assert await world.who.account_of(token) is None
    assert await world.who.account_of(fresh) is not None
    assert await world.who.reset(subject, PASSWORD) is None
    assert await world.who.resettable(subject) is None
    assert await world.who.sign_in(ADA, PASSWORD, None) is None
    assert isinstance(await world.who.sign_in(ADA, ANOTHER, None), str)
    assert await world.who.reset_subject("nobody@example.com") is None


async def test_an_account_that_is_deleted_leaves_no_session(world: World) -> None:
    token = await signed_up(world)
    account = await world.who.account_of(token)
    assert account is not None
    await world.who.delete(account)
    assert await world.who.account_of(token) is None
    assert await world.who.sign_in(ADA, PASSWORD, None) is None
    assert await world.database.collection("sessions").find({}, limit=10) == []
    assert await world.who.sign_up(ADA, ANOTHER) is not None
    assert await world.who.account_of(token) is None


async def test_the_orders_of_a_mailbox_come_newest_first_page_by_page(world: World) -> None:
    orders = Orders(world.database)
    await orders.ensure_indexes()
    for number in range(7):
        address = ADA if number % 2 else ADA.upper()
        order = replace(ORDERS["sold"], order_id=f"o{number}", token=f"t{number}", email=address)
        await orders.create(replace(order, created_at=NOW + number // 3))
    await orders.create(replace(ORDERS["sold"], order_id="x", token="x", email="b@example.com"))
    first = await orders.of_mailbox("ada@example.com", 4)
    last = first[-1]
    rest = await orders.of_mailbox("ada@example.com", 4, (last.created_at, last.order_id))
    assert [order.order_id for order in (*first, *rest)] == [f"o{n}" for n in range(6, -1, -1)]


async def test_orders_of_an_earlier_version_are_found(world: World) -> None:
    orders = Orders(world.database)
    await orders.create(replace(ORDERS["sold"], email="ADA@example.com"))
    stored = world.database.collection("orders")
    await stored.update({}, [{"$unset": "mailbox"}])
    assert await orders.of_mailbox("ada@example.com", 4) == []
    await orders.fill_mailboxes()
    assert len(await orders.of_mailbox("ada@example.com", 4)) == 1


async def test_an_order_of_an_earlier_version_is_found_once_it_changes(world: World) -> None:
    orders, before = Orders(world.database), replace(ORDERS["sold"], email="ADA@example.com")
    await orders.create(before)
    await world.database.collection("orders").update({}, [{"$unset": "mailbox"}])
    after = replace(before, version=before.version + 1)
    assert await orders.replace(before, after)
    assert len(await orders.of_mailbox("ada@example.com", 4)) == 1
