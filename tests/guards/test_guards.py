"""Each guard that a promise rests on, taken out by hand: the simulation finds every one of these mutants.

One more is too rare in the simulation since it sells, and is held by `tests/unit/test_client_late.py`: a refusal of
what was sent twice is made final.

It is a test of the tests. A mutant that is no longer found means that the simulation has become blind to its fault.
"""

from __future__ import annotations

import pytest

from actors import activation, client, holding
from actors.domain import availability, tickets
from cluster.journal import acks, memory, settle
from cluster.services import expiration
from tests.guards.without import Guard, without
from tests.simulation.plan import plan_of
from tests.simulation.run import run

SEEDS_MAX = 1_000
"""A mutant is looked for in so many runs; most fall in the first few dozen, the rarest after some hundred."""

MUTANTS: dict[str, tuple[Guard, ...]] = {
    "the expected sequence is dropped": (
        Guard(
            memory,
            "publish(subject, expected, commit_id, payload, answer)",
            "publish(subject, self.stream.last_of(subject), commit_id, payload, answer)",
        ),
    ),
    "10164 is swallowed": (
        Guard(
            acks,
            "        if ack.error.err_code in NO_ROOM:",
            "        if ack.error.err_code == SUBJECT_IN_FLIGHT:\n"
            "            return ack.seq\n"
            "        if ack.error.err_code in NO_ROOM:",
        ),
    ),
    "a duplicate is trusted": (
        Guard(acks, "if ack.duplicate or ack.seq == 0:", "if ack.seq == 0:"),
    ),
    "a refusal of a repeated append is taken for its duplicate": (
        Guard(
            settle,
            "if found is not None and found.commit_id == commit_id:",
            "if found is not None and (attempt or found.commit_id == commit_id):",
        ),
    ),
    "released before its deadline": (
        Guard(
            tickets,
            "                if hold.deadline <= now\n",
            "                if hold.deadline <= now + 5_000\n",
        ),
    ),
    "a seat is taken before the deadline of its hold": (
        Guard(
            availability,
            "            if hold.deadline <= now:\n                overdue[hold.token]",
            "            if hold.deadline <= now + 5_000:\n                overdue[hold.token]",
        ),
    ),
    "idempotency is looked up after validation": (
        Guard(
            tickets,
            "            answered = _admit(block, terms, now)\n"
            "            return _hold(block, terms, tickets, now) if answered is None else answered",
            "            held = _hold(block, terms, tickets, now)\n"
            "            answered = _admit(block, terms, now)\n"
            "            return held if answered is None or isinstance(held, Rejection) else answered",
        ),
    ),
    "a future is set after its cancellation": (
        Guard(
            client,
            "    if not waiting.future.done():\n        waiting.future.set_result(outcome)",
            "    waiting.future.set_result(outcome)",
        ),
    ),
    "speculative state is kept after a lost append": (
        Guard(
            activation,
            "            try:\n                sequence = await self._journal.append(",
            "            self.block = draft\n"
            "            try:\n                sequence = await self._journal.append(",
        ),
        Guard(
            activation,
            "            detail = error.told\n",
            "            return [Unavailable(str(error))] * len(commands)\n",
        ),
    ),
    "a full disk is taken for a stored commit": (
        Guard(
            acks,
            "            raise JournalUnavailable(full, full)",
            "            return 1",
        ),
    ),
    "a hold is given back without its parts": (
        Guard(
            holding,
            "        for part in outcome.hold.parts:\n            await ask(BlockKey(",
            "        for part in ():\n            await ask(BlockKey(",
        ),
    ),
    "a hold is extended without its parts": (
        Guard(
            holding,
            "    for part in outcome.hold.parts:\n        extended = await ask(",
            "    for part in ():\n        extended = await ask(",
        ),
    ),
    "a wake-up that came early does not come again": (
        Guard(
            expiration,
            "isinstance(outcome, Unavailable) or due:",
            "isinstance(outcome, Unavailable):",
        ),
    ),
    "a refusal is not proven by the journal": (
        Guard(
            activation,
            "if await self._journal.last_sequence(self.key) == self.sequence:",
            "if self.block is not None:",
        ),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_missing_guard_is_found(name: str) -> None:
    with without(*MUTANTS[name]):
        assert any(run(plan_of(seed)).violations for seed in range(SEEDS_MAX))


def test_with_all_guards_in_place_the_same_runs_are_clean() -> None:
    for seed in range(20):
        assert run(plan_of(seed)).violations == []
