"""The streams that one client has: no more than its share, and nobody is remembered who has left."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from serve_app.stream_shares import StreamShares, TooManyStreams


async def test_a_share_is_given_back_and_then_nobody_is_remembered() -> None:
    shares = StreamShares(2)
    async with AsyncExitStack() as streams:
        for client in ("a", "a", "b"):
            await streams.enter_async_context(shares.one(client))
        assert (shares.has_all("a"), shares.has_all("b"), len(shares)) == (True, False, 2)
        with pytest.raises(TooManyStreams):
            await streams.enter_async_context(shares.one("a"))
    assert (shares.has_all("a"), len(shares)) == (False, 0)


async def test_who_is_not_limited_is_not_counted() -> None:
    shares = StreamShares(1)
    async with shares.one(None), shares.one(None):
        assert not shares.has_all(None)
        assert len(shares) == 0
