"""Valid histories: random clients at work on a small house of which everything is known.

Each request is a coroutine that changes the house at its own moments; the clients see only answers, some of them never.
It follows the protocol as documented (parts first, the record last, given back in the other order, expiry by clocks
that are off by up to the skew), in another way than the checker: it keeps the state, and no intervals.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.history import Kind, Operation, Request
from tests.linearizability.written import SHOW, held_body

Answer = tuple[int, dict[str, Any]]
Work = Generator[float, None, Answer]
"""Yields how long until it goes on."""

_QUESTIONS: tuple[Kind, ...] = ("find", "release", "extend")


@dataclass(slots=True)
class Part:
    """Who has a seat, until when."""

    token: str
    deadline: int
    extended: bool = False


@dataclass(slots=True)
class Record:
    hold_id: str
    request: Request
    seats: tuple[str, ...]
    deadline: int
    ending: str = ""
    extended_by: str = ""

    @property
    def alone(self) -> bool:
        """Its record and its ticket are in one block."""
        return not self.request.key and len(self.seats) == 1

    def body(self) -> dict[str, Any]:
        extended = bool(self.extended_by)
        return held_body(self.hold_id, self.seats, self.deadline, extended=extended)


class House:
    """What is true. `hold_ms` is how long a hold lasts."""

    def __init__(self, dice: Random, seats: int, hold_ms: int, skew_ms: int, careless: float):
        self.dice, self.hold_ms, self.skew_ms = dice, hold_ms, skew_ms
        self.careless = careless
        self.seats: dict[str, Part | None] = {f"R-{n}": None for n in range(seats)}
        self.records: dict[str, Record] = {}
        self.now = 0.0
        self._busy: set[str] = set()
        self._tokens = 0

    def work(self, request: Request) -> Work:
        match request.kind:
            case "hold":
                return self._hold(request)
            case "find":
                return self._find(request.hold_id)
            case "release":
                return self._release(request.hold_id)
            case "extend":
                self._tokens += 1
                return self._extend(request.hold_id, request.key or f"unkeyed {self._tokens}")

    def _clock(self) -> int:
        return int(self.now) + self.dice.randint(-self.skew_ms, self.skew_ms)

    def _pause(self) -> float:
        return self.dice.expovariate(1 / 8)

    def _free(self, seat: str) -> bool:
        part = self.seats[seat]
        return part is None or part.deadline <= self._clock()

    def _take(self, seat: str, token: str, deadline: int) -> None:
        """A seat whose holder is overdue is taken from it: what is decided in one block is so for good."""
        before = self.seats[seat]
        if before is not None and (record := self.records.get(before.token)) and record.alone:
            record.ending = record.ending or "expired"
        self.seats[seat] = Part(token, deadline)

    def _hold(self, request: Request) -> Work:
        yield self._pause()
        self._tokens += 1
        token = f"K{request.key}" if request.key else f"H{self._tokens}"
        if not request.key and (request.quantity or len(request.seats)) == 1:
            (seat,) = request.seats or self._choice(1)
            return self._hold_alone(request, token, seat)
        while token in self._busy:
            yield self._pause()
        self._busy.add(token)
        try:
            for _ in range(3):
                seats = request.seats or self._choice(request.quantity)
                answer = yield from self._attempt(request, token, seats)
                if answer[0] != 409 or request.seats:
                    return answer
            return 409, {"code": "no_adjacent_seats"}
        finally:
            self._busy.discard(token)

    def _choice(self, quantity: int) -> tuple[str, ...]:
        free = [seat for seat in self.seats if self._free(seat)]
        return tuple(self.dice.sample(free if len(free) >= quantity else [*self.seats], quantity))

    def _hold_alone(self, request: Request, token: str, seat: str) -> Answer:
        """One question to one block."""
        if not self._free(seat):
            return self._refusal([seat])
        deadline = self._clock() + self.hold_ms
        self._take(seat, token, deadline)
        self.records[token] = Record(token, request, (seat,), deadline)
        return 201, self.records[token].body()

    def _refusal(self, seats: list[str]) -> Answer:
        conflicts = [{"seat": seat, "reason": "held"} for seat in seats]
        return 409, {"code": "seats_unavailable", "conflicts": conflicts}

    def _attempt(self, request: Request, token: str, seats: tuple[str, ...]) -> Work:
        taken, known = list[str](), self.records.get(token)
        for seat in () if known else seats:
            part = self.seats[seat]
            if part is not None and part.token == token and part.deadline > self._clock():
                taken.append(seat)  # left behind by an earlier attempt with this key
            elif self._free(seat):
                self._take(seat, token, self._clock() + self.hold_ms)
                taken.append(seat)
            else:
                yield from self._give_back(taken, token, bool(request.key))
                return self._refusal([seat])
            yield self._pause()
        if known is not None:
            same = (known.request.seats, known.request.quantity)
            if same != (request.seats, request.quantity):
                return 422, {"code": "idempotency_key_reused"}
            return 201, known.body()
        parts = [part for seat in seats if (part := self.seats[seat]) and part.token == token]
        if len(parts) < len(seats) or min(part.deadline for part in parts) <= self._clock():
            return 503, {}
        deadline = min(self._clock() + self.hold_ms, *[part.deadline for part in parts])
        self.records[token] = Record(token, request, seats, deadline)
        return 201, self.records[token].body()

    def _give_back(
        self, seats: list[str], token: str, may_fail: bool
    ) -> Generator[float, None, None]:
        for seat in seats:
            yield self._pause()
            part = self.seats[seat]
            left_behind = may_fail and self.dice.random() < self.careless
            if part is not None and part.token == token and not left_behind:
                self.seats[seat] = None

    def _standing(self, hold_id: str) -> Record | Answer:
        record = self.records.get(hold_id)
        if record is None or record.ending == "released":
            return 404, {"code": "hold_not_found"}
        if record.ending or record.deadline <= self._clock():
            return 410, {"code": "hold_expired"}
        return record

    def _find(self, hold_id: str) -> Work:
        yield self._pause()
        record = self._standing(hold_id)
        return (200, record.body()) if isinstance(record, Record) else record

    def _release(self, hold_id: str) -> Work:
        yield self._pause()
        record = self._standing(hold_id)
        if not isinstance(record, Record):
            again = hold_id in self.records and self.records[hold_id].ending == "released"
            return (204, {}) if again else record
        record.ending = "released"
        if record.alone:
            self.seats[record.seats[0]] = None
        else:
            yield from self._give_back(list(record.seats), hold_id, may_fail=True)
        return 204, {}

    def _extend(self, hold_id: str, by: str) -> Work:
        yield self._pause()
        record = self._standing(hold_id)
        if not isinstance(record, Record):
            return record
        deadlines = list[int]()
        for seat in record.seats:
            part = self.seats[seat]
            if part is None or part.token != hold_id or part.deadline <= self._clock():
                answer = self._standing(hold_id)  # given back meanwhile, else expired
                return (410, {"code": "hold_expired"}) if isinstance(answer, Record) else answer
            if not part.extended:
                part.deadline, part.extended = part.deadline + self.hold_ms, True
            deadlines.append(part.deadline)
            if not record.alone:
                yield self._pause()
        if not record.alone:
            record = self._standing(hold_id)
        if not isinstance(record, Record):
            return record
        if record.extended_by:
            same = record.extended_by == by
            return (200, record.body()) if same else (409, {"code": "already_extended"})
        record.extended_by = by
        record.deadline = min(record.deadline + self.hold_ms, *deadlines)
        return 200, record.body()


@dataclass(slots=True)
class Crowd:
    """The clients of a house, and what they write down."""

    house: House
    dice: Random
    trouble: float
    best: bool = True
    history: list[Operation] = field(default_factory=list[Operation])
    known: list[str] = field(default_factory=list[str])
    _agenda: list[tuple[float, int, Callable[[], None]]] = field(
        default_factory=list[tuple[float, int, Callable[[], None]]]
    )
    _count: int = 0

    def run(self, clients: int, operations: int) -> list[Operation]:
        for number in range(clients):
            self._at(self.dice.uniform(0, 50), lambda number=number: self._next(number, operations))
        while self._agenda:
            self.house.now, _, action = heapq.heappop(self._agenda)
            action()
        return self.history

    def _at(self, time: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (time, self._count, action))

    def _next(self, client: int, left: int) -> None:
        if left == 0:
            return
        operation = Operation(f"client {client}", self._request(), self.house.now)
        self.history.append(operation)
        work, late = self.house.work(operation.request), 0.0
        steps_left, answered = 1_000, True
        if self.dice.random() < self.trouble:
            answered = False
            steps_left = self.dice.choice([0, 1, 2, 3, 1_000, 1_000])
            late = self.dice.choice([0.0, 0.0, 500.0, 3_000.0])
            gives_up = self.house.now + self.dice.uniform(5, 60)
            self._at(gives_up, lambda: self._give_up(operation, client, left))
        self._go_on(operation, work, steps_left, answered, client, left, late)

    def _give_up(self, operation: Operation, client: int, left: int) -> None:
        if self.dice.random() < 0.4:
            operation.returned, operation.status = self.house.now, self.dice.choice([500, 503])
        self._pause_then_next(client, left)

    def _go_on(
        self,
        operation: Operation,
        work: Work,
        steps_left: int,
        answered: bool,
        client: int,
        left: int,
        late: float = 0.0,
    ) -> None:
        if steps_left == 0:
            work.close()  # its process was killed
            return
        try:
            pause = next(work) + late
        except StopIteration as done:
            if answered:
                answer: Answer = done.value
                back = self.house.now + self.dice.expovariate(1 / 5)
                self._at(back, lambda: self._answer(operation, answer, client, left))
            return
        self._at(
            self.house.now + pause,
            lambda: self._go_on(operation, work, steps_left - 1, answered, client, left),
        )

    def _answer(self, operation: Operation, answer: Answer, client: int, left: int) -> None:
        operation.status, operation.body = answer
        operation.returned = self.house.now
        if operation.effective and "hold_id" in operation.body:
            self.known.append(operation.body["hold_id"])
        self._pause_then_next(client, left)

    def _pause_then_next(self, client: int, left: int) -> None:
        self._at(
            self.house.now + self.dice.expovariate(1 / 30), lambda: self._next(client, left - 1)
        )

    def _request(self) -> Request:
        dice = self.dice
        if self.known and dice.random() < 0.5:
            kind: Kind = dice.choice(_QUESTIONS)
            key = f"e{dice.randint(0, 3)}" if kind == "extend" and dice.random() < 0.5 else ""
            return Request(kind, SHOW, hold_id=dice.choice(self.known[-6:]), key=key)
        earlier = [o.request for o in self.history[-20:] if o.request.key and o.request.seats]
        if earlier and dice.random() < 0.3:
            return dice.choice(earlier)
        key = f"{dice.randint(0, 200)}" if dice.random() < 0.4 else ""
        if self.best and dice.random() < 0.1:
            return Request("hold", SHOW, quantity=dice.randint(1, 2), key=key)
        seats = dice.sample(list(self.house.seats), dice.choice([1, 1, 2, 3]))
        return Request("hold", SHOW, tuple(seats), key=key)


def valid_history(
    seed: int,
    *,
    clients: int = 5,
    operations: int = 6,
    seats: int = 6,
    skew_ms: int = 0,
    trouble: float = 0.15,
    best: bool = True,
    hold_ms: int = 0,
) -> list[Operation]:
    """What the clients of one random house wrote down: `operations` of each of them."""
    dice = Random(seed)
    lasts = hold_ms or dice.choice([80, 300, 2_000, 60_000])
    house = House(dice, seats, lasts, skew_ms, careless=0.2)
    return Crowd(house, dice, trouble, best).run(clients, operations)
