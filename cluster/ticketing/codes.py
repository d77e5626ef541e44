"""Signed ticket codes: what the QR code of a ticket says, and what a scanner at the door checks.

    FR1.KID.TICKET.SHOW.SIGNATURE

`FR1` is the version, KID names the key, TICKET and SHOW are the ids in upper case, SIGNATURE is Ed25519 (RFC 8032)
over everything before its dot, in base32 (RFC 4648) without padding. Every character is of a QR code's alphanumeric
mode (ISO/IEC 18004), which has no lower case. Whoever has a public key can check a code without a network; whether
the ticket is still valid and was not shown before is known to the admissions alone.

A claim has exactly one code per key: Ed25519 is deterministic, a verifier refuses an S that is not reduced and a
point that is not in its canonical form (RFC 8032, 5.1.7), and base32 with stray bits in its last letter is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from actors.domain.identity import SHOW_ID_PATTERN, TOKEN_PATTERN, token_of

VERSION = "FR1"
PUBLIC = "public"
KEY_BYTES = 32
"""A private key is its seed of 32 bytes; so long is a public key too (RFC 8032, 5.1.5)."""

KEYS_MAX = 16
"""Keys that are valid at once: a rotation needs two, and the tickets of some seasons a few more."""

CODE_CHARS_MAX = 153
"""The longest code, with a key id of four characters: it fits a QR code of version 6 at error correction M (154)."""

_KID = re.compile(r"[0-9A-Z]{1,4}")
_KEY = re.compile(r"[A-Za-z0-9_-]{43}=?")
_CODE = re.compile(
    VERSION
    + r"\.(?P<kid>[0-9A-Z]{1,4})\.(?P<ticket>[A-Z2-7]{26})\.(?P<show>S[A-Z2-7]{12})"
    + r"\.(?P<signature>[A-Z2-7]{103})"
)


class TicketKeysError(ValueError):
    """The text holds no usable keys. It says which item, and never repeats it."""


@dataclass(frozen=True, slots=True)
class TicketClaim:
    """What a code vouches for: this ticket was issued for this show."""

    ticket_id: str
    show_id: str


class TicketKeys:
    """One key that signs, and all that verify. Its repr shows key ids only."""

    def __init__(
        self,
        kid: str,
        signers: Sequence[Ed25519PrivateKey],
        verifiers: Mapping[str, Ed25519PublicKey],
    ) -> None:
        self.kid = kid
        self._signers = tuple(signers)
        self._verifiers = MappingProxyType(dict(verifiers))

    @staticmethod
    def parse(text: str) -> TicketKeys:
        """The keys of a setting: items separated by commas, the first of which signs.

        An item is `KID:SEED`, or `KID:public:KEY` for a key that only verifies: once a new key signs, the old one's
        private half can be thrown away. SEED and KEY are 32 bytes in base64url (RFC 4648), KID is 1 to 4 capital
        letters and digits and must never come to name another key. Raises TicketKeysError.
        """
        items = text.split(",")
        if len(items) > KEYS_MAX:
            raise TicketKeysError(f"at most {KEYS_MAX} ticket keys")
        signers = list[Ed25519PrivateKey]()
        verifiers = dict[str, Ed25519PublicKey]()
        for position, item in enumerate(items, start=1):
            kid, key = _parsed(item.strip(), position)
            if kid in verifiers:
                raise TicketKeysError(f"ticket key {position} has the key id of another")
            if isinstance(key, Ed25519PrivateKey):
                signers.append(key)
                key = key.public_key()
            elif position == 1:
                raise TicketKeysError("the first ticket key signs, so it cannot be a public one")
            verifiers[kid] = key
        return TicketKeys(next(iter(verifiers)), signers, verifiers)

    @staticmethod
    def generate(kid: str) -> str:
        """A new key as an item that `parse` takes. Secret."""
        if _KID.fullmatch(kid) is None:
            raise TicketKeysError("a key id is 1 to 4 capital letters and digits")
        return f"{kid}:{_base64url(secrets.token_bytes(KEY_BYTES))}"

    def public(self) -> str:
        """All keys as items that only verify: what stays in the setting once another key signs."""
        return ",".join(
            f"{kid}:{PUBLIC}:{_base64url(key.public_bytes_raw())}"
            for kid, key in self._verifiers.items()
        )

    def sign(self, claim: TicketClaim) -> str:
        """The code of a ticket, the same every time. Raises ValueError for ids that are none."""
        if not (TOKEN_PATTERN.match(claim.ticket_id) and SHOW_ID_PATTERN.match(claim.show_id)):
            raise ValueError("a claim has a ticket id and a show id")
        signed = ".".join([VERSION, self.kid, claim.ticket_id.upper(), claim.show_id.upper()])
        return f"{signed}.{_base32(self._signers[0].sign(signed.encode()))}"

    def verify(self, code: str) -> TicketClaim | None:
        """The claim of a code that one of the keys has signed; None for anything else, whatever it is."""
        match = _CODE.fullmatch(code) if len(code) <= CODE_CHARS_MAX else None
        key = self._verifiers.get(match["kid"]) if match else None
        if match is None or key is None:
            return None
        signature = base64.b32decode(match["signature"] + "=")
        if _base32(signature) != match["signature"]:
            return None
        try:
            key.verify(signature, code[: match.start("signature") - 1].encode())
        except InvalidSignature:
            return None
        return TicketClaim(match["ticket"].lower(), match["show"].lower())

    def derived(self, purpose: str) -> tuple[bytes, ...]:
        """A secret of KEY_BYTES for something else than tickets from every private key, that of the signing one first
        (HKDF, RFC 5869): no installation has to keep another secret, and none of them tells of another."""
        return tuple(_derived(signer.private_bytes_raw(), purpose) for signer in self._signers)

    def __repr__(self) -> str:
        return f"TicketKeys({', '.join(self._verifiers)})"


def ticket_id_of(order_id: str, block: int, ticket: int) -> str:
    """The id of the ticket of an order at this place of a block: always the same one.

    The order id is the buyer's authority over the order, and a ticket may be handed on: so the order id is the key of
    a MAC (RFC 2104), from which neither it nor the order's other tickets can be worked out.
    """
    message = f"ticket\x00{block}\x00{ticket}".encode()
    return token_of(hmac.new(order_id.encode(), message, hashlib.sha256).digest())


def _derived(seed: bytes, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=purpose.encode()).derive(seed)


def _parsed(item: str, position: int) -> tuple[str, Ed25519PrivateKey | Ed25519PublicKey]:
    kid, _, rest = item.partition(":")
    kind, separator, text = rest.rpartition(":")
    if _KID.fullmatch(kid) is None or (separator and kind != PUBLIC):
        raise TicketKeysError(f"ticket key {position} is neither KID:SEED nor KID:{PUBLIC}:KEY")
    key = _key_bytes(text)
    if key is None:
        raise TicketKeysError(f"ticket key {position} is not {KEY_BYTES} bytes in base64url")
    if separator:
        return kid, Ed25519PublicKey.from_public_bytes(key)
    return kid, Ed25519PrivateKey.from_private_bytes(key)


def _key_bytes(text: str) -> bytes | None:
    if _KEY.fullmatch(text) is None:
        return None
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=")
    except binascii.Error:
        return None


def _base64url(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def _base32(signature: bytes) -> str:
    return base64.b32encode(signature).decode().rstrip("=")
