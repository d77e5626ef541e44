"""What a command means when it leaves something unsaid."""

from __future__ import annotations

from actors.domain.block import Block, Ending, Hold, Status
from actors.domain.commands import (
    ConfirmHold,
    ExtendHold,
    FindHold,
    HoldQuantity,
    HoldTerms,
    ReleaseHold,
    RestoreTickets,
    ReturnTickets,
)
from actors.domain.events import TicketsHeld
from actors.domain.layout import Layout, Rules


def test_terms_are_of_a_first_attempt_in_one_block() -> None:
    terms = HoldTerms("t", "f", 1, 0)
    assert (terms.epoch, terms.parts, terms.parts_amount, terms.deadline_max) == (0, (), 0, 0)


def test_commands_ask_for_the_plain_thing() -> None:
    assert FindHold("t") == FindHold("t", ended=False)
    assert ReleaseHold("t") == ReleaseHold("t", epoch=None)
    assert ExtendHold("t", "r") == ExtendHold("t", "r", part=False, deadline_max=0)
    assert RestoreTickets((1,)) == RestoreTickets((1,), reason="")
    assert HoldQuantity(HoldTerms("t", "f", 1, 0), 1).category is None
    assert ConfirmHold("t", "o") == ConfirmHold("t", "o", tickets=None)
    back = ReturnTickets("t", "o", (1,))
    assert (back.withhold, back.reason) == (False, "")


def test_a_hold_is_one_attempts_and_lives_until_it_is_told_otherwise() -> None:
    event = TicketsHeld("t", "f", (1,), 5, 10, 20, 0)
    assert (event.epoch, event.parts) == (0, ())
    hold = Hold("t", "f", (1,), 5, 10, 20, 0)
    assert (hold.epoch, hold.parts, hold.extended_by, hold.order_id) == (0, (), "", "")
    assert hold.ending is Ending.LIVE


def test_rules_hold_ten_minutes_and_ten_seats_and_are_always_on_sale() -> None:
    rules = Rules("EUR")
    assert (rules.hold_seconds, rules.max_per_order, rules.registers) == (600, 10, 1)
    assert rules.opens_at is None
    assert rules.closes_at is None


def test_a_layout_begins_at_the_origin_and_with_the_first_unit() -> None:
    layout = Layout("", (), 0, (), b"", (), ())
    assert layout.focal == (0.0, 0.0)
    assert layout.first_unit == 1


def test_a_new_block_knows_nothing_and_shares_nothing() -> None:
    block, other = Block(), Block()
    assert block == other
    assert block.layout is None
    assert block.rules.currency == "XXX", "no currency, by ISO 4217"
    assert (block.hall.rows, list(block.hall.distances), block.hall.nearest) == ((), [], ())
    block.status.append(Status.HELD)
    for memory in (block.owner, block.holds, block.ended, block.abandoned, block.sold):
        assert memory == {}
        memory["t"] = None  # type: ignore[index, assignment]
    assert other == Block()


def test_the_bytes_of_states_are_those_of_the_snapshots() -> None:
    assert [(state.name, state.value) for state in Status] == [
        ("AVAILABLE", 0),
        ("HELD", 1),
        ("SOLD", 2),
        ("WITHHELD", 3),
    ]
    assert [(ending.name, ending.value) for ending in Ending] == [
        ("LIVE", 0),
        ("RELEASED", 1),
        ("EXPIRED", 2),
        ("SOLD", 3),
        ("CANCELLED", 4),
    ]
