"""Pokes: "there is something to do", over core NATS. Not durable: whoever is poked also looks by itself at times."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError


async def poke(nc: Client, subject: str) -> None:
    """Best effort."""
    try:
        await nc.publish(subject, b"")
    except (NatsError, OSError):
        return  # no connection: the other side looks by itself


class Pokes:
    """Waits for pokes of a subject; several while nobody waits are one."""

    def __init__(self) -> None:
        self._poked = asyncio.Event()

    @classmethod
    async def listen(cls, nc: Client, subject: str) -> Pokes:
        pokes = cls()

        async def on_message(_: Msg) -> None:
            pokes._poked.set()

        await nc.subscribe(subject, cb=on_message)
        return pokes

    async def wait(self, seconds: float) -> None:
        """Returns when poked, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._poked.wait()
        except TimeoutError:
            return
        self._poked.clear()
