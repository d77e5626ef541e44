"""Which passwords are taken. Source: NIST SP 800-63B, 5.1.1.2 (revision 3) and 3.1.1.2 (revision 4): long enough, all
characters allowed, none demanded, nothing that is known of the account, nothing that others would try first.

How soon a password would be tried is estimated as in D. L. Wheeler, "zxcvbn: Low-Budget Password Strength Estimation",
USENIX Security 2016.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum

from zxcvbn import zxcvbn

CHARS_MIN = 10
"""Between revision 3's 8 and the 15 that revision 4 has where nothing else is asked: behind it is a list of tickets,
and wrong passwords are counted."""

CHARS_MAX = 128

GUESSES_MIN = 1_000_000
"""So many tries a password has to stand: online they are counted, and this many take years."""

JUDGED_CHARS_MAX = 16
"""Only so much of it is judged: the time that takes grows with the cube of the length (0.1 s at worst here)."""

EXPECTED = ("frontrow", "ticket", "tickets")
"""Words that many would think of here."""


class Complaint(StrEnum):
    """What is wrong with a password."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    IS_ADDRESS = "is_address"
    GUESSED_SOON = "guessed_soon"


def normal_password(text: str) -> str:
    """The same for all ways in which a keyboard may write it (NFC; RFC 8265, 4.2.1)."""
    return unicodedata.normalize("NFC", text)


def complaint_about(password: str, address: str) -> Complaint | None:
    """Why this address cannot have this password (in its normal form); None when it can. Takes a moment: call it beside
    the event loop."""
    if len(password) < CHARS_MIN:
        return Complaint.TOO_SHORT
    if len(password) > CHARS_MAX:
        return Complaint.TOO_LONG
    known = {address.casefold(), address.rpartition("@")[0].casefold()}
    if password.strip().casefold() in known:
        return Complaint.IS_ADDRESS
    judged = zxcvbn(password[:JUDGED_CHARS_MAX], user_inputs=[*known, *EXPECTED])
    return Complaint.GUESSED_SOON if judged["guesses"] < GUESSES_MIN else None
