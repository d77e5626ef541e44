"""What the doctor says of the NATS servers, of what they lack, and of parts that are not ready."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.journal.probe import Server, servers
from cluster.operate.check import State
from cluster.operate.quorum_checks import nats_server_check, replica_check


def found(answering: int, of: int = 3) -> list[Server]:
    return [Server(f"10.0.0.{n}:4222", f"n{n}" if n < answering else None) for n in range(of)]


@pytest.mark.parametrize(
    ("answering", "of", "state", "word"),
    [
        (3, 3, State.OK, "3 of 3 answer"),
        (2, 3, State.WARNING, "no answer from 10.0.0.2:4222; one more"),
        (1, 3, State.FAILED, "10.0.0.1:4222, 10.0.0.2:4222: without a majority"),
        (1, 1, State.OK, "1 of 1"),
        (0, 1, State.FAILED, "without a majority"),
    ],
)
def test_servers_that_do_not_answer_are_named(
    answering: int, of: int, state: State, word: str
) -> None:
    check = nats_server_check(found(answering, of))
    assert check.state is state
    assert word in check.detail


async def _greets(line: bytes) -> asyncio.Server:
    async def on_connect(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line)
        await writer.drain()
        writer.close()

    return await asyncio.start_server(on_connect, "127.0.0.1", 0)


async def test_a_server_is_known_by_its_greeting_and_no_password_is_told() -> None:
    nats = await _greets(b'INFO {"server_name":"n0","jetstream":true} \r\n')
    other = await _greets(b"HTTP/1.1 400 Bad Request\r\n")
    broken = await _greets(b"INFO {nonsense} \r\n")
    ports = [server.sockets[0].getsockname()[1] for server in (nats, other, broken)]
    urls = ",".join(f"nats://frontrow:hunter2@127.0.0.1:{port}" for port in [*ports, 1])
    told = await servers(urls)
    assert [server.name for server in told] == ["n0", None, None, None]
    assert told[0].called == f"n0 (127.0.0.1:{ports[0]})"
    assert "hunter2" not in nats_server_check(told).detail
    for server in (nats, other, broken):
        server.close()
        await server.wait_closed()


def group(leader: str | None = "n0", **changes: Any) -> dict[str, Any]:
    """A Raft group of three, in which n2 is as the changes say."""
    well = {"current": True, "offline": False}
    replicas = [{"name": "n1", **well}, {"name": "n2", **well, **changes}]
    return {"leader": leader, "replicas": replicas}


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"offline": True}, "n2 is offline (A)"),
        ({"active": 0, "lag": 3}, "n2 does not follow (A)"),
        ({"active": 9_000_000_000, "lag": 3}, "n2 does not follow (A)"),
        ({"active": 900_000_000, "lag": 100_000}, "n2 is far behind (A)"),
    ],
)
def test_replicas_that_lack_something_are_named(changes: dict[str, Any], detail: str) -> None:
    (check,) = replica_check({"A": group(current=False, **changes), "B": group()})
    assert (check.state, check.detail) == (State.WARNING, detail)


def test_a_replica_that_is_a_moment_behind_is_well() -> None:
    moment = group(current=False, active=900_000_000, lag=20)
    (check,) = replica_check({"A": moment, "B": group()})
    assert (check.state, check.detail) == (State.OK, "those of 2 streams follow")


def test_a_stream_without_a_leader_is_a_failure_and_one_server_has_no_replicas() -> None:
    (check,) = replica_check({"A": None, "B": group(leader=None), "C": group()})
    assert (check.state, check.detail) == (State.FAILED, "no leader: A, B")
    assert replica_check({"A": {}, "B": {"leader": "n0"}}) == []
