"""Opening blocks: what puts a show's tickets on sale. Idempotent: a block that is open stays as it was opened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from actors.domain.commands import OpenBlock
from actors.domain.identity import BlockKey
from actors.domain.layout import Layout, Rules
from actors.holding import Ask
from actors.journal import JournalUnavailable
from actors.outcomes import Accepted, Rejection, Unavailable
from cluster.store.show import BLOCK_OPENED_SOURCE, Show

OPENINGS_IN_FLIGHT_MAX = 8
"""Blocks opened at a time: enough to keep the hosts busy, few enough to leave room for buyers."""

Opening = tuple[BlockKey, OpenBlock]


async def open_show(show: Show, ask: Ask) -> None:
    """Open the registers and the pools of the areas. May be run again at any time. Raises JournalUnavailable.

    The registers come first, in order: a show whose block 0 exists can be looked at.
    """
    openings = [
        opening(show.show_id, block, layout, show.rules, BLOCK_OPENED_SOURCE)
        for block, layout in enumerate(show.first_layouts())
    ]
    for register in openings[: show.registers]:
        await open_blocks([register], ask)
    for first in range(show.registers, len(openings), OPENINGS_IN_FLIGHT_MAX):
        await open_blocks(openings[first : first + OPENINGS_IN_FLIGHT_MAX], ask)


async def open_blocks(openings: Sequence[Opening], ask: Ask) -> None:
    """Open some blocks at a time. Raises JournalUnavailable when not all of them are known to be open."""
    for outcome in await asyncio.gather(*[ask(key, command) for key, command in openings]):
        match outcome:
            case Accepted():
                continue
            case Rejection(code):
                raise AssertionError(f"a block refused to open: {code}")
            case Unavailable(detail):
                raise JournalUnavailable(detail, detail)


def opening(show_id: str, block: int, layout: Layout, rules: Rules, source: str) -> Opening:
    return BlockKey(show_id, block), OpenBlock(layout, rules, source)
