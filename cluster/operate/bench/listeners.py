"""So many open streams of one show, in a process of their own: who hears of the next change, and when.

`python -m cluster.operate.bench.listeners URL SHOW_ID STREAMS` says `open` when all have had their first event, and
then, as JSON, when each of them heard of a change: seconds since the epoch, ascending. One machine has one clock.
Plain sockets: HTTP clients would cost more than what they measure.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

OPENING_MAX = 50
"""Connections that are opened at a time: what is measured is the streams, not a rush on the listening socket."""

SECONDS_MAX = 60.0

_FIRST = b'data: {"changes":[]}'
_CHANGE = b'data: {"changes":[{'


async def listen(url: str, show_id: str, streams: int) -> None:
    """Opens them, and tells on standard output."""
    opening = asyncio.Semaphore(OPENING_MAX)
    readers = await asyncio.gather(*(_opened(url, show_id, opening) for _ in range(streams)))
    print("open", flush=True)
    heard = await asyncio.gather(*(_heard(reader) for reader, _ in readers))
    print(json.dumps(sorted(heard)), flush=True)
    for _, writer in readers:
        writer.close()


async def _opened(
    url: str, show_id: str, opening: asyncio.Semaphore
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with opening:
        where = urlsplit(url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        request = f"GET /v1/shows/{show_id}/stream HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n"
        writer.write(request.encode())
        await _line(reader, _FIRST)
        return reader, writer


async def _heard(reader: asyncio.StreamReader) -> float:
    await _line(reader, _CHANGE)
    return time.time()


async def _line(reader: asyncio.StreamReader, beginning: bytes) -> None:
    """Reads on until a line begins like this."""
    while True:
        line = await reader.readline()
        if not line:
            raise SystemExit("a stream has ended")
        if line.startswith(beginning):
            return


if __name__ == "__main__":
    asyncio.run(asyncio.wait_for(listen(sys.argv[1], sys.argv[2], int(sys.argv[3])), SECONDS_MAX))
