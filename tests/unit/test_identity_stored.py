"""Names that are stored: the journal and the buyers keep them, so a later version has to derive the same ones."""

from __future__ import annotations

import pytest

from actors.domain.identity import (
    HOLD_ID_PATTERN,
    BlockKey,
    home_register,
    show_id_of,
    token_of,
    token_of_key,
)

ENTROPY = bytes(range(250, 256)) + bytes(range(20))


def test_a_token_is_the_base32_of_the_first_sixteen_bytes() -> None:
    assert token_of(ENTROPY) == token_of(ENTROPY[:16]) == "7l57z7p674aacaqdaqcqmbyibe"


def test_a_show_id_is_an_s_and_the_base32_of_the_first_bytes() -> None:
    assert show_id_of(ENTROPY) == show_id_of(ENTROPY[:8]) == "s7l57z7p674aa"


def test_the_token_of_a_key_stays_the_same_for_ever() -> None:
    assert token_of_key(b"secret", "show", "key") == "g7kqqrw6vpwv5tqznim74sluni"


@pytest.mark.parametrize(("registers", "homes"), [(4, [3, 0, 2, 2]), (1000, [679, 776, 834, 374])])
def test_the_register_of_a_key_stays_the_same_for_ever(registers: int, homes: list[int]) -> None:
    tokens = [token_of(bytes([n]) * 16) for n in range(4)]
    assert [home_register(token, registers) for token in tokens] == homes


def test_a_text_with_two_dots_is_no_block_key() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        BlockKey.parse("sabcdefghijkl.1.2")


@pytest.mark.parametrize("number", ["0", "9", "10", "123456"])
@pytest.mark.parametrize("border", ["a", "z", "2", "7"])
def test_a_hold_id_has_letters_and_digits_of_base32(number: str, border: str) -> None:
    text = f"s{border * 12}-{number}-{border * 26}"
    assert HOLD_ID_PATTERN.match(text)
