"""Which blocks a hold should ask, from what the view knows. Pure; the blocks decide."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from actors.domain.block import Status
from actors.domain.rejections import Reason
from actors.domain.seating import Hall, Span, smallest_split
from actors.holding import Pick
from cluster.reads.show_view import BlockView, ShowView

_REASONS = {Status.HELD: Reason.HELD, Status.SOLD: Reason.SOLD, Status.WITHHELD: Reason.WITHHELD}


@dataclass(frozen=True, slots=True)
class SeatConflict:
    """Why a seat cannot be had, by its public id."""

    seat: str
    reason: Reason


def picks_of_seats(view: ShowView, seats: Iterable[str]) -> list[Pick] | list[SeatConflict]:
    """One pick per block, or the seats that do not exist."""
    tickets: dict[int, list[int]] = {}
    unknown = list[SeatConflict]()
    for seat in seats:
        place = view.places.get(seat)
        if place is None:
            unknown.append(SeatConflict(seat, Reason.UNKNOWN))
        else:
            tickets.setdefault(place[0], []).append(place[1])
    return unknown or [Pick(block, tuple(chosen)) for block, chosen in sorted(tickets.items())]


def conflicts_of_seats(view: ShowView, seats: Iterable[str]) -> list[SeatConflict]:
    """The seats that the view thinks cannot be had."""
    conflicts = list[SeatConflict]()
    for seat in seats:
        place = view.places.get(seat)
        if place is None:
            conflicts.append(SeatConflict(seat, Reason.UNKNOWN))
            continue
        status = view.blocks[place[0]].status[place[1]]
        if status != Status.AVAILABLE:
            conflicts.append(SeatConflict(seat, _REASONS[Status(status)]))
    return conflicts


def blocks_with_a_run(
    view: ShowView, quantity: int, category: str | None, section: str | None
) -> list[int]:
    """The seat blocks where `quantity` neighbours are free, in the order of the plan."""
    return [
        number
        for number, block in _scope(view, category, section)
        if block.longest_run(category) >= quantity
    ]


def split_picks(
    view: ShowView, quantity: int, category: str | None, section: str | None, taken: set[str]
) -> list[Pick]:
    """The smallest split over all blocks in scope, leaving out `taken` seats; empty when there are too few.

    Also finds neighbours whose row is cut by a block's border.
    """
    scope = _scope(view, category, section)
    hall, status, wanted = _laid_end_to_end(scope, category, view, taken)
    tickets: dict[int, list[int]] = {}
    for place in smallest_split(hall, status, wanted, quantity):
        for number, block in scope:
            if place < len(block.status):
                tickets.setdefault(number, []).append(place)
                break
            place -= len(block.status)
    return [Pick(number, tuple(chosen)) for number, chosen in tickets.items()]


def area_picks(view: ShowView, area: str, quantity: int, token: str, full: set[int]) -> list[Pick]:
    """One pool that has enough (a different one for every buyer), else as few pools as can be; empty if too few."""
    pools = [number for number in view.areas.get(area, ()) if number not in full]
    free = {number: view.blocks[number].status.count(Status.AVAILABLE) for number in pools}
    enough = [number for number in pools if free[number] >= quantity]
    if enough:
        digest = hashlib.blake2b(token.encode(), digest_size=4).digest()
        return [Pick(enough[int.from_bytes(digest, "big") % len(enough)], quantity=quantity)]
    picks, missing = list[Pick](), quantity
    for number in sorted(pools, key=lambda number: -free[number]):
        if missing and free[number]:
            share = min(missing, free[number])
            picks.append(Pick(number, quantity=share))
            missing -= share
    return [] if missing else picks


def area_reason(view: ShowView, area: str) -> Reason:
    """Why an area has no room: something is only held, or everything is gone."""
    statuses = [view.blocks[number].status for number in view.areas.get(area, ())]
    if not statuses:
        return Reason.UNKNOWN
    if any(Status.HELD in status for status in statuses):
        return Reason.HELD
    return Reason.SOLD if any(Status.SOLD in status for status in statuses) else Reason.WITHHELD


def _scope(
    view: ShowView, category: str | None, section: str | None
) -> list[tuple[int, BlockView]]:
    return [
        (number, block)
        for number, block in view.seat_blocks()
        if not block.layout.is_area
        and (section is None or block.layout.section == section)
        and (category is None or block.layout.category_index(category) >= 0)
    ]


def _laid_end_to_end(
    scope: list[tuple[int, BlockView]], category: str | None, view: ShowView, taken: set[str]
) -> tuple[Hall, bytes, bytes]:
    """The blocks as one hall; a row that goes on in the next block of its section is one row again."""
    rows, names, distances = list[Span](), list[tuple[str, str]](), array("d")
    status, wanted = bytearray(), bytearray()
    offsets, offset = dict[int, int](), 0
    for number, block in scope:
        for row in block.layout.rows:
            name = (block.layout.section, row.name)
            if names and names[-1] == name and rows[-1][1] == offset + row.first:
                rows[-1] = (rows[-1][0], offset + row.end)
            else:
                rows.append((offset + row.first, offset + row.end))
                names.append(name)
        distances.extend(block.hall.distances)
        status += block.status
        wanted += block.wanted(category)
        offsets[number], offset = offset, offset + len(block.status)
    for seat in taken:
        number, ticket = view.places[seat]
        if number in offsets:
            status[offsets[number] + ticket] = wanted[offsets[number] + ticket] = Status.HELD
    return Hall.of(rows, distances), bytes(status), bytes(wanted)
