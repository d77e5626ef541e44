"""Amounts of money for people: in sums of a whole house, thousands are told apart."""

from __future__ import annotations

import re

from actors.domain.money import Money

_THOUSANDS = re.compile(r"(?<=\d)(?=(?:\d{3})+(?!\d))")


def grouped(amount: int, currency: str) -> str:
    """Minor units as `70,275.00 EUR`."""
    whole, point, rest = str(Money(amount, currency)).partition(".")
    return f"{_THOUSANDS.sub(',', whole)}{point}{rest}"
