"""Every claim has one code, and no other text verifies."""

from __future__ import annotations

import base64
import string

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.identity import TOKEN_PATTERN, show_id_of, token_of
from cluster.ticketing.codes import (
    CODE_CHARS_MAX,
    KEYS_MAX,
    TicketClaim,
    TicketKeys,
    TicketKeysError,
    ticket_id_of,
)

QR_ALPHANUMERIC = set(string.digits + string.ascii_uppercase + " $%*+-./:")
BASE32 = string.ascii_uppercase + "234567"
ORDER_L = 2**252 + 27742317777372353535851937790883648493
"""The order of Ed25519's group (RFC 8032, 5.1)."""

KEYS = TicketKeys.parse("K1:" + "A" * 43)
OLD = TicketKeys.parse("K0:" + "C" * 42 + "A").public()
OTHERS = TicketKeys.parse("K1:" + "B" * 43)

claims = st.builds(
    TicketClaim,
    st.binary(min_size=16, max_size=16).map(token_of),
    st.binary(min_size=8, max_size=8).map(show_id_of),
)
CLAIM = TicketClaim(ticket_id_of("order", 3, 14), "sabcdefgh2345")
CODE = KEYS.sign(CLAIM)


@given(claims)
def test_every_claim_verifies_and_has_the_same_code_every_time(claim: TicketClaim) -> None:
    code = KEYS.sign(claim)
    assert KEYS.verify(code) == claim
    assert KEYS.sign(claim) == code
    assert len(code) <= CODE_CHARS_MAX
    assert set(code) <= QR_ALPHANUMERIC


@given(claims, claims)
def test_two_claims_have_two_codes(one: TicketClaim, other: TicketClaim) -> None:
    assert (KEYS.sign(one) == KEYS.sign(other)) == (one == other)


def test_no_code_that_differs_in_one_character_verifies() -> None:
    for place in range(len(CODE)):
        for char in {*BASE32, *"0189.-:=+/ \n\x00aÀ\u017f\u0131", CODE[place].lower()} - {
            CODE[place]
        }:
            assert KEYS.verify(CODE[:place] + char + CODE[place + 1 :]) is None, (place, char)


@pytest.mark.parametrize("extra", [*BASE32, *".= \n\r\t\x00", "\u200b", "."])
def test_no_code_with_a_character_more_verifies(extra: str) -> None:
    assert not [at for at in range(len(CODE) + 1) if KEYS.verify(CODE[:at] + extra + CODE[at:])]


def test_no_part_of_a_code_verifies() -> None:
    for place in range(len(CODE)):
        assert KEYS.verify(CODE[:place]) is None
        assert KEYS.verify(CODE[place + 1 :]) is None
        assert KEYS.verify(CODE[:place] + CODE[place + 1 :]) is None


def test_another_secret_follows_from_every_private_key_for_every_purpose() -> None:
    """32 bytes each; those of a key are the same wherever it stands, and none is the key."""
    both = TicketKeys.parse("K2:" + "B" * 43 + ",K1:" + "A" * 43 + ",K0:" + OLD.partition(":")[2])
    (one,), (other,) = KEYS.derived("a"), OTHERS.derived("a")
    assert both.derived("a") == (other, one)
    assert len({one, other, *KEYS.derived("b"), *OTHERS.derived("b")}) == 4
    assert len(one) == 32
    assert one != bytes(32)


def test_another_case_another_key_and_another_key_id_are_refused() -> None:
    assert KEYS.verify(CODE.lower()) is None
    assert KEYS.verify(CODE.swapcase()) is None
    assert OTHERS.verify(CODE) is None
    renamed = TicketKeys.parse("K2:" + "A" * 43)
    assert renamed.verify(CODE) is None
    assert renamed.verify(CODE.replace(".K1.", ".K2.")) is None


def test_a_signature_of_the_same_value_in_another_form_is_refused() -> None:
    """S + L is the same scalar; it would verify where S is not checked to be reduced."""
    head, _, text = CODE.rpartition(".")
    signature = base64.b32decode(text + "=")
    scalar = int.from_bytes(signature[32:], "little")
    for multiple in (1, 2, 8):
        moved = scalar + multiple * ORDER_L
        if moved < 2**256:
            forged = signature[:32] + moved.to_bytes(32, "little")
            assert KEYS.verify(f"{head}.{base64.b32encode(forged).decode().rstrip('=')}") is None


def test_stray_bits_in_the_last_letter_are_refused() -> None:
    """103 letters hold 515 bits, a signature has 512: eight last letters would stand for the same bytes."""
    last = BASE32.index(CODE[-1])
    assert last % 8 == 0
    others = [CODE[:-1] + BASE32[last + stray] for stray in range(1, 8)]
    assert [KEYS.verify(other) for other in others] == [None] * 7


@given(st.text(max_size=400))
def test_whatever_a_scanner_reads_is_no_error(text: str) -> None:
    assert KEYS.verify(text) is None


@given(st.text(alphabet=sorted(QR_ALPHANUMERIC), max_size=200))
def test_whatever_looks_like_a_code_is_no_error(text: str) -> None:
    assert KEYS.verify(f"FR1.K1.{text}") is None


@pytest.mark.parametrize("text", ["", "\ud800" * 150, "A" * 10_000_000, "٣" * 151])
def test_odd_texts_are_refused(text: str) -> None:
    assert KEYS.verify(text) is None


def test_a_code_fits_a_small_qr_code_in_its_smallest_mode() -> None:
    code = TicketKeys.parse("K123:" + "A" * 43).sign(CLAIM)
    assert len(code) == CODE_CHARS_MAX
    qr = segno.make(code, error="m", boost_error=False, micro=False)
    assert (qr.version, qr.mode) == (6, "alphanumeric")


@pytest.mark.parametrize(
    "claim",
    [
        TicketClaim("short", CLAIM.show_id),
        TicketClaim(CLAIM.ticket_id.upper(), CLAIM.show_id),
        TicketClaim(CLAIM.ticket_id, "s1"),
        TicketClaim(CLAIM.ticket_id + ".", CLAIM.show_id),
        TicketClaim(CLAIM.ticket_id, CLAIM.show_id + "\n"),
    ],
)
def test_what_is_no_claim_is_not_signed(claim: TicketClaim) -> None:
    with pytest.raises(ValueError, match="a claim has"):
        KEYS.sign(claim)


# Keys


def test_after_a_rotation_old_codes_verify_and_new_ones_are_signed_by_the_new_key() -> None:
    old, new = TicketKeys.generate("K1"), TicketKeys.generate("K2")
    before = TicketKeys.parse(old)
    code = before.sign(CLAIM)
    for rotated in (f"{new},{old}", f"{new}, {before.public()}"):
        keys = TicketKeys.parse(rotated)
        assert keys.kid == "K2"
        assert keys.verify(code) == CLAIM
        assert keys.sign(CLAIM) != code
        assert keys.verify(keys.sign(CLAIM)) == CLAIM
        assert before.verify(keys.sign(CLAIM)) is None
    assert TicketKeys.parse(new).verify(code) is None


def test_what_is_public_of_keys_holds_no_private_key_and_cannot_sign() -> None:
    text = ",".join(TicketKeys.generate(kid) for kid in ("K1", "K2"))
    public = TicketKeys.parse(text).public()
    assert [item.split(":")[:2] for item in public.split(",")] == [
        ["K1", "public"],
        ["K2", "public"],
    ]
    assert not any(item.split(":")[1] in public for item in text.split(","))
    with pytest.raises(TicketKeysError, match="the first ticket key signs"):
        TicketKeys.parse(public)


def test_generated_keys_differ() -> None:
    assert len({TicketKeys.generate("K1") for _ in range(100)}) == 100


def test_padding_of_a_key_is_taken() -> None:
    assert TicketKeys.parse(f"K1:{'A' * 43}=").verify(CODE) == CLAIM


SECRET = "S" * 40


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "K1", "K1:", f"K1:{SECRET}", f"K1:{SECRET}SSSS", f"K1:{SECRET}+/A"),
        *(f"k1:{SECRET}SSS", f"TOOLONG:{SECRET}SSS", f":{SECRET}SSS", f"K1:private:{SECRET}SSS"),
        *(f"K1:{SECRET}SSS,", f"K1:{SECRET}SSS,K1:{SECRET}SSS", f"K1:public:{SECRET}SSS"),
        ",".join(f"K{n}:{SECRET}SSS" for n in range(KEYS_MAX + 1)),
    ],
)
def test_unusable_keys_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(TicketKeysError) as caught:
        TicketKeys.parse(text)
    assert "SSS" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("kid", ["", "k1", "K-1", "KEY01", "K1:", "Ä"])
def test_a_key_id_is_short_and_plain(kid: str) -> None:
    with pytest.raises(TicketKeysError):
        TicketKeys.generate(kid)


def test_the_repr_of_keys_shows_their_ids_only() -> None:
    text = TicketKeys.generate("K1")
    assert repr(TicketKeys.parse(text)) == "TicketKeys(K1)"


# Ticket ids


@given(st.text(min_size=1), st.integers(0, 999_999), st.integers(0, 1_999))
def test_a_ticket_id_is_a_token_and_always_the_same(order_id: str, block: int, ticket: int) -> None:
    ticket_id = ticket_id_of(order_id, block, ticket)
    assert TOKEN_PATTERN.match(ticket_id)
    assert ticket_id_of(order_id, block, ticket) == ticket_id
    assert ticket_id not in order_id


def test_every_ticket_of_every_order_has_an_id_of_its_own() -> None:
    places = [(o, b, t) for o in ("a", "b", "a\x001") for b in range(30) for t in range(30)]
    assert len({ticket_id_of(*place) for place in places}) == len(places)
