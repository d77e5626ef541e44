"""Names of things, and which of them are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.identity import (
    SHOW_ID_PATTERN,
    TOKEN_PATTERN,
    BlockKey,
    HoldId,
    home_register,
    seat_id,
    show_id_of,
    token_of,
    token_of_key,
)

entropies = st.binary(min_size=16, max_size=32)


@given(entropies, entropies, st.integers(0, 999_999))
def test_a_hold_id_is_read_as_it_was_written(show: bytes, token: bytes, primary: int) -> None:
    hold_id = HoldId(show_id_of(show), primary, token_of(token))
    assert HoldId.parse(str(hold_id)) == hold_id
    assert SHOW_ID_PATTERN.match(hold_id.show_id)
    assert TOKEN_PATTERN.match(hold_id.token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sabcdefghijkl-1-" + "a" * 25,
        "sabcdefghijkl-1-" + "A" * 26,
        "sabcdefghijkl-1-" + "a" * 26 + "\n",
        "sabcdefghijkl-01-" + "a" * 26,
        "sabcdefghijkl-\u0661-" + "a" * 26,
        "sabcdefghijkl--1-" + "a" * 26,
        "sabcdefghijkl-1000000-" + "a" * 26,
        "sabcdefghij.>-1-" + "a" * 26,
    ],
)
def test_what_cannot_be_a_hold_id_is_none(text: str) -> None:
    assert HoldId.parse(text) is None


@given(st.integers(0, 999_999))
def test_a_block_key_is_read_as_it_was_written(block: int) -> None:
    key = BlockKey("sabcdefghijkl", block)
    assert BlockKey.parse(str(key)) == key


def test_a_key_leads_to_one_token_per_scope_and_secret() -> None:
    token = token_of_key(b"secret", "show", "key")
    assert token == token_of_key(b"secret", "show", "key")
    others = {
        token_of_key(b"other", "show", "key"),
        token_of_key(b"secret", "shows", "key"),
        token_of_key(b"secret", "show", "keys"),
    }
    assert len(others | {token}) == 4
    assert TOKEN_PATTERN.match(token)


def test_tokens_spread_evenly_over_registers() -> None:
    counts = [0] * 4
    for n in range(4000):
        counts[home_register(token_of(n.to_bytes(16, "big")), 4)] += 1
    assert min(counts) > 850


def test_a_seat_id_is_compared_as_a_whole() -> None:
    assert seat_id("A-B", "C", "1") == seat_id("A", "B-C", "1") == "A-B-C-1"
