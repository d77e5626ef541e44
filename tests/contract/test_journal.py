"""What every journal keeps, in memory, on one nats-server, and on three with three replicas."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import pytest

from actors.domain.identity import BlockKey
from actors.journal import UNSETTLED, Entry, Journal, JournalConflict, JournalUnavailable, Snapshot
from cluster.journal.jetstream import SINGLE_READS_MAX
from cluster.journal.memory import Fault, Faults
from tests.journal_worlds import World, new_block, world_of

WORLDS = ("memory", "memory as a cluster", "one server", "three servers")
LATE_SECONDS_MAX = 30.0


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "one server":
        urls, replicas = request.getfixturevalue("journal_server"), 1
    elif request.param == "three servers":
        urls, replicas = request.getfixturevalue("journal_cluster"), 3
    else:
        urls, replicas = None, 1
    async with world_of(urls, replicas, replicated=request.param == "memory as a cluster") as made:
        yield made


async def append(
    journal: Journal, block: BlockKey, expected: int, commit_id: str, payload: bytes
) -> int:
    """Commit ids are unique in the whole journal; the tests' short ones are so with their block."""
    return await journal.append(block, expected, f"{block} {commit_id}", payload)


async def ids_of(journal: Journal, block: BlockKey, after: int = 0) -> list[str]:
    return [short(block, entry) async for entry in journal.read(block, after)]


def short(block: BlockKey, entry: Entry) -> str:
    return entry.commit_id.removeprefix(f"{block} ")


async def test_an_append_returns_the_sequence_that_the_block_then_has(world: World) -> None:
    journal, block = await world.writer(), new_block()
    assert await journal.last_sequence(block) == 0
    first = await append(journal, block, 0, "a", b"one")
    second = await append(journal, block, first, "b", b"two")
    assert 0 < first < second
    assert await journal.last_sequence(block) == second


async def test_an_append_behind_a_wrong_sequence_stores_nothing(world: World) -> None:
    journal, block = await world.writer(), new_block()
    first = await append(journal, block, 0, "a", b"one")
    second = await append(journal, block, first, "b", b"two")
    for expected in (0, first):
        with pytest.raises(JournalConflict):
            await append(journal, block, expected, f"late {expected}", b"late")
    assert await journal.last_sequence(block) == second
    assert await ids_of(journal, block) == ["a", "b"]


async def test_blocks_do_not_disturb_each_other(world: World) -> None:
    journal, one, other = await world.writer(), new_block(), new_block(1)
    first = await append(journal, one, 0, "a", b"one")
    await append(journal, other, 0, "b", b"two")
    await append(journal, one, first, "c", b"three")
    assert await ids_of(journal, one) == ["a", "c"]
    assert await ids_of(journal, other) == ["b"]


async def test_of_two_writers_at_once_exactly_one_wins_each_sequence(world: World) -> None:
    writers, block = [await world.writer(), await world.writer()], new_block()
    last, winners = 0, list[str]()
    for turn in range(40):
        ids = [f"{turn} writer {index}" for index in range(2)]
        results = await asyncio.gather(
            *(
                append(writer, block, last, commit_id, b"race")
                for writer, commit_id in zip(writers, ids, strict=True)
            ),
            return_exceptions=True,
        )
        won = [index for index, result in enumerate(results) if isinstance(result, int)]
        assert len(won) == 1, results
        assert isinstance(results[1 - won[0]], JournalConflict)
        winners.append(ids[won[0]])
        last = await writers[0].last_sequence(block)
        assert results[won[0]] == last
    assert await ids_of(writers[1], block) == winners


async def test_an_append_that_is_repeated_is_stored_once_and_succeeds_again(world: World) -> None:
    journal, block = await world.writer(), new_block()
    first = await append(journal, block, 0, "a", b"one")
    assert await append(journal, block, 0, "a", b"one") == first
    second = await append(journal, block, first, "b", b"two")
    assert await append(journal, block, first, "b", b"two") == second
    assert await ids_of(journal, block) == ["a", "b"]


async def test_an_id_that_was_seen_in_another_block_is_no_proof_for_this_one(world: World) -> None:
    journal, block, other = await world.writer(settle_seconds=0.2), new_block(), new_block(1)
    await journal.append(other, 0, f"{block} id", b"")
    with pytest.raises(JournalUnavailable):
        await journal.append(block, 0, f"{block} id", b"")
    assert await journal.last_sequence(block) == 0


@pytest.mark.parametrize("fault", list(Fault))
async def test_an_append_without_an_answer_is_settled(world: World, fault: Fault) -> None:
    faults = Faults(deque([fault, None, fault]))
    journal, block = await world.writer(faults), new_block()
    first = await append(journal, block, 0, "a", b"one")
    second = await append(journal, block, first, "b", b"two")
    await asyncio.sleep(faults.late_seconds * 3)  # whatever lands late has landed
    assert await journal.last_sequence(block) == second
    entries = [entry async for entry in journal.read(block, 0)]
    assert [(entry.sequence, short(block, entry)) for entry in entries] == [
        (first, "a"),
        (second, "b"),
    ]


async def test_a_lost_acknowledgement_is_found_behind_later_commits_of_others(world: World) -> None:
    faults = Faults(deque([Fault.LOSE_ACK]))
    mine, other, block = await world.writer(faults), await world.writer(), new_block()
    opening = await append(other, block, 0, "opening", b"")
    appended = await append(mine, block, opening, "mine", b"")
    later = await append(other, block, appended, "theirs", b"")
    assert await append(mine, block, opening, "mine", b"") == appended  # sent again, much later
    assert await ids_of(mine, block) == ["opening", "mine", "theirs"]
    with pytest.raises(JournalConflict):
        await append(mine, block, appended, "mine too", b"")
    assert await mine.last_sequence(block) == later


async def test_an_append_that_lands_after_another_writer_is_refused(world: World) -> None:
    faults = Faults(deque([Fault.LAND_LATE]), late_seconds=0.3)
    slow, quick, block = await world.writer(faults), await world.writer(), new_block()
    racing = asyncio.create_task(append(slow, block, 0, "slow", b""))
    while faults.publishes:  # until the first copy is on its way
        await asyncio.sleep(0)
    try:
        await append(quick, block, 0, "quick", b"")
    except JournalConflict:  # the retry of the slow one was faster: as good
        assert await racing > 0
    else:
        with pytest.raises(JournalConflict):
            await racing
    await asyncio.sleep(0.4)
    assert len(await ids_of(quick, block)) == 1


async def test_an_append_given_up_may_land_and_is_then_fenced_and_replayed(world: World) -> None:
    faults = Faults(deque([Fault.LAND_LATE, *[Fault.LOSE_PUBLISH] * 50]), late_seconds=2.0)
    journal, block = await world.writer(faults, settle_seconds=0.2), new_block()
    with pytest.raises(JournalUnavailable):
        await append(journal, block, 0, "given up", b"")
    faults.publishes.clear()
    assert await ids_of(journal, block) == []
    async with asyncio.timeout(LATE_SECONDS_MAX):
        while not await ids_of(journal, block):
            await asyncio.sleep(0.05)
    assert await ids_of(journal, block) == ["given up"]
    with pytest.raises(JournalConflict):
        await append(journal, block, 0, "next", b"")


async def test_an_append_without_an_answer_is_told_until_one_has_one(world: World) -> None:
    faults = Faults()
    journal, other, block = (
        await world.writer(faults, settle_seconds=0.2),
        await world.writer(),
        (new_block()),
    )
    opening = await append(journal, block, 0, "opening", b"")
    assert journal.unsettled_seconds() is None
    for refused_first in (False, True):
        faults.publishes.extend([Fault.LOSE_PUBLISH] * 50)
        with pytest.raises(JournalUnavailable) as left:
            await append(journal, block, opening, "left", b"")
        assert "journal." not in left.value.told
        assert left.value.told == UNSETTLED
        assert journal.unsettled_seconds() is not None
        faults.publishes.clear()
        if refused_first:  # a journal that stores nothing says so as well
            with pytest.raises(JournalConflict):
                await append(journal, block, 0, "again", b"")
            assert journal.unsettled_seconds() is not None
        opening = await append(journal, block, opening, f"next {refused_first}", b"")
        assert journal.unsettled_seconds() is None
    assert other.unsettled_seconds() is None


async def test_without_a_connection_nothing_is_claimed_and_afterwards_all_goes_on(
    world: World,
) -> None:
    faults = Faults()
    journal, block = await world.writer(faults, settle_seconds=0.2), new_block()
    first = await append(journal, block, 0, "a", b"")
    faults.unavailable = True
    with pytest.raises(JournalUnavailable):
        await append(journal, block, first, "b", b"")
    faults.unavailable = False
    await append(journal, block, first, "c", b"")
    assert await ids_of(journal, block) == ["a", "c"]


async def test_a_replay_has_every_commit_in_order_from_anywhere(world: World) -> None:
    journal, block, neighbour = await world.writer(), new_block(), new_block(7)
    sequences, last = list[int](), 0
    for number in range(SINGLE_READS_MAX * 5):
        last = await append(journal, block, last, f"c{number}", b"%d" % number)
        sequences.append(last)
        await append(journal, neighbour, await journal.last_sequence(neighbour), f"n{number}", b"")
    for start in (0, 1, len(sequences) - 3, len(sequences)):
        after = sequences[start - 1] if start else 0
        entries = [entry async for entry in journal.read(block, after)]
        assert [entry.sequence for entry in entries] == sequences[start:]
        assert [entry.payload for entry in entries] == [
            b"%d" % number for number in range(start, len(sequences))
        ]
        assert [short(block, entry) for entry in entries] == [
            f"c{number}" for number in range(start, len(sequences))
        ]


async def test_a_reader_may_stop_half_way(world: World) -> None:
    journal, block, last = await world.writer(), new_block(), 0
    for number in range(SINGLE_READS_MAX * 3):
        last = await append(journal, block, last, f"c{number}", b"")
    reading = journal.read(block, 0)
    async for entry in reading:
        if short(block, entry) == f"c{SINGLE_READS_MAX * 2}":
            break
    await reading.aclose()  # type: ignore[attr-defined]
    assert len(await ids_of(journal, block)) == SINGLE_READS_MAX * 3


async def test_the_first_commit_is_the_opening_for_ever(world: World) -> None:
    journal, block = await world.writer(), new_block()
    assert await journal.first(block) is None
    assert await ids_of(journal, block) == []
    sequence = await append(journal, block, 0, "opening", b"layout")
    await append(journal, block, sequence, "a", b"")
    first = await journal.first(block)
    assert first is not None
    assert (first.sequence, short(block, first), first.payload) == (sequence, "opening", b"layout")
    second = await journal.first(block, sequence)
    assert second is not None
    assert (short(block, second), await journal.first(block, sequence - 1)) == ("a", first)
    assert await journal.first(block, second.sequence) is None


async def test_the_newest_snapshot_is_kept_whoever_is_last(world: World) -> None:
    one, other, block = await world.writer(), await world.writer(), new_block()
    assert await one.load_snapshot(block) is None
    await one.save_snapshot(block, Snapshot(5, "c5", b"five"))
    await other.save_snapshot(block, Snapshot(9, "c9", b"nine"))
    await one.save_snapshot(block, Snapshot(7, "c7", b"seven"))
    assert await one.load_snapshot(block) == Snapshot(9, "c9", b"nine")
    for newest in range(20, 60, 10):
        for first, second in ((newest, newest - 5), (newest + 3, newest + 6)):
            await asyncio.gather(
                one.save_snapshot(block, Snapshot(first, f"c{first}", b"%d" % first)),
                other.save_snapshot(block, Snapshot(second, f"c{second}", b"%d" % second)),
            )
            kept = max(first, second)
            assert await other.load_snapshot(block) == Snapshot(kept, f"c{kept}", b"%d" % kept)
    assert await one.load_snapshot(new_block()) is None


async def test_a_block_with_a_hundred_thousand_events_comes_back_by_its_snapshot(
    world: World,
) -> None:
    journal, block, last = await world.writer(), new_block(), 0
    commits, events, snapshot_at = 1_000, 100, 950
    payload = b"x" * 60 * events
    for number in range(commits):
        last = await append(journal, block, last, f"c{number}", payload)
        if number == snapshot_at:
            await journal.save_snapshot(block, Snapshot(last, "c", b"state"))
    snapshot = await journal.load_snapshot(block)
    assert snapshot is not None
    tail = await ids_of(journal, block, snapshot.sequence)
    assert tail == [f"c{number}" for number in range(snapshot_at + 1, commits)]
    assert len(await ids_of(journal, block)) * events == 100_000
