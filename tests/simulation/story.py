"""A run as a person can read it: what was asked, what was committed, what broke, in the order of true time."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.store.mongo import Document
from tests.history import Dealing, Operation
from tests.simulation.ledger import Fact
from tests.simulation.machine import EPOCH_MS
from tests.simulation.run import Run

Line = tuple[float, str, str]


def story(run: Run) -> str:
    """The plan in a line, the timeline, and the verdict at the end."""
    plan = run.plan
    head = [
        f"seed {plan.seed}: {len(plan.buyers)} buyers, {len(plan.disasters)} disasters",
        f"{plan.venue}",
        f"{plan.weather}",
    ]
    lines = [*_log(run), *_facts(run.ledger), *_operations(run.history), *_dealings(run.dealings)]
    lines += _transitions(run.orders)
    lines.sort(key=lambda line: line[0])  # those of one moment in the order in which they were told
    told = [f"{seconds:9.3f} s  {who:<14} {what}" for seconds, who, what in lines]
    verdict = [f"  {violation}" for violation in run.violations] or ["  nothing is wrong"]
    return "\n".join([*head, "", *told, "", f"verdict after {run.steps} steps:", *verdict])


def _log(run: Run) -> Iterator[Line]:
    for seconds, what in run.log:
        yield seconds, "*", what


def _facts(ledger: list[Fact]) -> Iterator[Line]:
    for fact in ledger:
        event = fact.event
        what = f"commit {fact.sequence}: block {fact.block} {fact.kind} {fact.token[:6]}"
        if "tickets" in event:
            what += f" tickets {event['tickets']}"
        if "deadline" in event:
            what += f" until {_seconds(event['deadline']):.3f}"
        if fact.kind == "tickets_held":
            what += f" primary {event['primary']} epoch {event['epoch']}"
        if "order_id" in event:
            what += f" order {event['order_id'][:7]}"
        if event.get("parts"):
            what += f" parts {[(part['block'], part['tickets']) for part in event['parts']]}"
        if "epoch" in event and fact.kind == "hold_abandoned":
            what += f" epoch {event['epoch']}"
        yield _seconds(fact.stored_at), fact.by, f"{what} (its clock: {_seconds(fact.at):.3f})"


def _operations(history: list[Operation]) -> Iterator[Line]:
    for done in history:
        asked = done.request
        what = asked.kind
        what += f" {' '.join(asked.seats)}" if asked.seats else ""
        what += f" best {asked.quantity}" if asked.quantity else ""
        what += f" {_short(asked.hold_id)}" if asked.hold_id else ""
        what += f" key {asked.key}" if asked.key else ""
        yield _seconds(done.invoked), done.client, f"asks: {what}"
        if done.returned is None:
            continue
        answer = f"{done.status} {done.body.get('code', '')}"
        if "hold_id" in done.body:
            hold = done.body
            answer += f"{_short(hold['hold_id'])} {' '.join(hold['seats'])} to {hold['expires_at']}"
        if "conflicts" in done.body:
            answer += " " + " ".join(f"{c['seat']} {c['reason']}" for c in done.body["conflicts"])
        yield _seconds(done.returned), done.client, f"hears of its {asked.kind}: {answer}"


def _dealings(dealings: list[Dealing]) -> Iterator[Line]:
    for done in dealings:
        asked = done.request
        about = _short(asked.hold_id) if asked.hold_id else asked.order_id[:7]
        what = " ".join([asked.kind, about, *asked.seats])
        what += f" key {asked.key}" if asked.key else ""
        yield _seconds(done.invoked), done.client, f"asks: {what}"
        if done.returned is not None:
            body = done.body
            answer = f"{done.status} {body.get('code', '')}"
            if "state" in body:
                answer += f"{body['order_id'][:7]} is {body['state']}, {body['reason']}"
            yield _seconds(done.returned), done.client, f"hears of its {asked.kind}: {answer}"


def _transitions(orders: dict[str, Document]) -> Iterator[Line]:
    """By the clocks of those who made them."""
    for order_id, order in orders.items():
        for one in order["history"]:
            what = f"{one['version']}: {one['state']}, {one['cause']} {one['detail']}"
            yield _seconds(one["at"]), order_id[:7], what.rstrip()


def _short(hold_id: str) -> str:
    show, _, rest = hold_id.partition("-")
    return rest[: rest.find("-") + 7] if show else hold_id


def _seconds(ms: float) -> float:
    return (ms - EPOCH_MS) / 1000
