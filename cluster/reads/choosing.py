"""Which blocks a hold should ask, from what the view knows. Pure; the blocks decide."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from actors.domain.block import Status
from actors.domain.rejections import Reason
from actors.domain.seating import Hall, Span, accessible_seats, smallest_split, without_places
from actors.holding import Pick
from cluster.reads.show_view import BlockView, ShowView


@dataclass(frozen=True, slots=True)
class BestAvailable:
    """So many seats, side by side if it can be; of a category and in a section, if these are given.

    `accessible`: side by side, and one at least takes a wheelchair. Otherwise such seats are left for others.
    """

    quantity: int
    category: str | None
    section: str | None
    accessible: bool = False


@dataclass(frozen=True, slots=True)
class AreaQuantity:
    """So many tickets of an area."""

    area: str
    quantity: int


_REASONS = {Status.HELD: Reason.HELD, Status.SOLD: Reason.SOLD, Status.WITHHELD: Reason.WITHHELD}


@dataclass(frozen=True, slots=True)
class SeatConflict:
    """Why a seat cannot be had, by its public id."""

    seat: str
    reason: Reason


def unknown_seats(view: ShowView, seats: Iterable[str]) -> list[SeatConflict]:
    """The seats that the view does not have."""
    return [SeatConflict(seat, Reason.UNKNOWN) for seat in seats if seat not in view.places]


def picks_of_seats(view: ShowView, seats: Iterable[str]) -> list[Pick]:
    """One pick per block; the view has the seats."""
    tickets: dict[int, list[int]] = {}
    for seat in seats:
        block, ticket = view.places[seat]
        tickets.setdefault(block, []).append(ticket)
    return [Pick(block, tuple(chosen)) for block, chosen in tickets.items()]


def conflicts_of_seats(view: ShowView, seats: Iterable[str], now: int) -> list[SeatConflict]:
    """The seats that cannot be had as far as the view knows."""
    conflicts = list[SeatConflict]()
    for seat in seats:
        place = view.places.get(seat)
        if place is None:
            conflicts.append(SeatConflict(seat, Reason.UNKNOWN))
            continue
        status = view.blocks[place[0]].sellable(now)[place[1]]
        if status != Status.AVAILABLE:
            conflicts.append(SeatConflict(seat, _REASONS[Status(status)]))
    return conflicts


def blocks_with_a_run(view: ShowView, wish: BestAvailable, now: int) -> list[int]:
    """The seat blocks where so many neighbours are free, in the order of the plan."""
    return [number for number, block in _scope(view, wish) if _has_run(block, wish, now)]


def _has_run(block: BlockView, wish: BestAvailable, now: int) -> bool:
    if wish.accessible:
        return bool(block.accessible_seats(wish.category, wish.quantity, now))
    return block.longest_run(wish.category, now) >= wish.quantity


def split_picks(view: ShowView, wish: BestAvailable, now: int) -> list[Pick]:
    """The smallest split over all blocks in scope; empty when there are too few.

    Also finds neighbours whose row is cut by a block's border. Nobody who needs an accessible seat sits alone in it.
    """
    scope = _scope(view, wish)
    if sum(block.free(wish.category, now) for _, block in scope) < wish.quantity:
        return []
    hall, status, wanted, accessible = _laid_end_to_end(scope, wish.category, now)
    if wish.accessible:
        places = accessible_seats(hall, status, wanted, wish.quantity, accessible)
    else:
        wanted = without_places(wanted, accessible)
        places = smallest_split(hall, status, wanted, wish.quantity)
    tickets: dict[int, list[int]] = {}
    for place in places:
        for number, block in scope:
            if place < len(block.status):
                tickets.setdefault(number, []).append(place)
                break
            place -= len(block.status)
    return [Pick(number, tuple(chosen)) for number, chosen in tickets.items()]


def area_picks(view: ShowView, wish: AreaQuantity, token: str, now: int) -> list[Pick]:
    """One pool that has enough (a different one for every buyer), else as few pools as can be; empty if too few."""
    free = {number: view.blocks[number].free(None, now) for number in view.areas.get(wish.area, ())}
    enough = [number for number in free if free[number] >= wish.quantity]
    if enough:
        digest = hashlib.blake2b(token.encode(), digest_size=4).digest()
        return [Pick(enough[int.from_bytes(digest, "big") % len(enough)], quantity=wish.quantity)]
    picks, missing = list[Pick](), wish.quantity
    for number in sorted(free, key=lambda number: -free[number]):
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


def _scope(view: ShowView, wish: BestAvailable) -> list[tuple[int, BlockView]]:
    return [
        (number, block)
        for number, block in view.seat_blocks()
        if not block.layout.is_area
        and (wish.section is None or block.layout.section == wish.section)
        and (wish.category is None or block.layout.category_index(wish.category) >= 0)
    ]


def _laid_end_to_end(
    scope: list[tuple[int, BlockView]], category: str | None, now: int
) -> tuple[Hall, bytes, bytes, list[int]]:
    """The blocks as one hall; a row that goes on in the next block of its section is one row again. With their
    statuses, those of the category alone, and the accessible places."""
    rows, names, distances = list[Span](), list[tuple[str, str]](), array("d")
    status, wanted, accessible = bytearray(), bytearray(), list[int]()
    for _, block in scope:
        offset = len(status)
        for row in block.layout.rows:
            name = (block.layout.section, row.name)
            if names and names[-1] == name and rows[-1][1] == offset + row.first:
                rows[-1] = (rows[-1][0], offset + row.end)
            else:
                rows.append((offset + row.first, offset + row.end))
                names.append(name)
        distances.extend(block.hall.distances)
        accessible.extend(offset + ticket for ticket in block.layout.accessible)
        status += block.sellable(now)
        wanted += block.wanted(category, now)
    return Hall.of(rows, distances), bytes(status), bytes(wanted), accessible
