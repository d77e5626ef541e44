"""Commands counted by their kind and by what they came to. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from actors.domain.commands import Command
from actors.outcomes import Accepted, Outcome, Unavailable

ACCEPTED, REPLAYED, UNAVAILABLE = "accepted", "replayed", "unavailable"

KINDS: dict[type, str] = {
    kind: re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower() for kind in Command.__args__
}
"""`HoldTickets` is `hold_tickets`."""


def outcome_name(outcome: Outcome) -> str:
    match outcome:
        case Accepted(replayed=replayed):
            return REPLAYED if replayed else ACCEPTED
        case Unavailable():
            return UNAVAILABLE
        case _:
            return outcome.code.value


def tally(commands: Iterable[Command], outcomes: Iterable[Outcome]) -> Counter[tuple[str, str]]:
    """How many of each kind and outcome."""
    return Counter(
        (KINDS[type(command)], outcome_name(outcome))
        for command, outcome in zip(commands, outcomes, strict=True)
    )
