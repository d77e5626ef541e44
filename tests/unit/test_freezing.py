"""A frozen block: it grants nothing, lets what is held go its way, and everybody who reads the journal knows."""

from __future__ import annotations

import json
import zlib

import msgspec
import pytest

from actors.codec import (
    Commit,
    decode_block,
    decode_commit,
    encode_block,
    encode_commit,
)
from actors.domain.audit import BlockAudit
from actors.domain.block import Block, Status
from actors.domain.commands import (
    CancelSale,
    Command,
    ConfirmHold,
    ExpireDue,
    ExtendHold,
    FindHold,
    FreezeBlock,
    HoldQuantity,
    HoldTickets,
    ReleaseHold,
    RestoreTickets,
    ReturnTickets,
    SecureHold,
    ThawBlock,
    WithholdTickets,
)
from actors.domain.events import (
    BlockFrozen,
    BlockOpened,
    BlockThawed,
    Event,
    HoldExpired,
    HoldReleased,
    TicketsRestored,
    TicketsWithheld,
)
from actors.domain.identity import BlockKey
from actors.domain.rejections import Code, Conflict, Reason, Rejection
from actors.domain.tickets import decide
from cluster.reads.choosing import BestAvailable, blocks_with_a_run, split_picks
from cluster.reads.show_view import UNREADABLE, Change, ShowView
from cluster.services.projections import project
from tests.unit.halls import NOW, RULES, TOKENS, after, area, held, opened, register, seats, terms

A, B, C = TOKENS[:3]
OVERDUE = NOW + 600_000
FREEZE, THAW = FreezeBlock("water", "ada"), ThawBlock("dry", "bob")
FROZEN, THAWED = BlockFrozen("water", "ada"), BlockThawed("dry", "bob")


def taken() -> Block:
    """Ticket 0 available, 1 held, 2 sold, 3 withheld."""
    return after(
        opened(seats("aaaa")),
        HoldTickets(terms(A), (1,)),
        HoldTickets(terms(B), (2,)),
        ConfirmHold(B, "order"),
        WithholdTickets((3,), "camera"),
    )


def test_freezing_and_thawing_are_events_with_who_and_why_and_happen_once() -> None:
    block = opened(seats("aa"))
    assert decide(block, FREEZE, NOW) == (FROZEN,)
    frozen = after(block, FREEZE)
    assert frozen.frozen == FROZEN
    assert decide(frozen, FreezeBlock("again", "bob"), NOW) == ()
    assert decide(frozen, THAW, NOW) == (THAWED,)
    assert after(frozen, THAW) == block
    assert decide(block, THAW, NOW) == ()


@pytest.mark.parametrize("command", [FREEZE, THAW])
def test_a_block_that_is_not_open_is_neither_frozen_nor_thawed(command: Command) -> None:
    assert decide(Block(), command, NOW) == Rejection(Code.BLOCK_NOT_OPEN)


def test_a_register_is_not_frozen_and_so_never_to_be_thawed() -> None:
    refused = Rejection(Code.INVALID_TICKETS, detail="the block has no tickets")
    assert decide(opened(register()), FREEZE, NOW) == refused
    assert decide(opened(register()), THAW, NOW) == ()


def test_who_and_why_may_be_left_out_of_a_thaw() -> None:
    assert ThawBlock() == ThawBlock("", "")
    assert FreezeBlock("r") == FreezeBlock("r", "")


def test_a_frozen_block_grants_nothing_and_says_why_of_every_ticket() -> None:
    block = after(taken(), FREEZE)
    assert decide(block, HoldTickets(terms(C, 4), (0, 1, 2, 3)), NOW) == Rejection(
        Code.BLOCK_FROZEN,
        (
            Conflict(0, Reason.WITHHELD),
            Conflict(1, Reason.HELD),
            Conflict(2, Reason.SOLD),
            Conflict(3, Reason.WITHHELD),
        ),
    )
    overdue = decide(block, HoldTickets(terms(C), (1,)), OVERDUE)
    assert overdue == Rejection(Code.BLOCK_FROZEN, (Conflict(1, Reason.WITHHELD),))
    assert decide(block, HoldQuantity(terms(C), 1), NOW) == Rejection(Code.BLOCK_FROZEN)
    full = after(opened(area(5)), FREEZE)
    assert decide(full, HoldQuantity(terms(C), 1), NOW) == Rejection(Code.BLOCK_FROZEN)


def test_what_was_granted_before_is_answered_as_before() -> None:
    block = after(taken(), FREEZE)
    assert decide(block, HoldTickets(terms(A), (1,)), NOW) == ()
    assert decide(block, FindHold(A), NOW) == ()
    reused = decide(block, HoldTickets(terms(A, fingerprint="g"), (1,)), NOW)
    assert reused == Rejection(Code.IDEMPOTENCY_KEY_REUSED)


@pytest.mark.parametrize(
    ("command", "now"),
    [
        (ConfirmHold(A, "o"), NOW),
        (ReleaseHold(A), NOW),
        (ExtendHold(A, "r"), NOW),
        (SecureHold(terms(A), (1,), "o", NOW + 700_000), NOW),
        (ExpireDue(), OVERDUE),
        (CancelSale(B, "order"), NOW),
        (ReturnTickets(B, "order", (2,)), NOW),
        (WithholdTickets((0,), "camera"), NOW),
        (RestoreTickets((3,)), NOW),
    ],
)
def test_everything_but_a_new_hold_goes_on(command: Command, now: int) -> None:
    decision = decide(taken(), command, now)
    assert decision
    assert decide(after(taken(), FREEZE), command, now) == decision


def test_a_payment_that_comes_after_its_hold_has_run_out_is_a_new_hold() -> None:
    late = SecureHold(terms(A), (1,), "o", OVERDUE + 1)
    block = after(taken(), FREEZE)
    refused = Rejection(Code.BLOCK_FROZEN, (Conflict(1, Reason.WITHHELD),))
    assert decide(block, late, OVERDUE) == refused
    assert not isinstance(decide(after(block, THAW), late, OVERDUE), Rejection)


def test_a_draft_and_a_snapshot_are_as_frozen_as_the_block() -> None:
    block = after(taken(), FREEZE)
    assert block.copy() == block
    opening = Commit(NOW, "w", (BlockOpened(seats("aaaa"), RULES, "test"),))
    assert decode_block(encode_block(block), opening) == block


def test_a_snapshot_from_before_there_was_freezing_is_read() -> None:
    state = json.loads(zlib.decompress(encode_block(taken())))
    assert state.pop("frozen") is None
    opening = Commit(NOW, "w", (BlockOpened(seats("aaaa"), RULES, "test"),))
    assert decode_block(zlib.compress(json.dumps(state).encode()), opening) == taken()


def test_the_events_are_written_in_words() -> None:
    payload = encode_commit(NOW, "w", [FROZEN, THAWED])
    assert msgspec.json.decode(payload)["events"] == [
        ["block_frozen", {"reason": "water", "by": "ada"}],
        ["block_thawed", {"reason": "dry", "by": "bob"}],
    ]
    assert decode_commit(payload).events == (FROZEN, THAWED)


def objections(*commits: list[Event]) -> list[str]:
    audit = BlockAudit(1)
    opening: list[Event] = [BlockOpened(seats("aa", prices={"a": 100}), RULES, "test")]
    for number, events in enumerate([opening, *commits]):
        audit.commit(number + 1, number, events)
    return [found.detail for found in audit.violations]


def test_the_auditor_lets_nothing_begin_in_a_frozen_block() -> None:
    assert objections([FROZEN], [THAWED, held("t", 0)]) == []
    (found,) = objections([FROZEN], [held("t", 0)])
    assert found.endswith("begins while the block is frozen")
    assert objections([held("t", 0)], [FROZEN, HoldReleased("t", (0,))]) == []
    assert objections([FROZEN, FROZEN]) == ["the block is frozen twice"]
    assert objections([THAWED]) == ["the block was not frozen"]
    assert objections([FROZEN, THAWED, FROZEN, THAWED, THAWED]) == ["the block was not frozen"]


class Screen:
    """A view of one block of four seats."""

    def __init__(self) -> None:
        self.view = ShowView("sabcdefghijkl")
        self.told(BlockOpened(seats("aaaa"), RULES, "test"))

    def told(self, *events: Event) -> dict[int, Status]:
        """What watchers hear of one more commit."""
        commit = Commit(NOW, "w", events)
        change: Change | None = self.view.apply(1, self.view.version + 1, commit)
        return dict(change.tickets) if change is not None else {}

    @property
    def seen(self) -> str:
        return "".join(Status(one).name[0] for one in self.view.blocks[1].status)


def test_the_public_sees_what_is_frozen_as_withheld_and_nothing_of_it_is_chosen() -> None:
    screen, wish = Screen(), BestAvailable(1, None, None)
    screen.told(held(A, 1, at=NOW))
    screen.told(TicketsWithheld((3,), "camera"))
    assert screen.told(FROZEN) == {0: Status.WITHHELD, 2: Status.WITHHELD}
    assert (screen.seen, screen.view.counts) == ("WHWW", {"a": [0, 1, 0, 3]})
    assert screen.view.frozen == {1: FROZEN}
    assert blocks_with_a_run(screen.view, wish, OVERDUE) == []
    assert split_picks(screen.view, wish, OVERDUE) == []
    assert screen.told(THAWED) == {0: Status.AVAILABLE, 2: Status.AVAILABLE}
    assert (screen.seen, screen.view.counts) == ("AHAW", {"a": [2, 1, 0, 1]})
    assert screen.view.frozen == {}
    assert blocks_with_a_run(screen.view, wish, NOW) == [1]


def test_what_happens_beneath_is_seen_when_it_has_thawed() -> None:
    screen = Screen()
    screen.told(held(A, 1, at=NOW))
    screen.told(FROZEN)
    assert screen.told(HoldExpired(A, (1,))) == {1: Status.WITHHELD}
    assert screen.told(TicketsWithheld((0,), "camera")) == {0: Status.WITHHELD}
    assert screen.told(TicketsWithheld((2,), "x"), TicketsRestored((2,), "y")) == {
        2: Status.WITHHELD
    }
    assert screen.seen == "WWWW"
    assert screen.told(THAWED) == dict.fromkeys((1, 2, 3), Status.AVAILABLE)
    assert screen.seen == "WAAA"
    assert screen.told(FROZEN, THAWED) == dict.fromkeys((1, 2, 3), Status.AVAILABLE)


def test_a_block_with_a_commit_that_cannot_be_read_is_frozen_and_the_others_go_on() -> None:
    screen, wish = Screen(), BestAvailable(1, None, None)
    screen.view.apply(2, 2, Commit(NOW, "w", (BlockOpened(seats("bb"), RULES, "test"),)))
    change = screen.view.lose(1, 3)
    assert change == Change(3, 1, tuple((ticket, Status.WITHHELD) for ticket in range(4)))
    assert screen.view.frozen == {1: UNREADABLE}
    assert screen.told(THAWED) == {}, "what follows there is not folded"
    assert screen.view.lose(1, 5) is None
    assert (screen.view.version, screen.seen) == (5, "WWWW")
    assert blocks_with_a_run(screen.view, wish, NOW) == [2]


def test_a_block_whose_opening_cannot_be_read_is_not_there() -> None:
    screen = Screen()
    assert screen.view.lose(2, 2) is None
    assert screen.view.apply(2, 3, Commit(NOW, "w", (held(A, 1, at=NOW),))) is None
    assert list(screen.view.blocks) == [1]
    assert (screen.view.version, screen.view.frozen) == (3, {})


def test_the_read_model_keeps_the_states_of_the_tickets() -> None:
    key = BlockKey("sabcdefghijkl", 1)
    assert project([(key, 7, Commit(NOW, "w", (FROZEN, THAWED)))], 7).blocks == []
