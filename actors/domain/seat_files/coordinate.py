"""Coordinates: finite numbers of a sane size, whatever a file wrote."""

from __future__ import annotations

import re
from typing import Final

# Far beyond any hall in millimetres, and small enough that sums and squares stay finite.
COORDINATE_MAX: Final = 1_000_000.0

# `float` alone would take "1_000", "nan", "infinity" and the digits of every script.
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def coordinate_of_text(text: str) -> float | None:
    """The coordinate that a text field spells, or None when it spells none."""
    if _DECIMAL.fullmatch(text) is None:
        return None
    return coordinate_of_number(float(text))


def coordinate_of_number(value: object) -> float | None:
    """The coordinate that a JSON value is, or None: NaN and infinities fail the comparison."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -COORDINATE_MAX <= value <= COORDINATE_MAX else None
