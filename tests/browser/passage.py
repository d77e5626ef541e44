"""A way to a server that can be closed and opened again, as when the server is away for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536


class Passage:
    """TCP connections to its port go on to the server; `close` cuts them, and refuses new ones."""

    def __init__(self, host: str, port: int) -> None:
        self._there = (host, port)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._writers = set[asyncio.StreamWriter]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onwards = await asyncio.open_connection(*self._there)
        self._writers |= {writer, onwards}
        await asyncio.gather(_copy(reader, onwards), _copy(there, writer))
        self._writers -= {writer, onwards}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What comes goes on, until one side ends."""
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def passage(url: str) -> AsyncIterator[Passage]:
    """An open passage to the server at `url`."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    way = Passage(parts.hostname, parts.port)
    await way.open()
    try:
        yield way
    finally:
        await way.close()
