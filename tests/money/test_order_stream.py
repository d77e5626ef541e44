"""An order's stream: how it stands at once, every change as it happens, and no more streams than there may be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from cluster.orders import watching
from serve_app.api import order_stream
from tests.paying import WAIT_SECONDS_MAX, Till

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Listening:
    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def next(self) -> tuple[int, dict[str, Any]]:
        """Version and state of the next event."""
        fields = dict[str, str]()
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            async for line in self._lines:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
                if not line and "data" in fields:
                    assert fields["event"] == "order"
                    return int(fields["id"]), json.loads(fields["data"])
        raise AssertionError("the stream has ended")

    async def becomes(self, state: str) -> tuple[int, dict[str, Any]]:
        version = 0
        while True:
            newer, told = await self.next()
            assert newer > version
            if told["state"] == state:
                return newer, told
            version = newer

    async def comment(self) -> str:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            async for line in self._lines:
                if line.startswith(":"):
                    return line
        raise AssertionError("the stream has ended")


@asynccontextmanager
async def listening(shop: Till, order_id: str) -> AsyncIterator[Listening]:
    async with shop.http.stream("GET", f"/v1/orders/{order_id}/stream") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield Listening(answer)


async def test_a_payment_is_told_to_everybody_who_looks(shop: Till) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1")
    async with (
        listening(shop, order["order_id"]) as one,
        listening(shop, order["order_id"]) as other,
    ):
        version, told = await one.next()
        stored = await shop.stored(order["order_id"])
        assert (version, told["state"], told["reason"]) == (
            stored.version,
            "awaiting_payment",
            "ordered",
        )
        assert told["payment_deadline"] == order["payment_deadline"]
        await shop.pay(order)
        for stream in (one, other):
            _, told = await stream.becomes("paid")
            assert told["reason"] == "captured"


async def test_who_comes_late_is_told_how_it_stands(shop: Till) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1")
    assert (await shop.http.delete(f"/v1/orders/{order['order_id']}")).status_code == 204
    async with listening(shop, order["order_id"]) as stream:
        _, told = await stream.next()
        assert (told["state"], told["reason"]) == ("cancelled", "buyer_cancelled")


async def test_silence_is_filled(shop: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_stream, "HEARTBEAT_SECONDS", 0.05)
    order = await shop.ordered(await shop.hall(), "S-1-1")
    async with listening(shop, order["order_id"]) as stream:
        assert await stream.comment() == ": still here"


async def test_a_stream_ends_after_its_time(shop: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_stream, "LIFETIME_SECONDS_MAX", 0.2)
    monkeypatch.setattr(order_stream, "HEARTBEAT_SECONDS", 0.05)
    order = await shop.ordered(await shop.hall(), "S-1-1")
    async with shop.http.stream("GET", f"/v1/orders/{order['order_id']}/stream") as answer:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            text = (await answer.aread()).decode()
    assert text.startswith("retry: 2000\n\nid: ")


async def test_too_many_streams_of_one_order(shop: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    order = await shop.ordered(await shop.hall(), "S-1-1")
    monkeypatch.setattr(watching, "WATCHERS_PER_ORDER_MAX", 1)
    async with listening(shop, order["order_id"]) as stream:
        await stream.next()
        refused = await shop.http.get(f"/v1/orders/{order['order_id']}/stream")
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert refused.headers["retry-after"] == "5"


async def test_no_such_order_has_a_stream(shop: Till) -> None:
    assert (await shop.http.get("/v1/orders/o1/stream")).status_code == 404
    assert (await shop.http.head("/v1/orders/o1/stream")).status_code == 404
