"""The journal of a run as plain JSON, read without the product's own decoder: the judges' first witness."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cluster.journal.memory_stream import MemoryStream


@dataclass(frozen=True, slots=True)
class Fact:
    """One event. `at` is the writer's time, `stored_at` the true one (ms)."""

    sequence: int
    block: int
    at: int
    stored_at: float
    by: str
    kind: str
    event: dict[str, Any]

    @property
    def token(self) -> str:
        return self.event.get("token", "")

    @property
    def tickets(self) -> list[int]:
        return self.event.get("tickets", [])


def facts(stream: MemoryStream, stored_at: dict[int, float]) -> list[Fact]:
    """Everything that was ever committed, in the order of the journal."""
    commits = sorted(
        (entry.sequence, int(subject.rpartition(".")[2]), entry.payload)
        for subject in stream.subjects()
        for entry in stream.entries(subject)
    )
    return [
        Fact(sequence, block, commit["at"], stored_at[sequence], commit["by"], kind, event)
        for sequence, block, payload in commits
        for commit in [json.loads(payload)]
        for kind, event in commit["events"]
    ]


def deadlines(stream: MemoryStream) -> Iterator[int]:
    """Every deadline that was ever promised, ms since the epoch."""
    for fact in facts(stream, dict.fromkeys(range(stream.last_sequence + 1), 0.0)):
        if "deadline" in fact.event:
            yield fact.event["deadline"]
