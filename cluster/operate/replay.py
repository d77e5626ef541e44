"""`frontrow replay`: a block as it was, folded from the journal up to a moment. It reads, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.markup import escape

from actors.codec import EVENT_TYPES, Commit
from actors.domain.block import Block, Status, apply
from actors.domain.identity import SHOW_ID_PATTERN, BlockKey
from actors.domain.layout import Layout
from cluster.operate.answers import Data, Json
from cluster.operate.backends import Backends, run_with
from cluster.operate.command import CommandError, Url, out, print_json, reported
from cluster.operate.commits import commits_of
from cluster.operate.history import shortened
from cluster.operate.moments import moment_of, rfc3339
from cluster.operate.target import find_target

HOLDS_SHOWN_MAX = 50
"""Live holds that are printed; `--json` has all of them."""

MARKS = {Status.AVAILABLE: ".", Status.HELD: "h", Status.SOLD: "s", Status.WITHHELD: "w"}
"""One sign for each seat of a row."""

_KINDS = {kind: name for name, kind in EVENT_TYPES.items()}


@dataclass(frozen=True, slots=True)
class LiveHold:
    """A hold that stands at that moment, with the beginning of its token only; times are RFC 3339. `overdue`: its
    deadline was over, and nobody had said so yet."""

    hold: str
    seats: tuple[str, ...]
    held_at: str
    deadline: str
    overdue: bool
    order: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A block at one moment: after its commit `sequence`, which `by` made at the time `at`."""

    show_id: str
    block: int
    section: str
    sequence: int
    at: str
    by: str
    events: tuple[str, ...]
    commits: int
    counts: dict[str, int]
    holds: tuple[LiveHold, ...]
    seats: dict[str, str]


@reported
def replay(
    show_id: Annotated[str, typer.Argument(metavar="SHOW_ID")],
    block: Annotated[int, typer.Argument(metavar="BLOCK", min=0)],
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="As of then (RFC 3339).")
    ] = None,
    sequence: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="As of this sequence of the journal.")
    ] = None,
    seats: Annotated[bool, typer.Option("--seats", help="Every seat, row by row.")] = False,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """A block as it was at a moment, from the journal alone: counts, live holds, the commit that led to it."""
    if until is not None and sequence is not None:
        raise typer.BadParameter("either --until or --sequence")
    if SHOW_ID_PATTERN.match(show_id) is None:
        raise CommandError(f"{show_id} is no show id", "show_not_found")
    until_ms = None if until is None else moment_of(until)
    key = BlockKey(show_id, block)

    async def read(connected: Backends) -> list[tuple[int, Commit]]:
        return [commit async for commit in commits_of(connected.journal, key, sequence)]

    commits = run_with(find_target(data, url, stores_suffice=True), read)
    if not commits:
        raise CommandError(f"the journal has no block {block} of show {show_id}", "block_not_found")
    moment = moment_at(key, commits, until_ms, sequence, with_seats=seats)
    if moment is None:
        opened = rfc3339(commits[0][1].at)
        raise CommandError(f"the block was opened later, at {opened}", "not_opened_yet")
    if as_json:
        print_json(moment)
    else:
        _print(moment)


def moment_at(
    key: BlockKey,
    commits: Iterable[tuple[int, Commit]],
    until: int | None = None,
    sequence: int | None = None,
    *,
    with_seats: bool = False,
) -> Moment | None:
    """The block after its last commit up to then (ms since the epoch, or a sequence); None before its opening."""
    block, count = Block(), 0
    last: tuple[int, Commit] | None = None
    for number, commit in commits:
        late = until is not None and commit.at > until
        if late or (sequence is not None and number > sequence):
            break
        for event in commit.events:
            apply(block, event)
        last, count = (number, commit), count + 1
    layout = block.layout
    if last is None or layout is None:
        return None
    number, commit = last
    statuses = [Status(status) for status in block.status]
    return Moment(
        show_id=key.show_id,
        block=key.block,
        section=layout.section,
        sequence=number,
        at=rfc3339(commit.at),
        by=commit.by,
        events=tuple(_KINDS[type(event)] for event in commit.events),
        commits=count,
        counts={status.name.lower(): statuses.count(status) for status in Status},
        holds=tuple(_holds(block, layout, commit.at if until is None else until)),
        seats=rows(layout, statuses) if with_seats else {},
    )


def _holds(block: Block, layout: Layout, at: int) -> Iterator[LiveHold]:
    for hold in sorted(block.holds.values(), key=lambda hold: hold.deadline):
        yield LiveHold(
            shortened(hold.token),
            tuple(layout.label(ticket) for ticket in hold.tickets),
            rfc3339(hold.held_at),
            rfc3339(hold.deadline),
            hold.deadline <= at,
            shortened(hold.order_id),
        )


def rows(layout: Layout, statuses: list[Status]) -> dict[str, str]:
    """A sign for each seat, by row; an area is one row."""
    signs = "".join(MARKS[status] for status in statuses)
    if layout.is_area:
        return {layout.section: signs}
    return {f"{layout.section}-{row.name}": signs[row.first : row.end] for row in layout.rows}


def _print(moment: Moment) -> None:
    counts = ", ".join(f"{count:,} {name}" for name, count in moment.counts.items())
    what = f"{escape(moment.section)}, " if moment.section else ""
    out.print(f"{what}block {moment.block} of show {moment.show_id}: [bold]{counts}[/]")
    events = ", ".join(moment.events[:5]) + (", …" if len(moment.events) > 5 else "")
    told = asdict(moment)
    out.print("after commit {sequence:,} at {at} by {by} ({commits:,} commits)".format(**told))
    out.print(f"it said: {events}")
    for hold in moment.holds[:HOLDS_SHOWN_MAX]:
        notes = [f"order {hold.order}"] if hold.order else []
        notes += ["overdue"] if hold.overdue else []
        note = f" ({', '.join(notes)})" if notes else ""
        seats = ", ".join(hold.seats) or "no tickets here"
        out.print(f"hold {hold.hold} until {hold.deadline}: {escape(seats)}{note}")
    if len(moment.holds) > HOLDS_SHOWN_MAX:
        out.print(f"and {len(moment.holds) - HOLDS_SHOWN_MAX:,} more holds")
    if moment.seats:
        width = max(map(len, moment.seats))
        out.print(". available   h held   s sold   w withheld")
        for row, signs in moment.seats.items():
            out.print(f"{escape(row.ljust(width))}  {signs}")
