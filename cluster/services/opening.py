"""Opening blocks: what puts a show's tickets on sale. Idempotent: a block that is open stays as it was opened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from actors.domain.commands import OpenBlock
from actors.domain.identity import BlockKey
from actors.domain.layout import Layout, Rules
from actors.holding import Ask
from actors.outcomes import Accepted, Rejection, Unavailable
from cluster.store.show import BLOCK_OPENED_SOURCE, Show

OPENINGS_IN_FLIGHT_MAX = 8
"""Blocks opened at a time: enough to keep the hosts busy, few enough to leave room for buyers."""

Opening = tuple[BlockKey, OpenBlock]


async def open_show(ask: Ask, show: Show) -> Unavailable | None:
    """Open the registers and the pools of the areas; None when all of them are open. May be run again at any time.

    The registers come first, in order: a show whose block 0 exists can be looked at.
    """
    layouts = show.first_layouts()
    openings = [
        opening(show.show_id, block, layout, show.rules, BLOCK_OPENED_SOURCE)
        for block, layout in enumerate(layouts)
    ]
    for one in openings[: show.registers]:
        if (refused := await open_block(ask, one)) is not None:
            return refused
    for first in range(show.registers, len(openings), OPENINGS_IN_FLIGHT_MAX):
        group = openings[first : first + OPENINGS_IN_FLIGHT_MAX]
        if (refused := await open_group(ask, group)) is not None:
            return refused
    return None


async def open_group(ask: Ask, openings: Sequence[Opening]) -> Unavailable | None:
    """Open some blocks at a time; None when all of them are open."""
    answers = await asyncio.gather(*[open_block(ask, one) for one in openings])
    return next((answer for answer in answers if answer is not None), None)


async def open_block(ask: Ask, opening: Opening) -> Unavailable | None:
    """None when the block is open."""
    outcome = await ask(*opening)
    match outcome:
        case Accepted():
            return None
        case Rejection(code):
            raise AssertionError(f"block {opening[0]} refused to open: {code}")
        case Unavailable():
            return outcome


def opening(show_id: str, block: int, layout: Layout, rules: Rules, source: str) -> Opening:
    return BlockKey(show_id, block), OpenBlock(layout, rules, source)
