"""Which passwords are taken. Source: NIST SP 800-63B, 5.1.1.2 (revision 3) and 3.1.1.2 (revision 4): long enough, all
characters allowed, none demanded, nothing that is known of the account."""

from __future__ import annotations

import unicodedata
from enum import StrEnum

CHARS_MIN = 10
"""Between revision 3's 8 and the 15 that revision 4 has where nothing else is asked: behind it is a list of tickets,
and wrong passwords are counted."""

CHARS_MAX = 128


class Complaint(StrEnum):
    """What is wrong with a password."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    IS_ADDRESS = "is_address"


def normal_password(text: str) -> str:
    """The same for all ways in which a keyboard may write it (NFC; RFC 8265, 4.2.1)."""
    return unicodedata.normalize("NFC", text)


def complaint_about(password: str, address: str) -> Complaint | None:
    """Why this address cannot have this password (in its normal form); None when it can."""
    if len(password) < CHARS_MIN:
        return Complaint.TOO_SHORT
    if len(password) > CHARS_MAX:
        return Complaint.TOO_LONG
    known = {address.casefold(), address.rpartition("@")[0].casefold()}
    return Complaint.IS_ADDRESS if password.strip().casefold() in known else None
