"""How one nats-server and a cluster of them differ on a repeated append: why the adapter reads back.

Plain requests, no adapter. Should a server version change this, these tests say so first.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

from nats.aio.client import Client

from cluster.journal.streams import ensure_streams, journal_subject
from tests.journal_worlds import connected, new_block


async def publish(nc: Client, subject: str, commit_id: str, expected: int) -> dict[str, Any]:
    headers = {
        "Nats-Msg-Id": commit_id,
        "Nats-Expected-Last-Subject-Sequence": str(expected),
    }
    answer = await nc.request(subject, b"x", timeout=5, headers=headers)
    return json.loads(answer.data)


async def test_one_server_refuses_a_repeated_append_as_a_wrong_last_sequence(
    journal_server: str,
) -> None:
    async with connected(journal_server) as nc:
        await ensure_streams(nc, 1)
        subject, commit_id = journal_subject(new_block()), secrets.token_hex(8)
        stored = await publish(nc, subject, commit_id, 0)
        repeated = await publish(nc, subject, commit_id, 0)
        assert repeated["error"]["err_code"] == 10071
        assert repeated["error"]["description"] == f"wrong last sequence: {stored['seq']}"


async def test_a_cluster_calls_a_repeated_append_a_duplicate(journal_cluster: str) -> None:
    async with connected(journal_cluster) as nc:
        await ensure_streams(nc, 3)
        subject, commit_id = journal_subject(new_block()), secrets.token_hex(8)
        stored = await publish(nc, subject, commit_id, 0)
        repeated = await publish(nc, subject, commit_id, 0)
        assert repeated["duplicate"] is True
        assert repeated["seq"] == stored["seq"]


async def test_a_cluster_refuses_the_loser_of_a_race_with_either_of_two_errors(
    journal_cluster: str,
) -> None:
    async with connected(journal_cluster) as one, connected(journal_cluster) as other:
        await ensure_streams(one, 3)
        for _ in range(20):
            subject = journal_subject(new_block())
            answers = await asyncio.gather(
                *(publish(nc, subject, secrets.token_hex(8), 0) for nc in (one, other))
            )
            errors = [answer["error"]["err_code"] for answer in answers if "error" in answer]
            assert len(errors) == 1
            assert errors[0] in (10071, 10164)
