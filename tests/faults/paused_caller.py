"""A caller of ticket hosts on a machine that is paused: what a Serve replica there would be.

`python -m tests.faults.paused_caller GCS_ADDRESS HOST DIRECTORY` connects to the host, writes `ready`, waits
for `ask` (an encoded batch of commands), sends it, and writes what it was told to `told`, for as long as it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil

from actors.domain.commands import Command
from actors.domain.identity import BlockKey
from actors.outcomes import Outcome, Unavailable
from actors.wire import decode_outcomes, encode_batch, encode_command, encode_outcomes
from cluster.embedded.process import OwnedProcess
from cluster.settings import Settings, read_settings
from tests.shop import until

READY, ASK, TOLD = "ready", "ask", "told"


class PausedCaller:
    """The process, and the files by which it is spoken to."""

    def __init__(self, process: OwnedProcess, directory: Path) -> None:
        self._process = process
        self._directory = directory

    def ask(self, key: BlockKey, command: Command) -> None:
        """Have it send a command; nothing waits for the answer here."""
        _write(self._directory / ASK, encode_batch([encode_command(key, command)]))

    def pause(self) -> None:
        psutil.Process(self._process.pid).suspend()

    def told(self) -> Outcome:
        """Go on, and what it was told: `Unavailable` when Ray hung up first."""
        psutil.Process(self._process.pid).resume()
        until((self._directory / TOLD).exists, "the caller was told something")
        return decode_outcomes((self._directory / TOLD).read_bytes())[0]


@contextlib.contextmanager
def paused_caller(
    address: str, host: str, directory: Path, environment: dict[str, str]
) -> Iterator[PausedCaller]:
    """A caller that is connected to `host` in the Ray at `address`, whose processes have this environment."""
    directory.mkdir()
    command = [sys.executable, "-m", "tests.faults.paused_caller", address, host, str(directory)]
    process = OwnedProcess("caller", command, directory / "log", environment)
    try:
        process.wait_until((directory / READY).exists)
        yield PausedCaller(process, directory)
    finally:
        process.kill()


async def call(settings: Settings, host: str, directory: Path) -> None:
    from actors.ticket_host import RayTransport
    from cluster.host_process import build_host

    build = partial(build_host, settings.nats_url or "")
    transport = RayTransport(settings.ray_namespace, build)
    while None in await transport.reports([host]):
        await asyncio.sleep(0.1)
    _write(directory / READY, b"")
    while not (directory / ASK).exists():
        await asyncio.sleep(0.05)
    try:
        told: bytes = await transport.handle(host).execute.remote((directory / ASK).read_bytes())
    except Exception as error:
        told = encode_outcomes([Unavailable(type(error).__name__)])
    _write(directory / TOLD, told)


def _write(path: Path, data: bytes) -> None:
    """At once: whoever sees the file sees all of it."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.replace(path)


def main(address: str, host: str, directory: Path) -> None:
    import ray

    settings = read_settings()
    ray.init(address=address, namespace=settings.ray_namespace, log_to_driver=False)
    asyncio.run(call(settings, host, directory))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
