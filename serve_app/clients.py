"""Who asks: the address that a request came from, past the proxies that are ours.

Every proxy appends the address it was asked from to `X-Forwarded-For`, so the list can be believed from its end for as
many entries as there are proxies that we trust; what stands before them was written by whoever wanted to.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

IPV6_PREFIX = 64
"""Bits of an IPv6 address that are a client: the rest is its own to choose (RFC 6177)."""

LOOPBACK = "loopback"
UNKNOWN = "unknown"
"""What no proxy of ours would write; such requests share one quota."""

ADDRESSES_KEPT_MAX = 10_000

_FORWARDED = b"x-forwarded-for"


def client_of(scope: Scope, hops: int) -> str:
    """The client of a request: its address, an IPv6 network, LOOPBACK or UNKNOWN. `hops`: entries at the end of
    X-Forwarded-For that proxies of ours have made; with 0 it is whoever is connected."""
    peer = scope.get("client")
    if hops:
        chain = b",".join(value for name, value in scope["headers"] if name == _FORWARDED)
        if chain:
            # One too few came another way than through all proxies: then the first is the nearest to a client.
            return _client(chain.decode("latin-1").split(",")[-hops:][0])
    return _client(peer[0] if peer else "")


@lru_cache(ADDRESSES_KEPT_MAX)
def _client(text: str) -> str:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return UNKNOWN
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback:
        return LOOPBACK
    if isinstance(address, IPv6Address):
        network = int(address) >> 128 - IPV6_PREFIX << 128 - IPV6_PREFIX
        return f"{IPv6Address(network)}/{IPV6_PREFIX}"
    return str(address)
