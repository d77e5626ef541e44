"""An activation over the journal in memory: group commit, the fence, unknown outcomes, snapshots."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import activation as activation_module
from actors.activation import (
    COMMIT_COMMANDS_MAX,
    MAILBOX_COMMANDS_MAX,
    SNAPSHOT_COMMITS,
    Activation,
)
from actors.codec import decode_commit
from actors.domain.block import Ending, Status
from actors.domain.commands import (
    AbandonHold,
    Command,
    ExpireDue,
    FindHold,
    HoldTickets,
    OpenBlock,
    ReleaseHold,
    RestoreTickets,
    WithholdTickets,
)
from actors.domain.identity import BlockKey, token_of
from actors.domain.rejections import Code, Rejection
from actors.journal import UNSETTLED, Entry
from actors.outcomes import Accepted, Outcome, Unavailable
from cluster.journal.memory import Fault, Faults, MemoryJournal, MemoryStream
from tests.unit.halls import NOW, RULES, seats, terms

KEY = BlockKey("sabcdefghijkl", 1)
HALL = seats(*["a" * 50] * 20)


class CountingJournal(MemoryJournal):
    """Counts what is asked of it; `gate` holds appends back while it is closed."""

    appends = 0
    reads = 0
    read_entries = 0
    gate: asyncio.Event | None = None

    async def append(self, block: BlockKey, expected: int, commit_id: str, payload: bytes) -> int:
        self.appends += 1
        if self.gate is not None:
            await self.gate.wait()
        return await super().append(block, expected, commit_id, payload)

    async def read(self, block: BlockKey, after: int) -> AsyncIterator[Entry]:
        self.reads += 1
        async for entry in super().read(block, after):
            self.read_entries += 1
            yield entry


@dataclass
class World:
    """One stream, and as many writers over it as a test wants."""

    stream: MemoryStream = field(default_factory=MemoryStream)
    now: int = NOW
    ids: itertools.count[int] = field(default_factory=itertools.count)
    snapshot_commits: int = SNAPSHOT_COMMITS

    def journal(self, faults: Faults | None = None) -> CountingJournal:
        return CountingJournal(self.stream, faults, settle_seconds=0.0)

    def activation(self, journal: CountingJournal, writer: str = "one") -> Activation:
        return Activation(
            KEY,
            journal,
            lambda: self.now,
            writer,
            lambda: f"{writer}-{next(self.ids)}",
            self.snapshot_commits,
        )

    async def opened(self, faults: Faults | None = None) -> tuple[Activation, CountingJournal]:
        journal = self.journal(faults)
        one = self.activation(journal)
        assert isinstance(await one.submit(OpenBlock(HALL, RULES, "test")), Accepted)
        return one, journal


def token(number: int) -> str:
    return token_of(number.to_bytes(16, "big"))


def hold(number: int, *tickets: int) -> HoldTickets:
    return HoldTickets(terms(token(number), size=len(tickets)), tickets)


def accepted(outcomes: list[Outcome]) -> int:
    return sum(isinstance(outcome, Accepted) for outcome in outcomes)


async def test_concurrent_commands_share_a_few_appends() -> None:
    one, journal = await World().opened()
    before = journal.appends
    outcomes = await asyncio.gather(*[one.submit(hold(n, n)) for n in range(1000)])
    assert accepted(outcomes) == 1000
    assert journal.appends - before == -(-1000 // COMMIT_COMMANDS_MAX)


async def test_what_arrives_during_an_append_goes_into_the_next_one() -> None:
    one, journal = await World().opened()
    journal.gate = asyncio.Event()
    before = journal.appends
    first = one.submit(hold(0, 0))
    await asyncio.sleep(0)
    later = [one.submit(hold(n, n)) for n in range(1, 50)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert journal.appends - before == 1
    assert not first.done(), "nobody hears yes before the acknowledgement"
    journal.gate.set()
    assert accepted(await asyncio.gather(first, *later)) == 50
    assert journal.appends - before == 2


async def test_of_many_who_want_one_seat_in_one_batch_one_gets_it() -> None:
    one, _ = await World().opened()
    outcomes = await asyncio.gather(*[one.submit(hold(n, 7)) for n in range(100)])
    assert accepted(outcomes) == 1
    refused = [outcome for outcome in outcomes if isinstance(outcome, Rejection)]
    assert {outcome.code for outcome in refused} == {Code.SEATS_UNAVAILABLE}


async def test_the_same_token_twice_in_one_batch_is_one_hold() -> None:
    world = World()
    one, journal = await world.opened()
    first, second = await asyncio.gather(one.submit(hold(1, 3)), one.submit(hold(1, 3)))
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.hold == second.hold
    events = [
        e async for entry in journal.read(KEY, 0) for e in decode_commit(entry.payload).events
    ]
    assert len(events) == 2


async def test_a_lost_race_throws_the_speculation_away_and_decides_again() -> None:
    world = World()
    one, _ = await world.opened()
    two = world.activation(world.journal(), "two")
    assert isinstance(await two.submit(FindHold(token(0))), Rejection)  # both are awake
    assert isinstance(await two.submit(hold(1, 5)), Accepted)
    mine, other = await asyncio.gather(one.submit(hold(2, 5)), one.submit(hold(3, 6)))
    assert isinstance(mine, Rejection)
    assert mine.code is Code.SEATS_UNAVAILABLE
    assert isinstance(other, Accepted)
    assert one.block is not None
    assert (one.block.owner[5], one.block.owner[6]) == (token(1), token(3))


async def test_a_stale_twin_never_refuses_wrongly() -> None:
    world = World()
    one, _ = await world.opened()
    two = world.activation(world.journal(), "two")
    assert isinstance(await one.submit(hold(1, 5)), Accepted)
    assert isinstance(await two.submit(hold(2, 5)), Rejection)
    assert isinstance(await one.submit(ReleaseHold(token(1))), Accepted)
    assert isinstance(await two.submit(hold(2, 5)), Accepted), (
        "its memory says held; the journal knows better"
    )
    found = await one.submit(FindHold(token(2)))
    assert isinstance(found, Accepted), "and the other one finds a hold that it never saw"


async def test_twins_under_contention_sell_every_seat_once() -> None:
    world = World()
    one, _ = await world.opened()
    two = world.activation(world.journal(), "two")
    wishes = [(n, (n * 7) % 40) for n in range(400)]
    outcomes = await asyncio.gather(
        *[(one if n % 2 else two).submit(hold(n, seat)) for n, seat in wishes]
    )
    assert not [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]
    assert accepted(outcomes) == 40
    three = world.activation(world.journal(), "three")
    await three.submit(ExpireDue())
    assert three.block is not None
    winners = {
        seat: token(n) for (n, seat), o in zip(wishes, outcomes, strict=True) if accepted([o])
    }
    assert three.block.owner == winners


@pytest.mark.parametrize("fault", list(Fault))
async def test_after_an_unknown_outcome_the_retry_tells_the_truth(fault: Fault) -> None:
    faults = Faults(late_seconds=0.01)
    world = World()
    one, journal = await world.opened(faults)
    faults.unavailable = True
    assert await one.submit(hold(1, 5)) == Unavailable(UNSETTLED), "a sentence for buyers"
    assert one.block is None, "the state is not trusted any more"
    faults.unavailable = False
    faults.publishes.append(fault)
    first = await one.submit(hold(1, 5))
    await asyncio.sleep(0.03)
    again = await one.submit(hold(1, 5))
    assert isinstance(again, Accepted)
    assert again.hold is not None
    assert again.hold.tickets == (5,)
    assert isinstance(first, Unavailable | Accepted)
    held = [e async for entry in journal.read(KEY, 0) for e in decode_commit(entry.payload).events]
    assert len(held) == 2, "one opening, one hold"


async def test_a_refusal_is_not_given_while_the_journal_is_silent() -> None:
    faults = Faults()
    one, _ = await World().opened(faults)
    await one.submit(hold(1, 5))
    faults.unavailable = True
    assert isinstance(await one.submit(hold(2, 5)), Unavailable)
    assert isinstance(await one.submit(FindHold(token(1))), Unavailable)


async def test_a_full_mailbox_answers_at_once() -> None:
    one, journal = await World().opened()
    journal.gate = asyncio.Event()
    waiting = [one.submit(FindHold(token(n))) for n in range(MAILBOX_COMMANDS_MAX)]
    assert one.depth == MAILBOX_COMMANDS_MAX
    over = one.submit(FindHold(token(0)))
    assert over.done()
    assert isinstance(over.result(), Unavailable)
    journal.gate.set()
    assert accepted(await asyncio.gather(*waiting)) == 0


async def test_callers_that_go_away_do_not_wedge_the_others() -> None:
    one, journal = await World().opened()
    journal.gate = asyncio.Event()
    futures = [one.submit(hold(n, n)) for n in range(1000)]
    await asyncio.sleep(0)
    for future in futures[::2]:
        future.cancel()
    journal.gate.set()
    assert accepted(await asyncio.gather(*futures[1::2])) == 500
    assert isinstance(await one.submit(hold(0, 0)), Accepted), "withdrawn interest, not the command"
    assert not one.busy


async def test_a_command_that_cannot_be_decided_costs_its_batch_and_nothing_else() -> None:
    one, _ = await World().opened()
    broken = WithholdTickets((None,), "test")  # type: ignore[arg-type]
    assert isinstance(await one.submit(broken), Unavailable)
    assert isinstance(await one.submit(hold(1, 1)), Accepted)


async def test_an_oversized_batch_is_committed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activation_module, "COMMIT_BYTES_MAX", 6_000)
    one, journal = await World().opened()
    everything = tuple(range(1000))
    commands: list[Command] = [WithholdTickets(everything, "x"), RestoreTickets(everything)] * 4
    before = journal.appends
    outcomes = await asyncio.gather(*[one.submit(command) for command in commands])
    assert accepted(outcomes) == 8
    assert journal.appends - before == 8
    assert one.block is not None
    assert one.block.status == bytes(1000)


async def test_nothing_but_an_opening_is_ever_the_first_commit_of_a_block() -> None:
    world = World()
    journal = world.journal()
    one = world.activation(journal)
    for command in (
        hold(1, 1),
        AbandonHold(token(1), 0),
        ExpireDue(),
        WithholdTickets((1,), "x"),
        RestoreTickets((1,)),
        ReleaseHold(token(1), 0),
    ):
        await one.submit(command)
    assert await journal.first(KEY) is None


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 7), st.integers(0, 5), st.sampled_from([None, None, *Fault])),
        max_size=40,
    ),
    st.booleans(),
)
def test_an_acknowledged_hold_is_never_lost_whatever_publishes_come_to(
    script: list[tuple[int, int, Fault | None]], replicated: bool
) -> None:
    """Two live twins over one stream with random faults: whoever heard yes owns the seat in the journal."""

    async def scenario() -> None:
        world = World(MemoryStream(replicated=replicated))
        faults = Faults(late_seconds=0.0)
        one, _ = await world.opened(faults)
        twins = (one, world.activation(world.journal(faults), "two"))
        yes: dict[int, int] = {}
        for number, (caller, seat, fault) in enumerate(script):
            if fault is not None:
                faults.publishes.append(fault)
            outcome = await twins[number % 2].submit(hold(caller, seat))
            if isinstance(outcome, Accepted) and outcome.hold is not None:
                yes[caller] = outcome.hold.tickets[0]
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(set(yes.values())) == len(yes), "no seat twice"
        faults.publishes.clear()
        judge = world.activation(world.journal(), "judge")
        await judge.submit(ExpireDue())
        assert judge.block is not None
        for caller, seat in yes.items():
            assert judge.block.status[seat] == Status.HELD
            assert judge.block.owner[seat] == token(caller)
            assert judge.block.holds[token(caller)].ending is Ending.LIVE

    asyncio.run(scenario())


async def test_a_replayed_opening_is_accepted_and_another_layout_is_not() -> None:
    one, journal = await World().opened()
    before = journal.appends
    again = await one.submit(OpenBlock(HALL, RULES, "test"))
    assert isinstance(again, Accepted)
    assert again.replayed
    other = await one.submit(OpenBlock(seats("aa"), RULES, "another load"))
    assert isinstance(other, Rejection)
    assert journal.appends == before
