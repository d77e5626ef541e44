"""What a link in a mail vouches for, and for how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.accounts.links import SECONDS, TOKEN_CHARS_MAX, Links, Purpose
from cluster.ticketing.codes import TicketKeys

NOW = 1_900_000_000_000
SKEW_MS = 60_000
"""A token of a clock that is ahead is good already; Fernet allows for so much."""

FIRST, SECOND = TicketKeys.generate("K1"), TicketKeys.generate("K2")
LINKS = Links(TicketKeys.parse(FIRST).derived)

subjects = st.text(max_size=254).filter(
    lambda text: not any("\ud800" <= c <= "\udfff" for c in text)
)
purposes = st.sampled_from(list(Purpose))
moments = st.integers(0, 2**41)


def test_every_purpose_has_an_end() -> None:
    assert SECONDS.keys() == set(Purpose)


@given(purposes, subjects, moments, st.data())
def test_a_token_tells_its_subject_until_it_is_over(
    purpose: Purpose, subject: str, made: int, data: st.DataObject
) -> None:
    token = LINKS.token(purpose, subject, made)
    lasts = SECONDS[purpose] * 1000
    assert len(token) <= TOKEN_CHARS_MAX
    assert LINKS.subject(purpose, token, made + data.draw(st.integers(0, lasts))) == subject
    over = made + lasts + data.draw(st.integers(1_000, 10 * lasts))
    assert LINKS.subject(purpose, token, over) is None


@given(purposes, purposes, subjects)
def test_a_token_is_good_for_its_purpose_only(one: Purpose, other: Purpose, subject: str) -> None:
    token = LINKS.token(one, subject, NOW)
    assert (LINKS.subject(other, token, NOW) == subject) == (one is other)


def test_a_token_of_the_future_is_none() -> None:
    token = LINKS.token(Purpose.ORDERS, "a@example.com", NOW)
    assert LINKS.subject(Purpose.ORDERS, token, NOW - SKEW_MS) == "a@example.com"
    assert LINKS.subject(Purpose.ORDERS, token, NOW - SKEW_MS - 1_000) is None


def test_no_token_that_differs_in_one_character_is_one() -> None:
    token = LINKS.token(Purpose.RESET, "a@example.com", NOW)
    for place, char in enumerate(token[:-1]):  # the last one has bits that say nothing
        changed = token[:place] + ("A" if char != "A" else "B") + token[place + 1 :]
        assert LINKS.subject(Purpose.RESET, changed, NOW) is None, place


@given(st.text(max_size=300))
def test_any_other_text_is_no_token(text: str) -> None:
    assert LINKS.subject(Purpose.ORDERS, text, NOW) is None


@pytest.mark.parametrize("length", [TOKEN_CHARS_MAX, TOKEN_CHARS_MAX + 1, 1_000_000])
def test_a_long_text_is_no_token(length: int) -> None:
    assert LINKS.subject(Purpose.ORDERS, "A" * length, NOW) is None


def test_a_token_names_its_subject_to_nobody() -> None:
    tokens = {LINKS.token(Purpose.ORDERS, "ada@example.com", NOW) for _ in range(10)}
    assert len(tokens) == 10
    assert not any("ada" in token for token in tokens)


def test_keys_can_be_changed_while_links_are_on_their_way() -> None:
    old, new = TicketKeys.parse(FIRST), TicketKeys.parse(f"{SECOND},{FIRST}")
    token = Links(old.derived).token(Purpose.SIGN_UP, "a@example.com", NOW)
    assert Links(new.derived).subject(Purpose.SIGN_UP, token, NOW) == "a@example.com"
    token = Links(new.derived).token(Purpose.SIGN_UP, "a@example.com", NOW)
    assert Links(old.derived).subject(Purpose.SIGN_UP, token, NOW) is None
