"""What is written is what is read: commits, snapshots, and the batches between replicas and hosts."""

from __future__ import annotations

import json
import zlib
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.codec import (
    EVENT_TYPES,
    UnknownVersion,
    decode_block,
    decode_commit,
    encode_block,
    encode_commit,
)
from actors.domain.block import Ending, Hold
from actors.domain.commands import (
    Command,
    ConfirmHold,
    HoldTerms,
    HoldTickets,
    Part,
    ReleaseHold,
)
from actors.domain.events import BlockOpened, Event
from actors.domain.identity import BlockKey
from actors.domain.layout import Category, Layout, Row, Rules
from actors.domain.rejections import Code, Conflict, Reason, Rejection
from actors.outcomes import Accepted, Outcome, Unavailable
from actors.wire import decode_batch, decode_outcomes, encode_batch, encode_command, encode_outcomes
from tests.unit.halls import NOW, RULES, TOKENS, after, opened, seats, terms

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.integers(0, 2**53)
indices = st.lists(st.integers(0, 1999), max_size=5).map(tuple)
parts = st.lists(st.builds(Part, st.integers(0, 999_999), indices), max_size=3).map(tuple)
finite = st.floats(allow_nan=False, allow_infinity=False)
rows = st.builds(Row, texts, st.integers(0, 1999), st.lists(texts, max_size=3).map(tuple))
layouts = st.builds(
    Layout,
    texts,
    st.lists(rows, max_size=2).map(tuple),
    st.integers(0, 3),
    st.lists(st.builds(Category, texts, numbers), max_size=2).map(tuple),
    st.binary(max_size=3),
    st.lists(finite, max_size=3).map(tuple),
    st.lists(finite, max_size=3).map(tuple),
    st.tuples(finite, finite),
    numbers,
)
optional_times = st.none() | numbers
rules = st.builds(Rules, texts, numbers, numbers, optional_times, optional_times, st.integers(1, 9))
holds = st.builds(
    Hold, texts, texts, indices, numbers, numbers, numbers, numbers, numbers, parts, texts,
    st.sampled_from(Ending), texts,
)  # fmt: skip
HOLD_TERMS = st.builds(HoldTerms, texts, texts, numbers, numbers, numbers, parts, numbers, numbers)
PLAIN = {int: numbers, str: texts, tuple[int, ...]: indices, tuple[Part, ...]: parts}
SPECIAL = {
    Layout: layouts,
    Rules: rules,
    HoldTerms: HOLD_TERMS,
    bool: st.booleans(),
    int | None: st.none() | st.integers(0, 9),
    str | None: st.none() | texts,
    tuple[int, ...] | None: st.none() | indices,
}


def any_of(types: tuple[type, ...]) -> st.SearchStrategy[Any]:
    """Values of each of these dataclasses, field by field; an unknown field type fails here, not silently."""
    known = {**PLAIN, **SPECIAL}
    return st.one_of(
        [st.builds(t, *[known[hint] for hint in get_type_hints(t).values()]) for t in types]
    )


events = any_of(Event.__args__)
commands = any_of(Command.__args__)
rejections = st.builds(
    Rejection,
    st.sampled_from(Code),
    st.lists(st.builds(Conflict, numbers, st.sampled_from(Reason)), max_size=3).map(tuple),
    texts,
    numbers,
)
outcomes = st.one_of(
    st.builds(Accepted, st.none() | holds, st.booleans()),
    rejections,
    st.builds(Unavailable, texts, numbers),
)
keys = st.builds(BlockKey, texts, st.integers(0, 999_999))


@settings(max_examples=300)
@given(st.lists(events, max_size=4))
def test_a_commit_is_read_as_it_was_written(written: list[Event]) -> None:
    commit = decode_commit(encode_commit(NOW, "writer", written))
    assert (commit.at, commit.by, list(commit.events)) == (NOW, "writer", written)


@settings(max_examples=300)
@given(st.lists(st.tuples(keys, commands), max_size=4))
def test_a_batch_of_commands_travels_unchanged(batch: list[tuple[BlockKey, Command]]) -> None:
    traces = ["" if n % 2 else f"trace-{n}" for n in range(len(batch))]
    encoded = [encode_command(*one, trace) for one, trace in zip(batch, traces, strict=True)]
    assert decode_batch(encode_batch(encoded)) == (batch, traces)


@settings(max_examples=300)
@given(st.lists(outcomes, max_size=4))
def test_a_batch_of_outcomes_travels_unchanged(batch: list[Outcome]) -> None:
    assert decode_outcomes(encode_outcomes(batch)) == batch


def test_a_person_can_read_a_commit() -> None:
    text = json.loads(encode_commit(NOW, "host-0", [BlockOpened(seats("a"), RULES, "load")]))
    assert (text["v"], text["at"], text["by"]) == (1, NOW, "host-0")
    assert text["events"][0][0] == "block_opened"
    assert text["events"][0][1]["layout"]["section"] == "Stalls"


def test_the_names_of_events_in_the_journal_never_change() -> None:
    assert sorted(EVENT_TYPES) == [
        "block_frozen",
        "block_opened",
        "block_thawed",
        "hold_abandoned",
        "hold_expired",
        "hold_extended",
        "hold_released",
        "hold_secured",
        "sale_cancelled",
        "tickets_held",
        "tickets_restored",
        "tickets_returned",
        "tickets_sold",
        "tickets_withheld",
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"v": 2, "at": 1, "by": "x", "events": []}',
        b'{"v": 1, "at": 1, "by": "x", "events": [["tickets_burnt", {}]]}',
    ],
)
def test_a_commit_of_a_later_version_is_refused_by_name(payload: bytes) -> None:
    with pytest.raises(UnknownVersion):
        decode_commit(payload)


def test_bytes_that_are_no_commit_are_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_commit(b"not json")


def test_a_snapshot_keeps_everything_also_what_was_sold_and_abandoned() -> None:
    layout = seats("aaaa")
    block = after(
        opened(layout),
        *[HoldTickets(terms(token), (n,)) for n, token in enumerate(TOKENS[:3])],
        ReleaseHold(TOKENS[0]),
        ConfirmHold(TOKENS[1], "order"),
    )
    opening = decode_commit(encode_commit(NOW, "w", [BlockOpened(layout, RULES, "load")]))
    again = decode_block(encode_block(block), opening)
    assert again == block
    assert list(again.sold) == [TOKENS[1]]
    assert list(again.ended) == [TOKENS[0]]


def test_a_snapshot_of_another_block_or_version_is_refused() -> None:
    block = opened(seats("aaaa"))
    other = decode_commit(encode_commit(NOW, "w", [BlockOpened(seats("aa"), RULES, "load")]))
    with pytest.raises(UnknownVersion):
        decode_block(encode_block(block), other)
    own = decode_commit(encode_commit(NOW, "w", [BlockOpened(seats("aaaa"), RULES, "load")]))
    state = json.loads(zlib.decompress(encode_block(block)))
    state["v"] = 99
    with pytest.raises(UnknownVersion):
        decode_block(zlib.compress(json.dumps(state).encode()), own)
