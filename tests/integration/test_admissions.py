"""Admissions against a real mongod: a ticket lets one person in, however many scanners see it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from cluster.embedded.process import free_port
from cluster.store.admissions import (
    Admission,
    Admissions,
    AdmissionState,
    AlreadyCheckedIn,
    CheckedIn,
    NotValid,
)
from cluster.store.mongo import Database, StoreUnavailable

SHOW = "sabcdefgh2345"
NOW = 1_900_000_000_000


@pytest.fixture
async def admissions(mongodb_url: str) -> AsyncIterator[Admissions]:
    database = Database(mongodb_url, f"test_{secrets.token_hex(6)}")
    admissions = Admissions(database)
    await admissions.ensure_indexes()
    yield admissions
    await database.close()


def an_admission(number: int = 0, order_id: str = "order-1") -> Admission:
    return Admission(f"ticket{number}", order_id, SHOW, 3, number, f"Süd-A-{number}", "$teh.platz")


async def test_what_was_issued_comes_back_in_the_order_of_its_places(
    admissions: Admissions,
) -> None:
    issued = [an_admission(n) for n in range(12)]
    await admissions.issue(issued[::-1])
    await admissions.issue([an_admission(99, "order-2")])
    assert await admissions.of_order("order-1") == issued
    assert await admissions.of_order("unknown") == []


async def test_nothing_to_issue_or_to_void_is_no_error(admissions: Admissions) -> None:
    await admissions.issue([])
    await admissions.void([], "refunded")


async def test_a_ticket_lets_in_once(admissions: Admissions) -> None:
    await admissions.issue([an_admission()])
    entered = replace(an_admission(), checked_in_at=NOW, checked_in_by="request-1")
    assert await admissions.check_in("ticket0", SHOW, "request-1", NOW) == CheckedIn(entered)
    assert await admissions.check_in("ticket0", SHOW, "request-2", NOW + 5) == AlreadyCheckedIn(NOW)
    assert await admissions.of_order("order-1") == [entered]


async def test_the_same_request_again_gets_the_same_answer(admissions: Admissions) -> None:
    await admissions.issue([an_admission()])
    first = await admissions.check_in("ticket0", SHOW, "request-1", NOW)
    assert isinstance(first, CheckedIn)
    again = await admissions.check_in("ticket0", SHOW, "request-1", NOW + 60_000)
    assert again == replace(first, replayed=True)
    assert await admissions.checked_in_by("request-1") == first.admission
    assert await admissions.checked_in_by("request-2") is None


@pytest.mark.parametrize("scanners", [2, 50])
async def test_of_many_scanners_at_the_same_moment_one_lets_in(
    admissions: Admissions, scanners: int
) -> None:
    for number in range(10):
        await admissions.issue([an_admission(number)])
        outcomes = await asyncio.gather(
            *[
                admissions.check_in(f"ticket{number}", SHOW, f"request-{n}", NOW + n)
                for n in range(scanners)
            ]
        )
        (winner,) = [outcome for outcome in outcomes if isinstance(outcome, CheckedIn)]
        assert not winner.replayed
        assert winner.admission.checked_in_at is not None
        others = [outcome for outcome in outcomes if outcome is not winner]
        assert others == [AlreadyCheckedIn(winner.admission.checked_in_at)] * (scanners - 1)


async def test_a_retry_at_the_same_moment_as_its_first_try_is_let_in_like_it(
    admissions: Admissions,
) -> None:
    await admissions.issue([an_admission()])
    outcomes = await asyncio.gather(
        *[admissions.check_in("ticket0", SHOW, "request-1", NOW + n) for n in range(20)]
    )
    entered = [outcome for outcome in outcomes if isinstance(outcome, CheckedIn)]
    assert len(entered) == 20
    assert len({outcome.admission for outcome in entered}) == 1
    assert [outcome.replayed for outcome in entered].count(False) == 1


async def test_a_ticket_that_was_never_issued_or_is_for_another_show_lets_nobody_in(
    admissions: Admissions,
) -> None:
    await admissions.issue([an_admission()])
    assert await admissions.check_in("ticket1", SHOW, "request-1", NOW) == NotValid()
    assert await admissions.check_in("ticket0", "sother", "request-1", NOW) == NotValid()
    assert await admissions.of_order("order-1") == [an_admission()]


async def test_a_void_ticket_lets_nobody_in_and_says_why(admissions: Admissions) -> None:
    await admissions.issue([an_admission(n) for n in range(3)])
    await admissions.void(["ticket0", "ticket1", "unknown"], "refunded")
    await admissions.void(["ticket0"], "another reason")
    for ticket in ("ticket0", "ticket1"):
        assert await admissions.check_in(ticket, SHOW, "request-1", NOW) == NotValid("refunded")
    assert isinstance(await admissions.check_in("ticket2", SHOW, "r", NOW), CheckedIn)
    states = [(one.state, one.checked_in_at) for one in await admissions.of_order("order-1")]
    assert states == [(AdmissionState.VOID, None)] * 2 + [(AdmissionState.VALID, NOW)]


async def test_a_ticket_that_is_void_after_its_check_in_lets_nobody_in_again(
    admissions: Admissions,
) -> None:
    await admissions.issue([an_admission()])
    await admissions.check_in("ticket0", SHOW, "request-1", NOW)
    await admissions.void(["ticket0"], "refunded")
    for token in ("request-1", "request-2"):
        assert await admissions.check_in("ticket0", SHOW, token, NOW) == NotValid("refunded")
    (admission,) = await admissions.of_order("order-1")
    assert admission.checked_in_at == NOW


async def test_a_void_and_a_check_in_at_the_same_moment_never_let_in_after_the_void(
    admissions: Admissions,
) -> None:
    for number in range(20):
        await admissions.issue([an_admission(number)])
        ticket = f"ticket{number}"
        entered, _ = await asyncio.gather(
            admissions.check_in(ticket, SHOW, "request-1", NOW),
            admissions.void([ticket], "refunded"),
        )
        later = await admissions.check_in(ticket, SHOW, "request-2", NOW)
        assert later == NotValid("refunded")
        stored = (await admissions.of_order("order-1"))[number]
        assert isinstance(entered, CheckedIn) == (stored.checked_in_at is not None)


async def test_issuing_again_changes_nothing(admissions: Admissions) -> None:
    issued = [an_admission(n) for n in range(3)]
    await admissions.issue(issued)
    await admissions.check_in("ticket0", SHOW, "request-1", NOW)
    await admissions.void(["ticket1"], "refunded")
    before = await admissions.of_order("order-1")
    await admissions.issue([*issued, an_admission(3)])
    assert await admissions.of_order("order-1") == [*before, an_admission(3)]


async def test_texts_that_look_like_operators_are_texts(admissions: Admissions) -> None:
    await admissions.issue([an_admission()])
    outcome = await admissions.check_in("ticket0", SHOW, "$seat", NOW)
    assert isinstance(outcome, CheckedIn)
    assert outcome.admission.checked_in_by == "$seat"
    await admissions.void(["ticket0"], "$category")
    assert await admissions.check_in("ticket0", SHOW, "r", NOW) == NotValid("$category")


def test_the_order_is_not_in_the_repr_of_an_admission() -> None:
    assert "order-1" not in repr(an_admission())


async def test_without_mongodb_it_says_so() -> None:
    down = Database(f"mongodb://127.0.0.1:{free_port()}/?directConnection=true", "test")
    with pytest.raises(StoreUnavailable):
        await Admissions(down).check_in("ticket0", SHOW, "request-1", NOW)
    await down.close()
