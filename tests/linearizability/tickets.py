"""What a history says of each ticket, as steps to be linearized.

**Holds nobody was told of.** An open request may still take tickets at any time; a request for several seats that is
refused may have had some of them for a moment (a part is taken, another refuses, the part is given back); a keyed
request may leave a part to its deadline when it cannot be given back. Who holds the ticket then has no name, and
nothing else is ever said of it. All that such a hold can do to the history is to make a refusal right. At any time
that it may be there, the ticket is either taken, and the refusal is right, or free, and the nameless hold may come,
be met by the refusal, and go, all at that point. So a refusal that overlaps a possible nameless hold claims nothing,
every other refusal claims that the ticket was not free, and no search over nameless holds is needed. An attempt is no
excuse for its own refusal: the product promises to name no seat that the attempt itself had taken.

What is held to be possible: a hold request may take its own seats while it runs, `best_available` any seat of the
show; not so an unkeyed request for one seat that was refused, which is one question to one block. A keyed one may
leave parts for the longest hold time that the history allows. An open one may do so for ever.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf

from tests.history import Operation
from tests.linearizability.holds import KnownHold, moment
from tests.linearizability.model import Act, Step

Ticket = tuple[str, str]
"""Show and seat."""


class Presences:
    """When holds without a name may have had a ticket."""

    def __init__(self, intervals: list[tuple[float, float, int]]) -> None:
        """Each with the number of the operation that it comes from."""
        intervals.sort()
        self._begins = [begin for begin, _, _ in intervals]
        self._latest: list[tuple[float, int, float]] = []
        last, source, other = -inf, -1, -inf  # the latest end, whose it is, the latest of the rest
        for _, end, number in intervals:
            if end > last:
                last, source, other = end, number, last
            else:
                other = max(other, end)
            self._latest.append((last, source, other))

    def overlap(self, begin: float, end: float, besides: int) -> bool:
        """Whether one that comes from another operation than `besides` may have been there at some time."""
        before = bisect_right(self._begins, end)
        if before == 0:
            return False
        last, source, other = self._latest[before - 1]
        return (other if source == besides else last) >= begin


_NOBODY = Presences([])


def steps_of_tickets(
    history: Sequence[Operation], holds: dict[str, KnownHold], skew_ms: float
) -> dict[Ticket, list[Step]]:
    """The steps of each ticket."""
    longest = _longest_holds(holds, skew_ms)
    steps = _refusals(history, longest, skew_ms)
    latest = {ticket: max(step.invoked for step in claims) for ticket, claims in steps.items()}
    for hold in holds.values():
        own = list(_life_on_ticket(hold, skew_ms))
        for seat in set(hold.seats):
            ticket = (hold.show_id, seat)
            steps[ticket] += own
            if ticket in latest:
                lapses = _lapses(hold, longest[hold.show_id], skew_ms)
                end = min(latest[ticket], hold.ordered)  # a hold that may be ordered may last
                steps[ticket] += [lapse for lapse in lapses if lapse.invoked < end]
        for seat, step in _owned(hold):
            steps[hold.show_id, seat].append(step)
    return steps


def _owned(hold: KnownHold) -> Iterator[tuple[str, Step]]:
    """The seats that its order was told to have tickets for."""
    for dealing in hold.paid:
        for ticket in dealing.body["tickets"]:
            times = dealing.invoked, dealing.returned
            yield ticket["seat"], Step(Act.OWNED, hold.hold_id, *times, dealing)


def _longest_holds(holds: dict[str, KnownHold], skew_ms: float) -> dict[str, float]:
    """How long a hold of each show lasts at most before it is extended, as far as the history tells."""
    longest = defaultdict[str, float](lambda: inf)
    for hold in holds.values():
        if hold.deadline is not None:
            lasts = hold.deadline - hold.begun + skew_ms
            longest[hold.show_id] = min(longest[hold.show_id], lasts)
    return longest


def _refusals(
    history: Sequence[Operation], longest: dict[str, float], skew_ms: float
) -> defaultdict[Ticket, list[Step]]:
    """The refusals that no nameless hold can explain."""
    claims = list(_refused_seats(history))
    steps = defaultdict[Ticket, list[Step]](list)
    own, everywhere = _presences({t for _, t, _ in claims}, history, longest, skew_ms)
    for number, ticket, step in claims:
        begin, end = step.invoked, step.returned or inf
        if step.act is Act.REFUSED and (
            own.get(ticket, _NOBODY).overlap(begin, end, number)
            or everywhere.get(ticket[0], _NOBODY).overlap(begin, end, number)
        ):
            continue
        steps[ticket].append(step)
    return steps


def _refused_seats(history: Sequence[Operation]) -> Iterator[tuple[int, Ticket, Step]]:
    for number, operation in enumerate(history):
        if operation.status != 409 or not operation.definite or operation.request.kind != "hold":
            continue
        request = operation.request
        for conflict in operation.body.get("conflicts", ()):
            seat, reason = conflict["seat"], conflict["reason"]
            if seat in request.seats and reason in ("held", "sold"):
                act = Act.REFUSED if reason == "held" else Act.REFUSED_SOLD
                times = operation.invoked, operation.returned
                yield number, (request.show_id, seat), Step(act, "", *times, operation)


def _presences(
    tickets: set[Ticket], history: Sequence[Operation], longest: dict[str, float], skew_ms: float
) -> tuple[dict[Ticket, Presences], dict[str, Presences]]:
    """Of these tickets, and of every ticket of a show."""
    if not tickets:
        return {}, {}
    own = defaultdict[Ticket, list[tuple[float, float, int]]](list)
    everywhere = defaultdict[str, list[tuple[float, float, int]]](list)
    for number, operation in enumerate(history):
        request = operation.request
        if request.kind != "hold" or operation.status == 429:
            continue
        alone = len(request.seats) == 1 and not request.key
        if alone and operation.definite and not operation.effective:
            continue
        end = inf
        if operation.definite and operation.returned is not None:
            part_ends = longest[request.show_id] + 2 * skew_ms if request.key else 0.0
            end = operation.returned + part_ends
        interval = (operation.invoked, end, number)
        if not request.seats:
            everywhere[request.show_id].append(interval)
        for seat in request.seats:
            if (request.show_id, seat) in tickets:
                own[request.show_id, seat].append(interval)
    return (
        {ticket: Presences(intervals) for ticket, intervals in own.items()},
        {show_id: Presences(intervals) for show_id, intervals in everywhere.items()},
    )


def _life_on_ticket(hold: KnownHold, skew_ms: float) -> Iterator[Step]:
    yield Step(Act.TAKE, hold.hold_id, hold.begun, hold.told, _first_answer(hold))
    deadline = hold.begun if hold.deadline is None else hold.deadline
    yield Step(Act.LAPSE, hold.hold_id, deadline - skew_ms)
    if _may_be_extended(hold):
        extended = deadline if hold.extended_deadline is None else hold.extended_deadline
        yield Step(Act.LAPSE_EXTENDED, hold.hold_id, extended - skew_ms)
    for question in hold.questions:
        step = _on_ticket(hold, question, skew_ms)
        if step is not None:
            yield step
    if hold.ordered < inf:
        yield Step(Act.SELL, hold.hold_id, hold.ordered)
        yield Step(Act.UNSELL, hold.hold_id, hold.ordered)
        yield Step(Act.TAKE_AGAIN, "", hold.ordered, request=hold.hold_id)


def _first_answer(hold: KnownHold) -> Operation | None:
    named = hold.answers or hold.questions
    return min(named, key=lambda operation: operation.returned or inf, default=None)


def _may_be_extended(hold: KnownHold) -> bool:
    asked = any(question.request.kind == "extend" for question in hold.questions)
    return asked or hold.extended_deadline is not None


def _on_ticket(hold: KnownHold, question: Operation, skew_ms: float) -> Step | None:
    """What a question about the hold says of each of its tickets, or does to it."""
    kind, status, definite = question.request.kind, question.status, question.definite
    times = question.invoked, question.returned
    if kind == "find":
        known = not hold.loose or (question.returned or inf) < hold.ordered
        if question.effective and known and _before_deadline(question, skew_ms):
            return Step(Act.HOLDS, hold.hold_id, *times, question)
        left = status == 404 and not hold.loose
        return Step(Act.LEFT, hold.hold_id, *times, question) if left else None
    if kind == "release":
        if definite and status >= 300:
            return None
        given_back = question.returned if definite and not hold.loose else None
        return Step(Act.GIVE_BACK, hold.hold_id, question.invoked, given_back, question)
    if question.effective:
        return Step(Act.EXTEND, hold.hold_id, *times, question)
    if definite and not hold.loose:
        return None
    return Step(Act.EXTEND_PART, hold.hold_id, question.invoked, None, question)


def _before_deadline(found: Operation, skew_ms: float) -> bool:
    """By every clock: near the deadline another host may have let a ticket go that this answer still counts."""
    if found.returned is None or found.body.get("state", "held") != "held":
        return False
    expires_at = found.body.get("expires_at")
    return expires_at is not None and found.returned <= moment(expires_at) - skew_ms


def _lapses(hold: KnownHold, longest: float, skew_ms: float) -> Iterator[Step]:
    """From when on no clock and no part that was left behind can keep a ticket for this hold any more."""
    if hold.loose or hold.deadline is None:
        over = hold.told + longest + 2 * skew_ms
        extended_over = over + longest + skew_ms
    else:
        over = hold.deadline + skew_ms
        known = hold.extended_deadline
        extended_over = (hold.deadline + longest if known is None else known) + skew_ms
    yield Step(Act.LAPSE, hold.hold_id, over, over)
    if _may_be_extended(hold):
        yield Step(Act.LAPSE_EXTENDED, hold.hold_id, extended_over, extended_over)
