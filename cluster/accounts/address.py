"""E-mail addresses: their normal form, and which of them are one mailbox."""

from __future__ import annotations

import string

from email_validator import EmailNotValidError, validate_email

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class InvalidAddress(ValueError):
    """Not an e-mail address. The text says why."""


def address_of(text: str) -> str:
    """The normal form of an address; whether anybody reads mail there only a mail can tell. Raises InvalidAddress."""
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from None


def mailbox_of(address: str) -> str:
    """The same text for all addresses (in their normal form) that lead to one mailbox.

    People write their address in capitals or not, and no mail system in use tells these apart (RFC 5321, 2.4, lets it,
    and advises against it). ASCII letters only: more of Unicode's folding would make one address of two people's.
    """
    return address.translate(_LOWER)
