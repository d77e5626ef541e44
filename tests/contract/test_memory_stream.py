"""The servers in memory answer to the letter what `test_journal_differences` pins of the real ones."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from cluster.journal.memory_stream import Fate, MemoryStream

SUBJECT = "journal.sabcdefghijkl.1"


class Asked:
    """Publishes, and keeps the answers that came."""

    def __init__(self, *, replicated: bool, quorum_seconds: float = 0.0) -> None:
        self.stream = MemoryStream(replicated=replicated, quorum_seconds=lambda: quorum_seconds)

    def publish(self, commit_id: str, expected: int) -> list[dict[str, Any]]:
        """A list that the answer will be in, if one is sent."""
        answers = list[dict[str, Any]]()
        self.stream.publish(
            SUBJECT, expected, commit_id, b"x", lambda data: answers.append(json.loads(data))
        )
        return answers


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_server_refuses_a_repeated_append_as_a_wrong_last_sequence() -> None:
    asked = Asked(replicated=False)
    (stored,) = asked.publish("a", 0)
    (repeated,) = asked.publish("a", 0)
    assert repeated["error"]["err_code"] == 10071
    assert repeated["error"]["description"] == f"wrong last sequence: {stored['seq']}"


async def test_a_cluster_calls_a_repeated_append_a_duplicate() -> None:
    asked = Asked(replicated=True)
    first = asked.publish("a", 0)
    await settled()
    (repeated,) = asked.publish("a", 0)
    assert repeated == {"seq": first[0]["seq"], "duplicate": True}


@pytest.mark.parametrize(("agreed", "code"), [(False, 10164), (True, 10071)])
async def test_a_cluster_refuses_the_loser_of_a_race_with_either_of_two_errors(
    agreed: bool, code: int
) -> None:
    asked = Asked(replicated=True)
    winner = asked.publish("a", 0)
    if agreed:
        await settled()
    (loser,) = asked.publish("b", 0)
    assert loser["error"]["err_code"] == code
    await settled()
    assert winner == [{"seq": 1}]


@pytest.mark.parametrize(
    ("fate", "stored", "repeated"),
    [
        (Fate.STORED, 1, {"seq": 1, "duplicate": True}),
        (Fate.LOST, 0, None),
        (Fate.ONLY_ITS_ID, 0, {"seq": 1, "duplicate": True}),
    ],
)
async def test_what_a_deposed_leader_had_in_flight_is_stored_or_lost_and_nobody_is_told(
    fate: Fate, stored: int, repeated: dict[str, Any] | None
) -> None:
    asked = Asked(replicated=True)
    first = asked.publish("a", 0)
    asked.stream.depose_leader(lambda _: fate)
    await settled()
    assert first == []
    assert asked.stream.last_of(SUBJECT) == stored
    again = asked.publish("a", stored)
    await settled()
    assert again == [repeated or {"seq": 1}]


async def test_servers_that_are_away_say_nothing_and_agree_later_full_ones_refuse() -> None:
    asked = Asked(replicated=True)
    before = asked.publish("a", 0)
    asked.stream.away = True
    assert asked.publish("b", 0) == []
    await settled()
    assert before == []
    asked.stream.away, asked.stream.full = False, True
    (refused,) = asked.publish("c", 0)
    assert refused["error"]["err_code"] == 10077
