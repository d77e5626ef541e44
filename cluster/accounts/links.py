"""What a mail's link vouches for: whoever has it reads the mail of an address.

A token is Fernet's (github.com/fernet/spec): encrypted and authenticated, with the time at which it was made; so it
names its subject to nobody, cannot be made up, and ends by itself. Each purpose has keys of its own, so that a token
for one is nothing for another.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from enum import StrEnum

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

HOUR = 3_600

ORDERS_LINK_SECONDS = 24 * HOUR
SIGN_UP_LINK_SECONDS = 24 * HOUR
RESET_LINK_SECONDS = HOUR
VIEWING_SECONDS = HOUR
"""How long the orders of an address are shown to the browser that has opened a link to them."""

PAGE_SECONDS = 24 * HOUR
"""How long the address of a further page of orders is good for."""

TOKEN_CHARS_MAX = 2_000
"""An address has 254 characters, of up to four bytes."""


class Purpose(StrEnum):
    """What a token is for; its subject is..."""

    ORDERS = "orders"
    """...an address, whose orders are to be shown."""

    SIGN_UP = "sign-up"
    """...an address that gets an account."""

    RESET = "reset"
    """...an account, in a generation that ends when the link is used."""

    VIEWING = "viewing"
    """...an address, whose orders this browser sees for a while."""

    PAGE = "page"
    """...a place in a list of orders."""


SECONDS = {
    Purpose.ORDERS: ORDERS_LINK_SECONDS,
    Purpose.SIGN_UP: SIGN_UP_LINK_SECONDS,
    Purpose.RESET: RESET_LINK_SECONDS,
    Purpose.VIEWING: VIEWING_SECONDS,
    Purpose.PAGE: PAGE_SECONDS,
}


class Links:
    """`keys_of` gives the keys of a purpose, 32 bytes each; the first one makes tokens, all open them. `now` is ms
    since the epoch."""

    def __init__(self, keys_of: Callable[[str], Sequence[bytes]]) -> None:
        self._keys_of = keys_of

    def token(self, purpose: Purpose, subject: str, now: int) -> str:
        """Secret: whoever has it is taken for whom it is about. Characters of base64url (RFC 4648)."""
        sealed = self._fernet(purpose).encrypt_at_time(subject.encode(), now // 1000)
        return sealed.decode().rstrip("=")

    def subject(self, purpose: Purpose, token: str, now: int) -> str | None:
        """Whom a token is about; None when it is over, for something else, or none of ours."""
        if len(token) > TOKEN_CHARS_MAX or not token.isascii():
            return None
        padded = token + "=" * (-len(token) % 4)
        try:
            opened = self._fernet(purpose).decrypt_at_time(padded, SECONDS[purpose], now // 1000)
        except InvalidToken:
            return None
        return opened.decode()

    def _fernet(self, purpose: Purpose) -> MultiFernet:
        keys = self._keys_of(f"frontrow link: {purpose}")
        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
