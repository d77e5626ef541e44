"""`frontrow inspect`: one seat's whole history, from the journal and the orders."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from actors.domain.events import BlockOpened
from actors.domain.identity import SHOW_ID_PATTERN, BlockKey
from actors.fleet import Fleet
from actors.placement import Placement
from cluster.journal.api import call
from cluster.journal.fleet import read_fleet
from cluster.journal.jetstream import JetStreamJournal
from cluster.journal.streams import JOURNAL, block_of
from cluster.operate.answers import Data, Json
from cluster.operate.backends import Backends, Client, run_with
from cluster.operate.command import (
    CommandError,
    Url,
    out,
    print_json,
    reported,
)
from cluster.operate.commits import commits_of, readable
from cluster.operate.history import History, hold_tokens, ticket_history
from cluster.operate.moments import rfc3339
from cluster.operate.order_history import with_orders
from cluster.operate.target import find_target
from cluster.store.orders import Orders

SUBJECTS_PAGE_MAX = 100_000
"""Subjects in one answer of STREAM.INFO (the server's own limit); the next page starts behind them."""

OPENINGS_IN_FLIGHT_MAX = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a seat is: its block, its index there, and the host that the block is placed on."""

    block: int
    ticket: int
    host: str


@reported
def inspect(
    show_id: Annotated[str, typer.Argument(metavar="SHOW_ID")],
    seat: Annotated[str, typer.Argument(metavar="SEAT", help="Such as Stalls-A-14, or AREA-7.")],
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """One seat's history: who did what, when and why. Holds are shown by the beginning of their token only."""
    if SHOW_ID_PATTERN.match(show_id) is None:
        raise CommandError(f"{show_id} is no show id", "show_not_found")
    target = find_target(data, url, stores_suffice=True)
    dedicated = target.settings.tickets_per_actor is not None

    async def look(connected: Backends) -> tuple[Place, History]:
        return await _look(connected, show_id, seat, dedicated)

    place, history = run_with(target, look)
    if as_json:
        print_json(_plain(show_id, seat, place, history))
    else:
        _print(show_id, seat, place, history)


async def _look(
    connected: Backends, show_id: str, seat: str, dedicated: bool
) -> tuple[Place, History]:
    blocks = await blocks_of_show(connected.nc, show_id)
    if not blocks:
        raise CommandError(f"the journal has no show {show_id}", "show_not_found")
    found = await _find(connected.journal, blocks, seat)
    if found is None:
        raise CommandError(f"show {show_id} has no seat {seat}", "seat_not_found")
    key, ticket = found
    entries = [commit async for commit in commits_of(connected.journal, key)]
    history = ticket_history(entries, ticket)
    assert history is not None  # its opening has just been read
    orders = await Orders(connected.database).of_holds(hold_tokens(entries, ticket))
    history = with_orders(history, orders)
    fact = await read_fleet(connected.nc)
    placement = Placement(fact.fleet if fact else Fleet(1), dedicated)
    return Place(key.block, ticket, placement.host_of(key)), history


async def blocks_of_show(nc: Client, show_id: str) -> list[BlockKey]:
    """Every block of a show that has a journal, in order. Raises JournalUnavailable."""
    blocks = list[BlockKey]()
    while True:
        question = {"subjects_filter": f"journal.{show_id}.*", "offset": len(blocks)}
        state = (await call(nc, f"STREAM.INFO.{JOURNAL}", question))["state"]
        page = state.get("subjects") or {}
        blocks += [block_of(subject) for subject in page]
        if len(page) < SUBJECTS_PAGE_MAX:
            return sorted(blocks)


async def _find(
    journal: JetStreamJournal, blocks: list[BlockKey], seat: str
) -> tuple[BlockKey, int] | None:
    """The block that has a seat of this id, and its index there."""
    for first in range(0, len(blocks), OPENINGS_IN_FLIGHT_MAX):
        group = blocks[first : first + OPENINGS_IN_FLIGHT_MAX]
        openings = await asyncio.gather(*[journal.first(key) for key in group])
        for key, opening in zip(group, openings, strict=True):
            event = readable(key, opening).events[0] if opening else None
            if isinstance(event, BlockOpened) and seat in (labels := event.layout.labels()):
                return key, labels.index(seat)
    return None


def _plain(show_id: str, seat: str, place: Place, history: History) -> dict[str, Any]:
    return {
        "show_id": show_id,
        "seat": seat,
        "status": history.status.name.lower(),
        "frozen": history.frozen,
        "category": history.category,
        "price": history.price,
        "currency": history.currency,
        **asdict(place),
        "history": [
            {
                **asdict(moment),
                "at": rfc3339(moment.at),
                "until": moment.until and rfc3339(moment.until),
            }
            for moment in history.moments
        ],
    }


def _print(show_id: str, seat: str, place: Place, history: History) -> None:
    out.print(f"[bold]{escape(seat)}[/] is [bold]{history.status.name.lower()}[/]", end="")
    out.print(f"  ({escape(history.category)}, {history.price} {history.currency} minor units)")
    out.print(f"show {show_id}, block {place.block}, ticket {place.ticket}, placed on {place.host}")
    if history.frozen is not None:
        out.print(f"the block is [bold]frozen[/]: {escape(history.frozen)}")
    columns = ("sequence", "at", "what", "hold", "order", "until", "by", "why")
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for moment in history.moments:
        until = rfc3339(moment.until) if moment.until else ""
        table.add_row(
            str(moment.sequence) if moment.sequence else "",
            rfc3339(moment.at),
            moment.what,
            moment.hold,
            moment.order,
            until,
            moment.by,
            escape(moment.detail),
        )
    out.print(table)
