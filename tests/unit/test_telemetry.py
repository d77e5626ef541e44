"""What hosts, journals, consumers and callers tell: numbers into a meter, and one trace through all of them."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest

from actors.client import TicketClient
from actors.domain.commands import Command, FindHold, HoldTickets, OpenBlock
from actors.domain.identity import BlockKey
from actors.domain.rejections import Rejection
from actors.fleet import Fleet
from actors.host import Host
from actors.metrics import (
    ACTIVATION_SECONDS,
    ACTIVATIONS,
    APPEND_DOUBTS,
    APPENDS,
    BATCH_COMMANDS,
    COMMANDS,
    DECIDE_SECONDS,
    HOST_CALL_SECONDS,
    HOST_CALLS_LOST,
    MAILBOX_DEEPEST,
    METRICS,
    VIEWS,
    Emitter,
    Metric,
)
from actors.outcomes import Accepted, Unavailable
from actors.placement import Placement
from actors.tally import KINDS, tally
from actors.telemetry import SILENT, TRACE, SilentTracer, Telemetry
from actors.wire import decode_batch, encode_outcomes
from cluster.journal.acks import stored_sequence
from cluster.journal.consumer import Delivery, DurableConsumer
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.memory import MemoryJournal, MemoryStream
from cluster.journal.settle import Doubtful
from cluster.telemetry.logs import level_number, with_trace_id
from cluster.telemetry.otel import OtelTracer
from cluster.telemetry.sampler import Sampler
from tests.meters import Recorder, context_of
from tests.unit.halls import NOW, RULES, seats
from tests.unit.test_activation import hold, token

KEY = BlockKey("sabcdefghijkl", 1)
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C


class TracedJournal(MemoryJournal):
    """Remembers the trace that was there when something was appended, as a header would carry it."""

    def __init__(self, stream: MemoryStream) -> None:
        super().__init__(stream, settle_seconds=0.0)
        self.traces: list[str] = []

    async def append(self, block: BlockKey, expected: int, commit_id: str, payload: bytes) -> int:
        self.traces.append(TRACE.get())
        return await super().append(block, expected, commit_id, payload)


class World:
    def __init__(self, telemetry: Telemetry) -> None:
        self.journal = TracedJournal(MemoryStream())
        ids = iter(range(1_000_000))
        self.host = Host(
            "host-0", self.journal, lambda: NOW, lambda: str(next(ids)), "w", telemetry=telemetry
        )
        self.lost = 0

    async def execute(self, host: str, payload: bytes) -> bytes:
        """The way to the host, as bytes."""
        if self.lost:
            self.lost -= 1
            raise ConnectionError
        return encode_outcomes(await self.host.execute(*decode_batch(payload)))

    def client(self, telemetry: Telemetry) -> TicketClient:
        return TicketClient(
            self, lambda: Placement(Fleet(1)), asyncio.get_running_loop().time, telemetry
        )


async def opened(recorder: Recorder) -> World:
    world = World(recorder.telemetry)
    await world.host.execute([(KEY, OpenBlock(seats("aaaa"), RULES, "test"))])
    return world


async def test_a_host_counts_commands_by_kind_and_outcome_and_times_its_batches() -> None:
    recorder = Recorder()
    world = await opened(recorder)
    batch: list[tuple[BlockKey, Command]] = [
        (KEY, hold(1, 0)),
        (KEY, hold(1, 0)),
        (KEY, hold(2, 0)),
        (KEY, FindHold(token(9))),
    ]
    await world.host.execute(batch)
    world.host.tell()
    counted = {labels: n for (m, labels), n in recorder.meter.counted.items() if m is COMMANDS}
    assert counted == {
        ("open_block", "accepted"): 1,
        ("hold_tickets", "accepted"): 1,
        ("hold_tickets", "replayed"): 1,
        ("hold_tickets", "seats_unavailable"): 1,
        ("find_hold", "hold_not_found"): 1,
    }
    assert recorder.meter.observed[BATCH_COMMANDS, ()] == [1, 4]
    assert len(recorder.meter.observed[DECIDE_SECONDS, ()]) == 2
    assert len(recorder.meter.observed[ACTIVATION_SECONDS, ()]) == 1
    assert recorder.meter.gauge(ACTIVATIONS) == 1
    assert recorder.meter.gauge(MAILBOX_DEEPEST) == 0


def test_every_outcome_has_a_name_of_its_own() -> None:
    commands = [FindHold(token(n)) for n in range(3)]
    outcomes = [Accepted(), Accepted(replayed=True), Unavailable("?")]
    assert tally(commands, outcomes) == {
        ("find_hold", "accepted"): 1,
        ("find_hold", "replayed"): 1,
        ("find_hold", "unavailable"): 1,
    }
    assert KINDS[HoldTickets] == "hold_tickets"


async def test_a_caller_times_its_calls_and_counts_those_that_are_lost() -> None:
    recorder = Recorder()
    world = await opened(recorder)
    world.lost = 1
    outcome = await world.client(recorder.telemetry).ask(KEY, hold(1, 0))
    assert isinstance(outcome, Accepted)
    assert recorder.meter.counted[HOST_CALLS_LOST, ()] == 1
    assert len(recorder.meter.observed[HOST_CALL_SECONDS, ()]) == 1


async def test_one_trace_goes_through_caller_host_and_commit() -> None:
    recorder = Recorder()
    world = await opened(recorder)
    TRACE.set(PARENT)
    await world.client(SILENT).ask(KEY, hold(1, 0))
    (command,), (commit,) = recorder.named("hold_tickets"), recorder.named("commit")
    assert {context_of(span).trace_id for span in (command, commit)} == {TRACE_ID}
    assert command.parent is not None
    assert commit.parent is not None
    assert f"{command.parent.span_id:016x}" == PARENT[36:52]
    assert commit.parent.span_id == context_of(command).span_id
    assert world.journal.traces[0] == ""  # the opening: nobody traced it
    assert world.journal.traces[1][3:52] == (
        f"{context_of(commit).trace_id:032x}-{context_of(commit).span_id:016x}"
    )
    names = json.dumps([dict(span.attributes or {}) for span in recorder.spans])
    assert token(1) not in names  # a hold's token is its buyer's authority


async def test_a_commit_for_many_requests_belongs_to_the_first_and_names_the_others() -> None:
    recorder = Recorder()
    world = await opened(recorder)
    others = [f"00-{n:032x}-{n:016x}-01" for n in (7, 8)]
    batch = [(KEY, hold(n, n)) for n in range(4)]
    await world.host.execute(batch, ["", PARENT, *others])
    (commit,) = recorder.named("commit")
    assert context_of(commit).trace_id == TRACE_ID
    assert [link.context.trace_id for link in commit.links] == [7, 8]
    assert len(recorder.named("hold_tickets")) == 3


async def test_a_refusal_and_a_trace_that_is_over_leave_nothing_behind() -> None:
    recorder = Recorder()
    world = await opened(recorder)
    (refused,) = await world.host.execute([(KEY, FindHold(token(5)))], [PARENT])
    assert isinstance(refused, Rejection)
    (command,) = recorder.named("find_hold")
    assert command.status.description == "hold_not_found"
    await world.host.execute([(KEY, hold(2, 1))])
    assert world.journal.traces[-1] == ""


async def test_without_a_tracer_a_host_hands_the_trace_on() -> None:
    world = World(SILENT)
    await world.host.execute([(KEY, OpenBlock(seats("aa"), RULES, "test"))], [PARENT])
    assert world.journal.traces == [PARENT]
    assert SilentTracer().start("x", "").traceparent == ""


class Answers:
    """A NATS client: answers publishes from a script, and reads with what it was told to find."""

    def __init__(self, *answers: bytes, found: tuple[str, int] | None = None) -> None:
        self.answers = list(answers)
        self.found = found
        self.headers: list[dict[str, str]] = []

    async def request(self, subject: str, payload: bytes, **more: Any) -> Any:
        class Message:
            data = b""

        if subject.startswith("$JS.API"):
            body: dict[str, Any] = {"error": {"err_code": 10037}}
            if self.found is not None:
                name, sequence = self.found
                head = f"NATS/1.0\r\nNats-Msg-Id: {name}\r\n\r\n".encode()
                stored = {"subject": "journal.s.1", "seq": sequence}
                body = {"message": {**stored, "hdrs": _base64(head), "data": ""}}
            Message.data = json.dumps(body).encode()
        else:
            self.headers.append(more["headers"])
            Message.data = self.answers.pop(0)
        return Message()


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def _refused(code: int) -> bytes:
    return json.dumps({"error": {"code": 400, "err_code": code, "description": ""}}).encode()


@pytest.mark.parametrize(
    ("answers", "found", "outcome", "doubts"),
    [
        ([b'{"seq": 4}'], None, "stored", {}),
        ([b'{"seq": 4, "duplicate": true}'], ("mine", 4), "settled", {"duplicate": 1}),
        ([_refused(10071)], ("other", 4), "conflict", {"10071": 1}),
        ([_refused(10164)], ("other", 4), "conflict", {"10164": 1}),
        ([_refused(10071), b'{"seq": 5}'], None, "settled", {"10071": 1}),
        ([_refused(10077)], None, "unknown", {}),
    ],
)
async def test_what_became_of_a_commit_is_counted(
    answers: list[bytes], found: tuple[str, int] | None, outcome: str, doubts: dict[str, int]
) -> None:
    recorder = Recorder()
    nc = Answers(*answers, found=found)
    journal = JetStreamJournal(cast(Any, nc), telemetry=recorder.telemetry)
    TRACE.set(PARENT)
    await asyncio.gather(journal.append(KEY, 3, "mine", b"x"), return_exceptions=True)
    counted = recorder.meter.counted
    assert {labels[0]: n for (m, labels), n in counted.items() if m is APPENDS} == {outcome: 1}
    assert {labels[0]: n for (m, labels), n in counted.items() if m is APPEND_DOUBTS} == doubts
    assert nc.headers[0]["traceparent"] == PARENT


def test_an_answer_with_an_unknown_code_is_one_of_few_labels() -> None:
    with pytest.raises(Doubtful) as doubt:
        stored_sequence(_refused(12345))
    assert doubt.value.answer == "other"


async def test_a_consumer_goes_on_with_the_trace_of_its_messages_and_with_none_afterwards() -> None:
    recorder, heard = Recorder(), list[str]()

    async def handler(deliveries: list[Delivery]) -> None:
        heard.append(TRACE.get())

    nc = cast(Any, None)
    consumer = DurableConsumer(
        nc, "JOURNAL", "payment", "journal.>", handler, telemetry=recorder.telemetry
    )
    traced = Delivery(nc, "", "s", 1, b"", 1, 0, PARENT)
    await consumer._hand_over([Delivery(nc, "", "s", 0, b"", 1, 0), traced])
    await consumer._hand_over([Delivery(nc, "", "s", 2, b"", 1, 0)])
    (span,) = recorder.named("JOURNAL payment")
    assert context_of(span).trace_id == TRACE_ID
    assert heard[0][3:35] == PARENT[3:35]
    assert heard[1] == ""


async def test_a_gauge_that_cannot_be_read_does_not_hold_up_the_others() -> None:
    recorder = Recorder()
    sampler = Sampler(recorder.meter)

    async def broken() -> int:
        raise OSError

    sampler.watch(MAILBOX_DEEPEST, broken)
    sampler.watch(VIEWS, lambda: 7)
    await sampler.sample()
    assert recorder.meter.gauges == {(VIEWS, ()): 7}


async def test_a_gauge_that_is_no_number_does_not_end_the_sampler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = Recorder()
    put = recorder.meter.put

    def picky(metric: Metric, value: float, *labels: str) -> None:
        if metric is MAILBOX_DEEPEST:
            raise TypeError
        put(metric, value, *labels)

    monkeypatch.setattr(recorder.meter, "put", picky)
    sampler = Sampler(recorder.meter)
    sampler.watch(MAILBOX_DEEPEST, lambda: 1)
    sampler.watch(VIEWS, lambda: 7)
    await sampler.sample()
    assert recorder.meter.gauges == {(VIEWS, ()): 7}


async def test_the_sampler_tells_again_and_again_until_it_is_closed() -> None:
    recorder, readings = Recorder(), list[int]()
    sampler = Sampler(recorder.meter, seconds=0.001)
    sampler.watch(VIEWS, lambda: readings.append(1) or len(readings))
    sampler.start()
    async with asyncio.timeout(30):
        while len(readings) < 3:
            await asyncio.sleep(0.001)
    await sampler.close()
    seen = len(readings)
    await asyncio.sleep(0.01)
    assert len(readings) == seen


@pytest.mark.parametrize("parent", ["", "garbage", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_what_is_no_traceparent_begins_a_trace(parent: str) -> None:
    recorder = Recorder()
    tracer = recorder.telemetry.tracer
    assert isinstance(tracer, OtelTracer)
    span = tracer.start("x", parent)
    span.rename("y")
    span.end("it failed")
    (ended,) = recorder.named("y")
    assert ended.parent is None
    assert ended.status.description == "it failed"


def test_a_line_of_a_traced_request_has_the_trace_id() -> None:
    TRACE.set(PARENT)
    assert with_trace_id(None, "", {})["trace_id"] == PARENT[3:35]
    TRACE.set("")
    assert "trace_id" not in with_trace_id(None, "", {})
    assert level_number("warning") > level_number("info")


def test_each_process_emits_something() -> None:
    emitting = {emitter for metric in METRICS for emitter in metric.emitters}
    assert emitting == set(Emitter)
