"""Documents of a backup over the end of a journal."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from actors.domain.audit import BlockAudit
from actors.domain.events import BlockOpened, TicketsHeld, TicketsSold
from actors.domain.layout import Category, Layout, Row, Rules
from actors.domain.order import Line, Order, State, Task
from cluster.operate.backup.documents import EVENTS_MARGIN_MS, Fitting
from cluster.store.orders import order_of
from tests.unit.orders import LATER, NOW, draft

SHOW, GONE = "saaaaaaaaaaaa", "sbbbbbbbbbbbb"
LAYOUT = Layout(
    "A",
    (Row("1", 0, ("5", "6")),),
    2,
    (Category("stalls", 1_000),),
    bytes(2),
    (0.0, 1.0),
    (0.0, 0.0),
)
LINES = (Line(1, (0, 1), ("A-1-5", "A-1-6"), ("stalls", "stalls"), (1_000, 1_000)),)


def audits(*, sold: bool = True) -> dict[str, dict[int, BlockAudit]]:
    """A show with a register and a block, in which both seats are sold to the hold `token`."""
    block = BlockAudit(1)
    events: list[Any] = [BlockOpened(LAYOUT, Rules("EUR"), "job")]
    if sold:
        events += [
            TicketsHeld("token", "hold", (0, 1), 2_000, NOW, NOW + 60_000, 1),
            TicketsSold("token", "o1", (0, 1)),
        ]
    block.commit(2, NOW, events)
    return {SHOW: {0: BlockAudit(0), 1: block}}


def fitting(*, sold: bool = True, told_until: int = NOW) -> Fitting:
    return Fitting(audits(sold=sold), told_until, LATER)


def paid() -> Order:
    return draft(
        show_id=SHOW,
        lines=LINES,
        state=State.PAID,
        task=Task.NONE,
        primary=1,
        version=5,
        amount=2_000,
    )


def stored(order: Order, changed_at: int = NOW) -> dict[str, Any]:
    document = asdict(order)
    document["_id"] = document.pop("order_id")
    return {**document, "unpublished": False, "changed_at": changed_at}


def job(**changes: Any) -> dict[str, Any]:
    return {
        "_id": "j1",
        "show_id": SHOW,
        "fingerprint": "f",
        "state": "done",
        "first_block": 1,
        "block_count": 1,
        "lease_owner": "w",
        "lease_until": 7,
        **changes,
    }


def test_what_belongs_to_a_show_that_the_journal_does_not_have_is_left_out() -> None:
    fit = fitting()
    for name in ("plans", "admissions", "jobs"):
        assert fit.fit(name, job(show_id=GONE)) is None
    assert fit.fit("shows", {"_id": GONE}) is None
    assert fit.fit("orders", stored(replace(paid(), show_id=GONE))) is None
    assert fit.fit("shows", {"_id": SHOW}) == {"_id": SHOW}
    assert fit.plain()["left_out"] == {
        "plans": 1, "admissions": 1, "jobs": 1, "shows": 1, "orders": 1
    }  # fmt: skip


def test_an_order_that_agrees_stays_as_it_is_and_its_mail_is_not_sent_again() -> None:
    fit = fitting(told_until=NOW + EVENTS_MARGIN_MS + 1)
    document = stored(paid())
    assert fit.fit("orders", document) == document
    assert fit.fit("mailings", {"_id": "o1"}) == {"_id": "o1"}
    assert fit.fit("mailings", {"_id": "another"}) is None


def test_events_that_may_be_missing_are_told_once_more() -> None:
    fit = fitting(told_until=NOW + EVENTS_MARGIN_MS)
    fitted = fit.fit("orders", stored(paid()))
    assert fitted == {**stored(paid()), "unpublished": True}


def test_an_order_whose_seats_are_not_sold_is_stored_with_the_task_to_sell_them() -> None:
    fit = fitting(sold=False)
    fitted = fit.fit("orders", stored(paid()))
    assert fitted is not None
    order = order_of(fitted)
    assert (order.state, order.task, order.version) == (State.AUTHORISED, Task.SELL, 6)
    assert (fitted["unpublished"], fitted["changed_at"]) == (True, LATER)
    assert len(fitted["history"]) == len(paid().history) + 1
    assert fit.plain()["orders_sold_again"] == 1


def test_a_seat_that_is_sold_to_somebody_else_is_not_the_order_s() -> None:
    fit = fitting()
    fit.fit("orders", stored(replace(paid(), token="another")))
    assert fit.sold_again == 1


def test_a_job_that_is_done_opens_blocks_again_that_the_journal_does_not_have() -> None:
    fit = fitting()
    assert fit.fit("jobs", job()) == job()
    again = fit.fit("jobs", job(block_count=2))
    assert again == job(block_count=2, state="queued", lease_owner="", lease_until=0)
    assert fit.jobs_again == 1


def test_a_job_whose_file_is_not_there_is_left_out_and_files_of_jobs_that_are_over_as_well() -> (
    None
):
    fit = fitting()
    waiting = job(state="queued", first_block=None)
    assert fit.fit("jobs", waiting) is None
    fit.bodies.add("j1/f")
    assert fit.fit("jobs", waiting) == waiting
    assert fit.fit("job_bodies", {"_id": "j1/f/0", "body": "j1/f"}) is not None
    assert fit.fit("job_bodies", {"_id": "j2/f/0", "body": "j2/f"}) is None
    planned = job(state="running")
    assert fitting().fit("jobs", planned) == planned  # it is planned, and needs no file
