"""The words of the registry: clients, journals and documents spell them out, so they are never renamed."""

from __future__ import annotations

import pytest

from actors.domain.rejections import REGISTRY, Code, Kind, Reason, Rejection
from actors.domain.seat_files import SeatFileErrorCode
from actors.domain.seat_rows import RowErrorCode

MEANINGS = {
    "seats_unavailable": "conflict",
    "no_adjacent_seats": "conflict",
    "too_many_seats": "invalid",
    "sale_not_open": "forbidden",
    "hold_not_found": "not_found",
    "hold_expired": "gone",
    "hold_sold": "conflict",
    "hold_in_payment": "conflict",
    "hold_superseded": "conflict",
    "already_extended": "conflict",
    "idempotency_key_reused": "invalid",
    "block_not_open": "not_found",
    "block_frozen": "conflict",
    "invalid_tickets": "invalid",
    "order_not_found": "not_found",
    "order_exists": "conflict",
    "order_expired": "gone",
    "order_paid": "conflict",
    "order_not_paid": "conflict",
    "already_refunded": "conflict",
    "seats_not_in_order": "invalid",
}


def test_every_code_is_spelled_and_sorted_as_documented() -> None:
    assert {code.value: REGISTRY[code].kind.value for code in Code} == MEANINGS


@pytest.mark.parametrize("code", Code)
def test_every_code_is_explained_in_a_sentence(code: Code) -> None:
    title = Rejection(code).meaning.title
    assert title[0].isupper()
    assert " " in title
    assert not title.endswith(".")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (Kind, "conflict forbidden gone invalid not_found"),
        (Reason, "held sold withheld unknown"),
        (
            RowErrorCode,
            "empty_field field_too_long control_character unknown_category duplicate_seat"
            " invalid_row missing_field unknown_field invalid_type invalid_coordinate"
            " invalid_accessible",
        ),
        (
            SeatFileErrorCode,
            "empty_file invalid_encoding missing_column unknown_column invalid_json"
            " invalid_plan too_many_rows",
        ),
    ],
)
def test_words_that_clients_see_are_never_renamed(words: type, expected: str) -> None:
    for word in expected.split():
        assert words[word.upper()].value == word  # type: ignore[index]
    assert len(words) == len(expected.split())  # type: ignore[arg-type]


def test_a_refusal_says_nothing_that_it_was_not_given() -> None:
    plain = Rejection(Code.HOLD_SOLD)
    assert (plain.conflicts, plain.detail, plain.epoch) == ((), "", 0)
