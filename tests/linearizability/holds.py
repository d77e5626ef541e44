"""What a history tells of each hold: which requests may have made it, its seats, its deadlines, what was asked of it.

Answers that contradict one another whatever the order (a key that was given two holds, a hold with two lists of seats)
are found here, on the way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from tests.history import Dealing, Operation, Request

PAID = ("paid", "partially_refunded")
"""States of an order in which every seat that it has a ticket for is sold to it."""

Key = tuple[str, str]
"""Show and Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Answers that cannot all be true, in whatever order they were given."""

    show_id: str
    seat: str
    problem: str
    operations: tuple[Operation, ...]


@dataclass(slots=True)
class KnownHold:
    """A hold that some answer names. `begun` is the earliest time at which it may have been made, `told` the latest.

    `loose`: its record and its tickets may be kept by different blocks. `deadline` is the one before an extension.
    `ordered` is the earliest time at which there may have been an order of it, `paid` are answers that say it is paid.
    """

    hold_id: str
    show_id: str
    seats: tuple[str, ...]
    begun: float = -inf
    told: float = inf
    loose: bool = True
    deadline: float | None = None
    extended_deadline: float | None = None
    ordered: float = inf
    paid: list[Dealing] = field(default_factory=list[Dealing])
    answers: list[Operation] = field(default_factory=list[Operation])
    refused_twins: list[Operation] = field(default_factory=list[Operation])
    questions: list[Operation] = field(default_factory=list[Operation])


@dataclass(slots=True)
class Told:
    """The holds by id, and the contradictions."""

    holds: dict[str, KnownHold]
    contradictions: list[Contradiction]


def what_was_told(history: Sequence[Operation], dealings: Sequence[Dealing] = ()) -> Told:
    told, ordered = Told({}, []), _when_ordered(dealings)
    askers = dict[str, Request]()
    keyed = defaultdict[Key, list[Operation]](list)
    for operation in history:
        request = operation.request
        if request.kind == "hold" and request.key:
            keyed[request.show_id, request.key].append(operation)
        if operation.effective and "hold_id" in operation.body:
            _hear(told, operation, askers, ordered)
    for dealing in dealings:
        if dealing.effective and dealing.body.get("state") in PAID:
            told.holds[dealing.body["hold_id"]].paid.append(dealing)
    for operations in keyed.values():
        _join(told, operations)
    for operation in history:
        if operation.request.kind != "hold" and operation.request.hold_id in told.holds:
            told.holds[operation.request.hold_id].questions.append(operation)
    for hold in told.holds.values():
        _compare_times(told, hold)
    return told


def _when_ordered(dealings: Sequence[Dealing]) -> dict[str, float]:
    """From when on there may have been an order of each hold."""
    ordered = defaultdict[str, float](lambda: inf)
    for dealing in dealings:
        refused = dealing.definite and not dealing.effective
        if dealing.request.kind == "order" and (
            not refused or dealing.body.get("code") == "payment_refused"
        ):
            hold_id = dealing.request.hold_id
            ordered[hold_id] = min(ordered[hold_id], dealing.invoked)
    return ordered


def is_same_request(one: Request, other: Request) -> bool:
    """Whether a key that both carry stands for one request; the order of seats counts."""
    return one.seats == other.seats and one.quantity == other.quantity


def moment(text: str) -> float:
    """ms since the epoch of an RFC 3339 time."""
    return float(round(datetime.fromisoformat(text).timestamp() * 1000))


def _hear(
    told: Told, operation: Operation, askers: dict[str, Request], ordered: dict[str, float]
) -> None:
    """Take in one answer that describes a hold."""
    body, request = operation.body, operation.request
    hold_id, seats = body["hold_id"], tuple(body["seats"])
    if request.kind != "hold" and request.hold_id != hold_id:
        _contradict(told, request, seats, f"asked of {request.hold_id}, told {hold_id}", operation)
        return
    hold = told.holds.get(hold_id)
    if hold is None:
        hold = told.holds[hold_id] = KnownHold(hold_id, request.show_id, seats)
        hold.ordered = ordered.get(hold_id, inf)
    elif hold.seats != seats and not _some_were_returned(hold, operation):
        detail = f"{hold_id} has the seats {_listed(hold.seats)} and {_listed(seats)}"
        _contradict(told, request, set(hold.seats) ^ set(seats) or seats, detail, operation)
    hold.told = min(hold.told, operation.returned or inf)
    if request.kind == "hold":
        _hear_grant(told, hold, operation, askers)
    _hear_deadline(told, hold, operation)


def _some_were_returned(hold: KnownHold, operation: Operation) -> bool:
    """A record of a sold hold names the seats of its own block no more whose money was given back."""
    sold = operation.body.get("state") == "sold" and hold.ordered <= (operation.returned or inf)
    return sold and set(operation.body["seats"]) < set(hold.seats)


def _hear_grant(
    told: Told, hold: KnownHold, operation: Operation, askers: dict[str, Request]
) -> None:
    request, seats = operation.request, tuple(operation.body["seats"])
    first = askers.setdefault(hold.hold_id, request)
    if hold.answers and (not request.key or request.key != first.key):
        _contradict(told, request, seats, f"{hold.hold_id} was given twice", operation)
    wanted = set(request.seats) if request.seats else set(seats)
    if set(seats) != wanted or len(seats) != (request.quantity or len(wanted)):
        detail = f"{_listed(seats)} was given for {_listed(request.seats) or request.quantity}"
        _contradict(told, request, set(seats) ^ wanted or seats, detail, operation)
    if not hold.answers:
        hold.begun = operation.invoked
        hold.loose = bool(request.key) or len(seats) > 1
    hold.begun = min(hold.begun, operation.invoked)
    hold.answers.append(operation)


def _hear_deadline(told: Told, hold: KnownHold, operation: Operation) -> None:
    """Of a hold that is being paid the deadline may be any."""
    body, being_paid = operation.body, hold.ordered <= (operation.returned or inf)
    if "expires_at" not in body or being_paid:
        return
    deadline, extended = moment(body["expires_at"]), bool(body.get("extended"))
    if operation.request.kind == "extend" and not extended:
        _contradict(told, operation.request, hold.seats, "extended, and told it is not", operation)
    known = hold.extended_deadline if extended else hold.deadline
    if known is not None and known != deadline:
        detail = f"{hold.hold_id} has two deadlines, both {'' if extended else 'not '}extended"
        _contradict(told, operation.request, hold.seats, detail, operation)
    elif extended:
        hold.extended_deadline = deadline
    else:
        hold.deadline = deadline


def _join(told: Told, operations: list[Operation]) -> None:
    """Requests with one key: all of them may have made the hold that one of them was given."""
    granted = [o for o in operations if o.effective and "hold_id" in o.body]
    if not granted:
        return
    first = granted[0]
    hold_id = first.body["hold_id"]
    for other in granted[1:]:
        if other.body["hold_id"] != hold_id or not is_same_request(first.request, other.request):
            detail = f"the key {first.request.key} was given two holds"
            seats = other.body["seats"]
            _contradict(told, first.request, seats, detail, first, other)
            return
    hold = told.holds[hold_id]
    for operation in operations:
        if is_same_request(first.request, operation.request):
            hold.begun = min(hold.begun, operation.invoked)
        if operation.definite and operation.status in (403, 404, 409):
            hold.refused_twins.append(operation)


def _compare_times(told: Told, hold: KnownHold) -> None:
    operations = [*hold.answers, *hold.questions]
    for question in hold.questions:
        if (
            question.body.get("code") == "hold_in_payment"
            and (question.returned or inf) < hold.ordered
        ):
            detail = f"{hold.hold_id} was being paid before anybody ordered it"
            _contradict(told, question.request, hold.seats, detail, question)
    if hold.told < hold.begun:
        detail = f"{hold.hold_id} was seen before anybody asked for it"
        _contradict(told, operations[0].request, hold.seats, detail, *operations)
        hold.begun = hold.told
    if hold.deadline is None or hold.extended_deadline is None:
        return
    if hold.extended_deadline < hold.deadline:
        detail = f"the extension of {hold.hold_id} moved its deadline back"
        _contradict(told, operations[0].request, hold.seats, detail, *operations)


def _contradict(
    told: Told, request: Request, seats: Iterable[str], problem: str, *operations: Operation
) -> None:
    show_id = request.show_id
    told.contradictions.append(Contradiction(show_id, min(seats), problem, operations))


def _listed(seats: Iterable[str]) -> str:
    return ", ".join(seats)
