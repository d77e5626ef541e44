"""What a history says of the record of each hold, as steps to be linearized."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from tests.history import Operation
from tests.linearizability.holds import KnownHold
from tests.linearizability.model import Act, Step

FORGOTTEN_AFTER = 4000
"""Holds of a show after which the oldest that have ended may be forgotten (docs/api.md): then 404 is right as well."""


def steps_of_record(hold: KnownHold, skew_ms: float, forgetful: bool) -> list[Step]:
    """Empty when nobody asked about the hold: then its making alone is no matter to judge."""
    told_often = len(hold.answers) > 1 or hold.refused_twins
    if not hold.questions and not told_often:
        return []
    steps = [Step(Act.CREATE, hold.hold_id, hold.begun, hold.told)]
    for answer in hold.answers:
        act = Act.REPLAYED_EXTENDED if answer.body.get("extended") else Act.REPLAYED
        steps.append(Step(act, hold.hold_id, answer.invoked, answer.returned, answer))
    if not forgetful:
        for twin in hold.refused_twins:
            steps.append(Step(Act.UNKNOWN, hold.hold_id, twin.invoked, twin.returned, twin))
    for number, question in enumerate(hold.questions):
        step = _asked(hold, question, number, forgetful)
        if step is not None:
            steps.append(step)
        if _may_have_extended(question):
            request = question.request.key or f"number {number}"
            at = question.invoked
            steps.append(Step(Act.EXTEND_RECORD, hold.hold_id, at, None, question, request))
    latest = max(step.invoked for step in steps)  # an end matters to what was asked behind it
    latest = min(latest, hold.ordered)  # and is none for a hold that may be being paid
    steps += [one for one in _ends(hold, skew_ms) if one.returned is None or one.invoked < latest]
    if hold.ordered < inf:
        sale = (Act.SELL_RECORD, Act.GIVE_UP, Act.REVIVE)
        steps += [Step(act, hold.hold_id, hold.ordered) for act in sale]
    return steps


def _may_have_extended(question: Operation) -> bool:
    """An extension whose own answer was lost is asked again inside of the server, and may find the hold ended by then:
    the answer is of that moment."""
    ended = question.status in (404, 410) or question.body.get("code") == "hold_sold"
    return question.request.kind == "extend" and ended


def _asked(hold: KnownHold, question: Operation, number: int, forgetful: bool) -> Step | None:
    kind = question.request.kind
    request = (question.request.key or f"number {number}") if kind == "extend" else ""
    returned = question.returned if question.definite else None
    if returned is None:
        if kind == "find":
            return None
        act = Act.RELEASE if kind == "release" else Act.EXTEND_RECORD
    else:
        act = _told(hold, question, forgetful)
        if act is None:
            return None
    return Step(act, hold.hold_id, question.invoked, returned, question, request)


def _told(hold: KnownHold, question: Operation, forgetful: bool) -> Act | None:
    """What a definite answer says; None when it says nothing of the record."""
    body = question.body
    if question.request.kind == "extend" and _is_of_a_part(hold, question):
        return None
    match question.request.kind, question.status:
        case "release", 200 | 204:
            return Act.RELEASE
        case "extend", 200:
            return Act.EXTEND_RECORD
        case "find", 200 if body.get("state") == "sold":
            return Act.SEEN_SOLD
        case "find", 200:
            return Act.SEEN_EXTENDED if body.get("extended") else Act.SEEN
        case _, 404 if forgetful:
            return Act.UNKNOWN_OR_FORGOTTEN
        case "release", 404:
            return Act.UNKNOWN_OR_GIVEN_UP  # one that its buyer gave back before is answered 204
        case _, 404:
            return Act.UNKNOWN_OR_GIVEN_BACK
        case _, 410:
            return Act.EXPIRED
        case _, 409 if body.get("code") == "hold_sold":
            return Act.SEEN_SOLD
        case "release", 409 if body.get("code") == "hold_in_payment":
            return Act.IN_PAYMENT
        case "extend", 409:
            return Act.EXTENDED_BY_OTHER
        case _:
            return None


def _is_of_a_part(hold: KnownHold, question: Operation) -> bool:
    """Whoever extends asks the parts first, and they are sold, made again and given back one by one."""
    ended = question.status in (404, 410) or question.body.get("code") == "hold_sold"
    return ended and hold.loose and hold.ordered <= (question.returned or inf)


def _ends(hold: KnownHold, skew_ms: float) -> Iterator[Step]:
    """The deadlines: by some clock, then by every clock. An extension that nobody was told of has none."""
    deadline = hold.begun if hold.deadline is None else hold.deadline
    yield Step(Act.FALL_DUE, hold.hold_id, deadline - skew_ms)
    if hold.deadline is not None:
        yield Step(Act.END, hold.hold_id, deadline + skew_ms, deadline + skew_ms)
    extended = hold.extended_deadline
    due = deadline if extended is None else extended
    yield Step(Act.FALL_DUE_EXTENDED, hold.hold_id, due - skew_ms)
    if extended is not None:
        yield Step(Act.END_EXTENDED, hold.hold_id, extended + skew_ms, extended + skew_ms)
