"""JSON as untrusted input: parsed without surprises, looked at without casts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast


class NotJson(Exception):
    """The text is no JSON; the message says where."""


def parsed(text: str) -> object:
    """The value of a JSON text. Raises `NotJson` for whatever the parser may stumble over.

    Besides bad syntax that is nesting too deep for the parser's stack and integers of thousands of
    digits. NaN and infinities are let through: the row that holds them is refused, not the file.
    """
    try:
        return cast(object, json.loads(text))
    except json.JSONDecodeError as error:
        message = f"{error.msg}, line {error.lineno} column {error.colno}"
        raise NotJson(message) from error
    except RecursionError as error:
        raise NotJson("nested too deeply") from error
    except ValueError as error:
        raise NotJson("a number has too many digits") from error


def object_of(value: object) -> Mapping[str, object] | None:
    """The value if it is a JSON object, else None."""
    return cast(Mapping[str, object], value) if isinstance(value, dict) else None


def array_of(value: object) -> Sequence[object] | None:
    """The value if it is a JSON array, else None."""
    return cast(Sequence[object], value) if isinstance(value, list) else None


def flag_of(value: object) -> bool | None:
    """A truth value, where one that is absent or null is no; None when it is neither."""
    return value if isinstance(value, bool) else False if value is None else None


def name_of(value: object) -> str | None:
    """A name: a text without its surrounding white space, or an integer as people write it."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None
