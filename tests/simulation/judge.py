"""The judge of a run: the invariants I1, I2, I5, I6, I7 from the journal and from the clients' own log.

It shares no code with `decide`, `evolve` and the coordinators; the auditor of `actors.domain.audit` is heard as one
more witness, and the linearizability checker as another.

Deadlines are promises by the clocks of the hosts: whether something was in time is read from the times that the writers
put into their commits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from actors.domain.identity import HoldId
from tests.history import Operation
from tests.simulation.account import Account, Stay, Violation
from tests.simulation.ledger import Fact
from tests.simulation.plan import LAST

ANNOUNCED_MS_MAX = 40_000
"""An overdue hold is announced this long after its deadline, once everything works again: a second of the wake-ups,
their retries, and one acknowledgement that was lost."""


def judge(
    account: Account, history: list[Operation], healed_at: float, skew_ms: float
) -> list[Violation]:
    """Every violation of the invariants. `skew_ms`: by how much a wake-up may be late because a clock was set."""
    return [
        *account.violations,
        *_acknowledged(account, history),
        *_keys(history),
        *_ends(account, history, healed_at, skew_ms),
        *_whole(account),
        *_nobody_is_refused_what_is_held(account, history),
    ]


def _acknowledged(account: Account, history: list[Operation]) -> Iterator[Violation]:
    """I2: every 2xx answer is backed by exactly one event, which was stored before the answer was given."""
    told = _first_answers(history)
    for done in history:
        if not done.effective or done.returned is None:
            continue
        hold_id = HoldId.parse(done.request.hold_id or done.body["hold_id"])
        name = f"{done.client}'s {done.request.kind}"
        if hold_id is None:
            yield Violation("I2", f"{name} has no hold id")
            continue
        stays = account.primaries(hold_id.token, hold_id.primary)
        yield from _one_after_the_other(stays, told.get(hold_id.token, float("inf")), str(hold_id))
        stored = [stay for stay in stays if stay.held.stored_at <= done.returned]
        if not stored:
            yield Violation("I2", f"{name} was answered {done.status}, and nothing was stored")
            continue
        proofs = [proof for stay in stored for proof in _proofs(stay, done)]
        if not any(proof.stored_at <= done.returned for proof in proofs):
            yield Violation("I2", f"{name} was answered {done.status} without an event for it")
        if done.body:
            yield from _same_hold(account, stored[-1], done)


def _one_after_the_other(stays: list[Stay], told: float, hold_id: str) -> Iterator[Violation]:
    """A request whose answers were lost may take its seats again, in a new epoch, when the first hold is over and
    nobody has been told of it. A payment that comes late may have its hold made again, in the same epoch."""
    for first, second in pairwise(stays):
        over = first.ended is not None and first.ended.sequence <= second.held.sequence
        epochs = first.held.event["epoch"], second.held.event["epoch"]
        if not over or (epochs[0] != epochs[1] if second.again else epochs[0] >= epochs[1]):
            yield Violation("I2", f"{hold_id} is held twice at a time")
        elif told < second.held.stored_at and not second.again:
            yield Violation("I2", f"{hold_id} was acknowledged, and is held again")


def _proofs(stay: Stay, done: Operation) -> list[Fact]:
    match done.request.kind:
        case "hold" | "find":
            return [stay.held]
        case "extend":
            return stay.extended if len(stay.extended) == 1 else []
        case "release":
            released = stay.ended is not None and stay.ended.kind == "hold_released"
            return [stay.ended] if stay.ended is not None and released else []


def _same_hold(account: Account, stay: Stay, done: Operation) -> Iterator[Violation]:
    """The body names the seats that are held in the journal, all of them, by whole parts. What the organizer took back
    of those that were sold in the block of the record itself is named no more."""
    event, token = stay.held.event, stay.held.token
    parts = [(part["block"], part["tickets"]) for part in event["parts"]]
    seats = _seats(account, stay)
    named = [(stay.held.block, stay.held.tickets), *parts]
    price = sum(account.price[block] * len(tickets) for block, tickets in named)
    seats -= _returned(account, stay, done) - set(done.body["seats"])
    if seats != set(done.body["seats"]):
        yield Violation("I2", f"{done.client} was told {done.body['seats']}, held are {seats}")
    if not price == event["amount"] == done.body["amount"]:
        yield Violation("I2", f"{done.client} was told {done.body['amount']}, it costs {price}")
    for block, tickets in parts:
        taken = [
            part
            for part in account.records(block, token)
            if part.held.tickets == tickets and part.held.sequence < stay.held.sequence
        ]
        if not taken:
            yield Violation("I2", f"{done.client}'s part in block {block} was never taken")
            continue
        extended = done.request.kind == "extend" and not stay.secured
        if extended and taken[-1].deadline < stay.deadline:
            yield Violation("I2", f"{done.client}'s part in block {block} was not extended")


def _returned(account: Account, stay: Stay, done: Operation) -> set[str]:
    sale = account.sales.get((stay.held.block, stay.held.token))
    back = {} if sale is None else sale.back
    by_then = done.returned or 0.0
    return {
        account.labels[stay.held.block, ticket]
        for ticket, fact in back.items()
        if fact.kind == "tickets_returned" and fact.stored_at <= by_then
    }


def _keys(history: list[Operation]) -> Iterator[Violation]:
    """I6: a key leads to one hold, and only the request that made it gets it."""
    by_key = defaultdict[str, list[Operation]](list)
    for done in history:
        if done.request.key and done.request.kind == "hold":
            by_key[done.request.key].append(done)
    for key, asked in by_key.items():
        granted = [one for one in asked if one.effective]
        answers = {(one.body["hold_id"], *one.body["seats"], one.body["amount"]) for one in granted}
        if len(answers) > 1:
            yield Violation("I6", f"key {key} was answered with {len(answers)} holds")
        if len({(one.request.seats, one.request.quantity) for one in granted}) > 1:
            yield Violation("I6", f"key {key} was granted to two different requests")
        for one in asked:
            if one.definite and not one.effective and _granted_before(granted, one):
                code = one.body.get("code")
                yield Violation("I6", f"key {key} was granted, and then refused with {code}")
            if one.definite and one.status != 422 and _granted_to_another(granted, one):
                yield Violation("I6", f"key {key} was reused, and answered {one.status}")
        reused = [one for one in asked if one.body.get("code") == "idempotency_key_reused"]
        if reused and len({(one.request.seats, one.request.quantity) for one in asked}) == 1:
            yield Violation("I6", f"key {key} was called reused, but was not")


def _granted_before(granted: list[Operation], asked: Operation) -> bool:
    """Whether this very request had been answered with a hold before it was made again."""
    return any(
        one.returned is not None
        and one.returned < asked.invoked
        and (one.request.seats, one.request.quantity)
        == (asked.request.seats, asked.request.quantity)
        for one in granted
    )


def _granted_to_another(granted: list[Operation], asked: Operation) -> bool:
    return any(
        one.returned is not None
        and one.returned < asked.invoked
        and (one.request.seats, one.request.quantity)
        != (asked.request.seats, asked.request.quantity)
        for one in granted
    )


def _ends(
    account: Account, history: list[Operation], healed_at: float, skew_ms: float
) -> Iterator[Violation]:
    """I7: a committed hold ends by its buyer or by its deadline, and then it really does."""
    asked_back = {
        one.request.hold_id.rpartition("-")[2]: one.invoked
        for one in reversed(history)
        if one.request.kind == "release"
    }
    told = _first_answers(history)
    for (block, token), stays in account.stays.items():
        for stay in stays:
            ended, name = stay.ended, f"block {block}: {token[:6]}"
            if ended is None:
                yield Violation("I7", f"{name} stands for ever")
                continue
            late = ended.stored_at - max(stay.deadline + skew_ms, healed_at)
            if late > ANNOUNCED_MS_MAX:
                yield Violation("I7", f"{name} ended {late:.0f} ms after its deadline")
            if stay.is_primary:
                unasked = asked_back.get(token, float("inf")) > ended.stored_at
                acknowledged = stay.held.stored_at <= told.get(token, 0) <= _until(stay, stays)
                if ended.kind == "hold_released" and unasked and acknowledged:
                    yield Violation("I7", f"{name} was given back, and nobody had asked for it")
                yield from _parts_stay(account, stay)


def _first_answers(history: list[Operation]) -> dict[str, float]:
    """When a client was first told of each hold, by its token."""
    told = dict[str, float]()
    for done in history:
        if done.effective and done.returned and "hold_id" in done.body:
            token = done.body["hold_id"].rpartition("-")[2]
            told[token] = min(told.get(token, float("inf")), done.returned)
    return told


def _until(stay: Stay, stays: list[Stay]) -> float:
    """When the next record under the same token began."""
    later = [other.held.stored_at for other in stays if other.held.sequence > stay.held.sequence]
    return min(later, default=float("inf"))


def _parts_stay(account: Account, stay: Stay) -> Iterator[Violation]:
    """No part of a committed hold ends before the hold itself, but by its own deadline."""
    assert stay.ended is not None
    for part in stay.held.event["parts"]:
        for record in account.records(part["block"], stay.held.token):
            if record.held.tickets != part["tickets"] or record.ended is None:
                continue
            committed = record.held.sequence < stay.held.sequence < record.ended.sequence
            early = record.ended.sequence < stay.ended.sequence
            if committed and early and not _may_end(record.ended, record, stay):
                name = f"{stay.held.token[:6]}'s part in block {part['block']}"
                yield Violation("I7", f"{name} was given back while the hold stood")


def _may_end(ended: Fact, part: Stay, stay: Stay) -> bool:
    """A part may run out when its hold does, and before its hold is secured, which makes it again; and parts are sold,
    or given up with their order, one by one."""
    if ended.kind in ("tickets_sold", "sale_cancelled"):
        return True
    before = bool(stay.secured) and ended.sequence < stay.secured[0].sequence
    in_time = ended.at >= stay.deadline or bool(part.secured) or before
    return ended.kind == "hold_expired" and in_time


def _whole(account: Account) -> Iterator[Violation]:
    """A hold is committed when all of its parts stand. One that has run out does no harm: the hold is over as well,
    its commit was on its way for so long."""
    for stay in (stay for stays in account.stays.values() for stay in stays if stay.is_primary):
        for part in stay.held.event["parts"]:
            taken = [
                record
                for record in account.records(part["block"], stay.held.token)
                if record.held.tickets == part["tickets"]
                and record.held.sequence < stay.held.sequence
                and _stands(record, stay)
            ]
            if not taken:
                name = f"{stay.held.token[:6]}, commit {stay.held.sequence}"
                yield Violation("I1", f"{name} is held without its part in block {part['block']}")
            elif taken[-1].held.event["deadline"] < stay.held.event["deadline"] and not stay.again:
                yield Violation("I7", f"{stay.held.token[:6]} outlives its part")


def _stands(record: Stay, stay: Stay) -> bool:
    """A part may be sold already when its hold is made again for its payment."""
    ended, committed = record.ended, stay.held
    if ended is None or ended.sequence > committed.sequence:
        return True
    if ended.kind == "tickets_sold":
        return stay.again
    return ended.kind == "hold_expired" and ended.at >= committed.event["deadline"]


def _nobody_is_refused_what_is_held(
    account: Account, history: list[Operation]
) -> Iterator[Violation]:
    """I2, the other way round: a hold in the journal was granted to somebody, or somebody was left without an answer,
    or it was over before its buyer was refused."""
    told = _first_answers(history)
    asked = [one for one in history if one.request.kind == "hold" and not one.effective]
    for stay in (stay for stays in account.stays.values() for stay in stays if stay.is_primary):
        ended, seats = stay.ended, _seats(account, stay)
        if stay.held.token in told or ended is None:
            continue
        if not any(
            (set(one.request.seats) == seats or one.request.quantity == len(seats))
            and one.invoked <= stay.held.stored_at
            and (not one.definite or (one.returned or 0) >= ended.stored_at)
            for one in asked
        ):
            name = f"{stay.held.token[:6]}, commit {stay.held.sequence}"
            yield Violation("I2", f"{name} is held, and whoever asked for it was refused")


def _seats(account: Account, stay: Stay) -> set[str]:
    parts = [(part["block"], part["tickets"]) for part in stay.held.event["parts"]]
    named = [(stay.held.block, stay.held.tickets), *parts]
    return {account.labels[block, ticket] for block, tickets in named for ticket in tickets}


def last_customers(history: list[Operation]) -> Iterator[Violation]:
    """When everything works again, everybody gets an answer."""
    for one in history:
        if one.client.startswith(LAST) and not one.definite:
            yield Violation("progress", f"{one.client}'s {one.request.kind} came to nothing")


def peaceful(account: Account, history: list[Operation]) -> Iterator[Violation]:
    """Where nothing goes wrong, nothing is unavailable, clocks are true, and nothing is left to run out."""
    for one in history:
        if one.returned is not None and not one.definite:
            yield Violation("peace", f"{one.client}'s {one.request.kind} was answered {one.status}")
    for (block, token), stays in account.stays.items():
        name = f"{token[:6]} in block {block}"
        for stay in stays:
            if stay.ended is None:
                continue
            if stay.ended.kind == "hold_expired" and stay.ended.stored_at < stay.deadline:
                yield Violation("I7", f"{name} expired before its deadline")
            if not stay.is_primary and stay.ended.kind == "hold_expired":
                primaries = account.primaries(token, stay.held.event["primary"])
                if not any(one.ended and one.ended.kind == "hold_expired" for one in primaries):
                    yield Violation("peace", f"{name} was left to run out")
