"""Judges a history of holds, recorded by clients of the public API: is every answer right in some order of real time?

Each ticket and the record of each hold is judged by itself (`model` says why that is enough for each of them, and what
they may do; `search` how). **What this does not show**: that a hold over several seats takes all of its tickets or
none at one instant, and that a record and its tickets change together. They do not (parts are taken one after the
other, see docs/architecture.md); that they agree in the end is judged from the journal. Nor that refusals with reason
`withheld` or `unknown` and refusals of `best_available` are right: the history does not have what they depend on.

Sales are known from `dealings`, what clients asked and were told about orders; `model` says how little that is.

Operations without a definite answer stay open for ever: what they ask for may be done at any later time, or never.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.history import Dealing, Operation
from tests.linearizability.holds import KnownHold, what_was_told
from tests.linearizability.model import FREE, Phase, State, Step, step
from tests.linearizability.records import FORGOTTEN_AFTER, steps_of_record
from tests.linearizability.report import Anomaly, contradiction, unexplained
from tests.linearizability.search import first_unexplained
from tests.linearizability.tickets import steps_of_tickets

SKEW_MS = 5.0
"""How far the clocks of hosts and clients may be from the history's, unless told: one machine, one clock."""


def check(
    history: Sequence[Operation], skew_ms: float = SKEW_MS, dealings: Sequence[Dealing] = ()
) -> list[Anomaly]:
    """What cannot be explained: at most one anomaly for each ticket and each hold. Empty: the history is right."""
    told = what_was_told(history, dealings)
    anomalies = [contradiction(found) for found in told.contradictions]
    for (show_id, seat), steps in steps_of_tickets(history, told.holds, skew_ms).items():
        if len(steps) > 1 or steps[0].is_claim:
            anomalies += _judge(show_id, seat, steps, FREE)
    many = Counter(hold.show_id for hold in told.holds.values())
    for hold in told.holds.values():
        anomalies += _judge_record(hold, skew_ms, many[hold.show_id] > FORGOTTEN_AFTER)
    return anomalies


def _judge_record(hold: KnownHold, skew_ms: float, forgetful: bool) -> list[Anomaly]:
    steps = steps_of_record(hold, skew_ms, forgetful)
    if not steps:
        return []
    return _judge(hold.show_id, hold.seats[0], steps, State(hold.hold_id, Phase.UNBORN))


def _judge(show_id: str, seat: str, steps: list[Step], initial: State) -> list[Anomaly]:
    failed = first_unexplained(steps, initial, step)
    return [] if failed is None else [unexplained(show_id, seat, steps, initial, failed)]
