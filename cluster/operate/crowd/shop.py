"""The public API as buyers use it, without a key: maps, live updates and holds."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from cluster.operate.crowd.pools import LOST_PAUSE_SECONDS, Pools, Refusal
from cluster.operate.crowd.show_map import ShowMap
from cluster.operate.crowd.tally import Tally

LINE_CHARS_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Purchase:
    """A hold that was granted. `expires_at` is RFC 3339, `replayed` means that a retry found it."""

    hold_id: str
    seats: tuple[str, ...]
    expires_at: str
    replayed: bool


class Shop:
    """One installation, seen from outside."""

    def __init__(self, pools: Pools, tally: Tally) -> None:
        self._pools = pools
        self._tally = tally
        self._tags: dict[str, str] = {}

    async def hold(
        self, show_id: str, body: dict[str, Any], key: str | None = None
    ) -> Purchase | Refusal:
        """Ask for a hold until there is an answer; the tally hears how long that one took."""
        headers = {"Idempotency-Key": key or secrets.token_hex(12)}
        began = time.perf_counter()
        answer = await self._pools.send(
            "POST", f"/v1/shows/{show_id}/holds", json=body, headers=headers
        )
        took = time.perf_counter() - began
        if isinstance(answer, Refusal):
            self._tally.refused(answer.code, took)
            return answer
        granted = answer.json()
        replayed = answer.headers.get("Idempotent-Replayed") == "true"
        self._tally.granted(len(granted["seats"]), took, replayed)
        return Purchase(
            granted["hold_id"], tuple(granted["seats"]), granted["expires_at"], replayed
        )

    async def release(self, purchase: Purchase) -> Refusal | None:
        answer = await self._pools.send("DELETE", f"/v1/holds/{purchase.hold_id}")
        return answer if isinstance(answer, Refusal) else None

    async def extend(self, purchase: Purchase) -> Purchase | Refusal:
        headers = {"Idempotency-Key": secrets.token_hex(12)}
        answer = await self._pools.send(
            "POST", f"/v1/holds/{purchase.hold_id}/extend", headers=headers
        )
        if isinstance(answer, Refusal):
            return answer
        return Purchase(
            purchase.hold_id, purchase.seats, answer.json()["expires_at"], purchase.replayed
        )

    async def find(self, purchase: Purchase) -> dict[str, Any] | Refusal:
        """The hold as the server has it."""
        answer = await self._pools.send("GET", f"/v1/holds/{purchase.hold_id}")
        return answer if isinstance(answer, Refusal) else answer.json()

    async def draw(self, show: ShowMap) -> None:
        """The seat map, then the statuses."""
        answer = await self._pools.send("GET", f"/v1/shows/{show.show_id}/seatmap")
        if isinstance(answer, httpx.Response):
            show.draw(answer.json())
        await self.see(show)

    async def see(self, show: ShowMap) -> None:
        """The statuses, unless nothing has changed since the last time."""
        headers = {"If-None-Match": tag} if (tag := self._tags.get(show.show_id)) else {}
        answer = await self._pools.send(
            "GET", f"/v1/shows/{show.show_id}/availability", headers=headers
        )
        if isinstance(answer, httpx.Response) and answer.status_code == 200:
            self._tags[show.show_id] = answer.headers["ETag"]
            show.see(msgspec.json.decode(answer.content))

    async def watch(self, show: ShowMap) -> None:
        """Follow the live stream for ever and keep the map current; comes back after every interruption."""
        last_id: str | None = None
        while True:
            headers = {"Last-Event-ID": last_id} if last_id else {}
            try:
                path = f"/v1/shows/{show.show_id}/stream"
                async with self._pools.stream(path, headers) as answer:
                    async for event, event_id, data in _events(answer):
                        last_id = event_id or last_id
                        self._tally.updates += 1
                        if event == "resync":
                            await self.see(show)
                        elif event == "seats":
                            show.hear(msgspec.json.decode(data)["changes"])
            except httpx.TransportError:
                self._tally.retries["stream"] += 1
            await asyncio.sleep(LOST_PAUSE_SECONDS)


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, str, str]]:
    """(event, id, data) of a stream of server-sent events (HTML standard, section 9.2.6)."""
    event, event_id, data = "message", "", list[str]()
    async for line in answer.aiter_lines():
        if not line:
            if data:
                yield event, event_id, "\n".join(data)
            event, event_id, data = "message", "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")[:LINE_CHARS_MAX]
        match name:
            case "event":
                event = value
            case "id":
                event_id = value
            case "data":
                data.append(value)
            case _:
                continue
