"""An anomaly, as a person can read it: what cannot be, and a timeline of no more than what is needed to see it.

The prefix up to the failing return is the shortest that cannot be explained. From it are dropped, as long as the rest
stays impossible, the claims and (when no refusal is left, which they might explain) the holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.history import Dealing, Operation
from tests.linearizability.holds import Contradiction
from tests.linearizability.model import Act, Phase, State, Step, step
from tests.linearizability.search import first_unexplained

LINES_MAX = 24
"""Lines of a timeline; the latest are kept."""

BAR_COLUMNS = 24

_WITHOUT_CLIENT = {
    Act.CREATE: " is made",
    Act.TAKE: " is made",
    Act.SELL: " may be sold",
    Act.SELL_RECORD: " may be sold",
    Act.UNSELL: " may be given up",
    Act.GIVE_UP: " may be given up",
    Act.TAKE_AGAIN: " may be made again",
    Act.REVIVE: " may be made again",
}
"""What no client did."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What cannot be right about a seat; of a hold's record, `hold_id` names it and `seat` is its first."""

    show_id: str
    seat: str
    problem: str
    timeline: str
    hold_id: str = ""

    def __str__(self) -> str:
        return f"{self.show_id} {self.seat}: {self.problem}\n{self.timeline}"


def contradiction(found: Contradiction) -> Anomaly:
    """Answers that cannot all be true in any order."""
    lines = [(o.invoked, o.returned, said(o)) for o in found.operations]
    return Anomaly(found.show_id, found.seat, found.problem, _timeline(lines))


def unexplained(
    show_id: str, seat: str, steps: Sequence[Step], initial: State, failed: Step
) -> Anomaly:
    """Steps of one object that have no linearization up to the return of `failed`."""
    window = _window(steps, initial, failed)
    about_record = initial.phase is Phase.UNBORN
    of = f"the hold {initial.hold}" if about_record else f"the seat {seat}"
    problem = f"no order of what was done to {of} explains: {_said(failed)}"
    lines = [(step.invoked, step.returned, _said(step)) for step in window]
    return Anomaly(show_id, seat, problem, _timeline(lines), initial.hold)


def said(operation: Operation | Dealing) -> str:
    """One operation in words: who asked what, and the answer."""
    if isinstance(operation, Dealing):
        asked = f"{operation.client} {operation.request.kind} {operation.body['hold_id']}"
        return f"{asked} -> {operation.status} {operation.body['state']}"
    request, body = operation.request, operation.body
    what = request.hold_id or ",".join(request.seats) or f"best {request.quantity}"
    key = f" key={request.key}" if request.key else ""
    if operation.returned is None:
        return f"{operation.client} {request.kind} {what}{key} -> no answer"
    told = [str(operation.status), str(body.get("code", ""))]
    if "hold_id" in body:
        extended = ", extended" if body.get("extended") else ""
        told.append(f"{body['hold_id']} ({','.join(body['seats'])}")
        told.append(f"until {body.get('expires_at', '?')}{extended})")
    told += [f"{conflict['seat']} {conflict['reason']}" for conflict in body.get("conflicts", ())]
    return f"{operation.client} {request.kind} {what}{key} -> {' '.join(filter(None, told))}"


def _said(step: Step) -> str:
    if step.source is not None:
        return said(step.source)
    certain = "by every clock" if step.returned is not None else "by some clock"
    if step.act in _WITHOUT_CLIENT:
        return f"{step.hold or step.request}{_WITHOUT_CLIENT[step.act]}"
    return f"{step.hold}: its deadline passes {certain}"


def _window(steps: Sequence[Step], initial: State, failed: Step) -> list[Step]:
    end = failed.returned
    assert end is not None  # it is a return that has no explanation
    kept = [one for one in steps if one.invoked <= end and one is not failed]
    claims = [one for one in kept if one.is_claim]
    kept = _without(kept, [[one] for one in claims], failed, initial)
    refusals = (Act.REFUSED, Act.REFUSED_SOLD)
    if initial.phase is Phase.FREE and not any(s.act in refusals for s in [*kept, failed]):
        kept = _without(kept, list(_by_hold(kept, failed.hold)), failed, initial)
    return [*kept, failed]


def _by_hold(steps: Sequence[Step], besides: str) -> Iterable[list[Step]]:
    groups = dict[str, list[Step]]()
    for one in steps:
        if one.hold != besides:
            groups.setdefault(one.hold, []).append(one)
    return groups.values()


def _without(
    kept: list[Step], groups: list[list[Step]], failed: Step, initial: State
) -> list[Step]:
    """Drop groups of steps, many at a time first (A. Zeller's delta debugging), while `failed` stays impossible."""
    size = len(groups)
    while size:
        rest = list[list[Step]]()
        for first in range(0, len(groups), size):
            chunk = groups[first : first + size]
            dropped = {id(one) for group in chunk for one in group}
            fewer = [one for one in kept if id(one) not in dropped]
            if first_unexplained([*fewer, failed], initial, step) is None:
                rest += chunk
            else:
                kept = fewer
        groups, size = rest, size // 2
    return kept


def _timeline(lines: list[tuple[float, float | None, str]]) -> str:
    """One line each, by beginning: seconds since the first, a bar whose columns are the order of times, the words."""
    lines = sorted(lines, key=lambda line: line[0])
    left_out = max(0, len(lines) - LINES_MAX)
    lines = lines[left_out:]
    times = sorted({time for begin, end, _ in lines for time in (begin, end) if time is not None})
    column = {time: number * BAR_COLUMNS // len(times) for number, time in enumerate(times)}
    origin = next((time for time in times if abs(time) != float("inf")), 0.0)
    written = [f"  ... {left_out} before that"] if left_out else []
    for begin, end, words in lines:
        first = column[begin]
        last = BAR_COLUMNS if end is None else column[end]
        bar = " " * first + "|" + "-" * (last - first - 1)
        bar += ">" if end is None else "|" if last > first else ""
        until = "open" if end is None else f"{(end - origin) / 1000:.3f}"
        written.append(f"  {(begin - origin) / 1000:+10.3f} .. {until:>8} {bar:<26} {words}")
    return "\n".join(written)
