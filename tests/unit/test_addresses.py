"""Which addresses are one mailbox, and which are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.accounts.address import InvalidAddress, address_of, mailbox_of


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ada@EXAMPLE.com", "ada@example.com"),
        ("Ada@example.com", "Ada@example.com"),
        ("ju\u0308rgen@example.com", "j\u00fcrgen@example.com"),
    ],
)
def test_an_address_has_a_normal_form(text: str, address: str) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize("text", ["", "ada", "ada@", "@example.com", "a b@example.com", "ada@x\n"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddress):
        address_of(text)


def test_capitals_are_the_same_mailbox() -> None:
    assert mailbox_of("Ada@example.com") == mailbox_of("ADA@example.com") == "ada@example.com"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("m\u0131ke@example.com", "mike@example.com"),  # a dotless i
        ("\u212aim@example.com", "kim@example.com"),  # the sign of Kelvin
        ("\u00c4da@example.com", "\u00e4da@example.com"),
        ("ada+x@example.com", "ada@example.com"),
        ("a.da@example.com", "ada@example.com"),
    ],
)
def test_letters_that_only_look_alike_are_not(one: str, other: str) -> None:
    assert mailbox_of(one) != mailbox_of(other)


@given(st.emails())
def test_a_mailbox_is_its_own(address: str) -> None:
    assert mailbox_of(mailbox_of(address)) == mailbox_of(address)
    assert len(mailbox_of(address)) == len(address)
