"""How often something may be tried, by whom."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW_SECONDS = 3_600

FAILED_SIGN_INS_PER_ADDRESS_MAX = 20
"""NIST SP 800-63B, 5.2.2, has at most 100 in a row."""

FAILED_SIGN_INS_PER_CLIENT_MAX = 100
"""A client may be a whole house."""

LETTERS_PER_ADDRESS_MAX = 5
"""Mails with a link of one kind that one address gets in a window, whoever asks for them."""

LETTERS_PER_CLIENT_MAX = 50


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` attempts in a window of `milliseconds` that begins with the first."""

    name: str
    most: int
    milliseconds: int = WINDOW_SECONDS * 1000


FAILED_SIGN_INS_PER_ADDRESS = Limit("sign-in-address", FAILED_SIGN_INS_PER_ADDRESS_MAX)
FAILED_SIGN_INS_PER_CLIENT = Limit("sign-in-client", FAILED_SIGN_INS_PER_CLIENT_MAX)
LETTERS_PER_ADDRESS = Limit("letters-address", LETTERS_PER_ADDRESS_MAX)
LETTERS_PER_CLIENT = Limit("letters-client", LETTERS_PER_CLIENT_MAX)
