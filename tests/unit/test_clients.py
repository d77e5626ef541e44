"""Who a request is from."""

from __future__ import annotations

import pytest
from starlette.types import Scope

from serve_app.clients import LOOPBACK, UNKNOWN, client_of


def scope(peer: str | None, *forwarded: str) -> Scope:
    return {
        "client": peer and (peer, 40_000),
        "headers": [(b"host", b"x"), *((b"x-forwarded-for", f.encode()) for f in forwarded)],
    }


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", LOOPBACK),
        ("127.8.8.8", LOOPBACK),
        ("::1", LOOPBACK),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("testclient", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_a_client_is_an_address_or_a_network(peer: str | None, client: str) -> None:
    assert client_of(scope(peer), 0) == client


@pytest.mark.parametrize(
    ("hops", "forwarded", "client"),
    [
        (0, ["198.51.100.1"], "10.0.0.1"),
        (1, [], "10.0.0.1"),
        (1, ["198.51.100.1"], "198.51.100.1"),
        (1, ["198.51.100.9, 198.51.100.1"], "198.51.100.1"),
        (1, ["127.0.0.1", "198.51.100.1"], "198.51.100.1"),
        (2, ["198.51.100.9,198.51.100.1, 34.1.1.1"], "198.51.100.1"),
        (3, ["198.51.100.9,198.51.100.1,34.1.1.1", "35.191.0.1"], "198.51.100.1"),
        (3, ["198.51.100.1"], "198.51.100.1"),
        (1, ["198.51.100.1, nonsense"], UNKNOWN),
        (1, ["198.51.100.1,"], UNKNOWN),
        (1, ["198.51.100.1, \xe9"], UNKNOWN),
    ],
)
def test_so_many_entries_are_believed_from_the_end(
    hops: int, forwarded: list[str], client: str
) -> None:
    assert client_of(scope("10.0.0.1", *forwarded), hops) == client
