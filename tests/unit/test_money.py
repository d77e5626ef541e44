"""Money is written with the digits of its currency."""

from __future__ import annotations

import pytest

from actors.domain.money import AMOUNT_MAX, CURRENCIES, MINOR_DIGITS, Money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1234, "EUR", "12.34 EUR"),
        (5, "USD", "0.05 USD"),
        (0, "GBP", "0.00 GBP"),
        (-5, "EUR", "-0.05 EUR"),
        (-1234, "EUR", "-12.34 EUR"),
        (1234, "JPY", "1234 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (5, "BHD", "0.005 BHD"),
    ],
)
def test_money_is_written_in_major_units(amount: int, currency: str, text: str) -> None:
    assert str(Money(amount, currency)) == text


def test_currencies_are_three_capital_letters_and_the_odd_digits_are_of_known_ones() -> None:
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCIES)
    assert set(MINOR_DIGITS) <= CURRENCIES


def test_the_largest_amount_has_eight_digits() -> None:
    assert len(str(AMOUNT_MAX)) == 8
    assert len(str(AMOUNT_MAX + 1)) == 9
