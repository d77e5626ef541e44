"""One seat's history is folded from its block's commits."""

from __future__ import annotations

from actors.codec import Commit
from actors.domain.block import Status
from actors.domain.commands import Part
from actors.domain.events import (
    BlockFrozen,
    BlockOpened,
    BlockThawed,
    Event,
    HoldExpired,
    HoldExtended,
    HoldReleased,
    TicketsHeld,
    TicketsRestored,
    TicketsSold,
    TicketsWithheld,
)
from actors.domain.layout import Category, Layout, Row, Rules
from actors.domain.order import Actor, Cause, State, Transition
from cluster.operate.history import TOKEN_CHARS_SHOWN, History, shortened, ticket_history
from cluster.operate.order_history import with_orders
from cluster.ticketing.document import order_reference
from tests.unit.orders import draft

LAYOUT = Layout(
    "Stalls",
    (Row("A", 0, ("1", "2", "3")),),
    3,
    (Category("Standard", 2500),),
    bytes(3),
    (0.0, 1.0, 2.0),
    (0.0, 0.0, 0.0),
)
OPENED = BlockOpened(LAYOUT, Rules("EUR"), "job")
TOKEN = "a" * 26
OTHER = "b" * 26


def held(token: str, *tickets: int, parts: tuple[Part, ...] = ()) -> TicketsHeld:
    return TicketsHeld(token, "digest", tickets, 2500, 0, 600_000, 4, parts=parts)


def history_of(ticket: int, *events: Event) -> History | None:
    commits = [(10 + n, Commit(1_000 + n, "host-0/7", (event,))) for n, event in enumerate(events)]
    return ticket_history(commits, ticket)


def test_a_seat_that_was_only_opened_is_available() -> None:
    history = history_of(1, OPENED)
    assert history is not None
    assert history.status is Status.AVAILABLE
    assert (history.category, history.price, history.currency) == ("Standard", 2500, "EUR")
    assert [moment.what for moment in history.moments] == ["opened"]


def test_every_change_of_the_seat_is_told_in_order_with_its_sequence_and_writer() -> None:
    history = history_of(
        0,
        OPENED,
        held(TOKEN, 0, 1),
        HoldExtended(TOKEN, 900_000, "request"),
        HoldExpired(TOKEN, (0, 1)),
        held(OTHER, 0),
        TicketsSold(OTHER, "order-1", (0,)),
    )
    assert history is not None
    told = [(moment.sequence, moment.what, moment.until) for moment in history.moments]
    assert told == [
        (10, "opened", None),
        (11, "held", 600_000),
        (12, "extended", 900_000),
        (13, "expired", None),
        (14, "held", 600_000),
        (15, "sold", None),
    ]
    assert {moment.by for moment in history.moments} == {"host-0/7"}
    assert history.status is Status.SOLD


def test_what_happens_to_other_seats_is_left_out() -> None:
    history = history_of(
        2,
        OPENED,
        held(TOKEN, 0, 1),
        HoldExtended(TOKEN, 900_000, "request"),
        HoldReleased(TOKEN, (0, 1)),
        TicketsWithheld((1,), "camera"),
    )
    assert history is not None
    assert [moment.what for moment in history.moments] == ["opened"]


def test_withheld_and_restored_carry_their_reason() -> None:
    history = history_of(1, OPENED, TicketsWithheld((1,), "camera"), TicketsRestored((1,), "moved"))
    assert history is not None
    assert [(moment.what, moment.detail) for moment in history.moments[1:]] == [
        ("withheld", "camera"),
        ("restored", "moved"),
    ]
    assert history.status is Status.AVAILABLE


def test_a_hold_over_several_blocks_counts_all_its_other_seats() -> None:
    history = history_of(0, OPENED, held(TOKEN, 0, 1, parts=(Part(5, (1, 2)),)))
    assert history is not None
    assert history.moments[-1].detail == "with 3 others"


def test_a_hold_is_never_shown_with_its_whole_token() -> None:
    history = history_of(0, OPENED, held(TOKEN, 0), HoldReleased(TOKEN, (0,)))
    assert history is not None
    assert not any(TOKEN in str(moment) for moment in history.moments)
    assert shortened(TOKEN) == TOKEN[:TOKEN_CHARS_SHOWN] + "…"


def test_a_ticket_that_the_block_does_not_have_has_no_history() -> None:
    assert history_of(3, OPENED) is None
    assert ticket_history([], 0) is None


def test_freezing_is_part_of_every_seat_s_history() -> None:
    frozen, thawed = BlockFrozen("water", "ada"), BlockThawed("dry", "")
    history = history_of(2, OPENED, frozen, thawed)
    assert history is not None
    assert [(moment.what, moment.detail) for moment in history.moments[1:]] == [
        ("frozen", "water (ada)"),
        ("thawed", "dry"),
    ]
    assert history.frozen is None
    still = history_of(2, OPENED, frozen)
    assert still is not None
    assert still.frozen == "water"


def test_an_order_is_named_by_its_reference_and_tells_its_own_part_by_time() -> None:
    sold = (OPENED, held(TOKEN, 0), TicketsSold(TOKEN, "order-1", (0,)))
    history = history_of(0, *sold)
    assert history is not None
    changes = (
        Transition(1, State.AWAITING_PAYMENT, 1_000, Cause.ORDERED, Actor.BUYER),
        Transition(2, State.PAID, 2_000, Cause.CAPTURED, Actor.PAYMENTS),
    )
    order = draft(order_id="order-1", token=TOKEN, history=changes)
    told = with_orders(history, [order])
    assert told.moments[-1].order == order_reference("order-1")
    assert [moment.what for moment in told.moments if not moment.sequence] == [
        f"order {change.state.value}" for change in order.history
    ]
    assert [moment.at for moment in told.moments] == sorted(moment.at for moment in told.moments)
    assert not any("order-1" in str(moment) for moment in told.moments)
