"""How a show stands, for an operator who hears that nothing of it can be bought: may it be sold now, does every block
of it answer, and what has been done to its blocks by hand.

Safe during a sale: a block that is asked whether it knows a hold that nobody has is activated and changed in nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from actors.domain.block import Status
from actors.domain.commands import FindHold
from actors.domain.events import BlockFrozen
from actors.domain.identity import BlockKey
from actors.domain.layout import Rules
from actors.holding import Ask
from actors.journal import JournalUnavailable
from actors.outcomes import Outcome, Unavailable
from actors.placement import Placement
from cluster.reads.show_view import ShowView

ASKED_MAX = 256
"""Blocks that are asked at a time."""

NOBODYS_HOLD = FindHold("warm-up")


class Sale(StrEnum):
    """Whether the show's own times let anything be held."""

    NOT_YET = "not_yet"
    OPEN = "open"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class BlockCondition:
    """`why` it does not answer is empty when it does. `frozen` is what the operator said who froze it. `host` is where
    it is placed, `pinned` because somebody moved it there."""

    block: int
    section: str
    tickets: int
    available: int
    host: str
    pinned: bool
    frozen: BlockFrozen | None
    why: str


@dataclass(frozen=True, slots=True)
class ShowCondition:
    """`behind`: the replica that was asked shows something older than the journal, or cannot know."""

    sale: Sale
    rules: Rules
    behind: bool
    blocks: list[BlockCondition]


def sale_of(rules: Rules, now: int) -> Sale:
    if rules.opens_at is not None and now < rules.opens_at:
        return Sale.NOT_YET
    return Sale.OPEN if rules.on_sale(now) else Sale.OVER


async def ask_blocks(ask: Ask, keys: Sequence[BlockKey]) -> list[Outcome]:
    """What each block answers; `Unavailable` when it does not."""
    outcomes = list[Outcome]()
    for first in range(0, len(keys), ASKED_MAX):
        some = keys[first : first + ASKED_MAX]
        outcomes += await asyncio.gather(*[ask(key, NOBODYS_HOLD) for key in some])
    return outcomes


async def examine(
    view: ShowView,
    placement: Placement,
    ask: Ask,
    catch_up: Callable[[str], Awaitable[None]],
    now: int,
) -> ShowCondition:
    """The condition of a show. An outage is a finding, not an error."""
    assert view.rules is not None  # a view is not handed out before its registers are open
    keys = [BlockKey(view.show_id, block) for block in sorted(view.blocks)]
    outcomes = await ask_blocks(ask, keys)
    try:
        await catch_up(view.show_id)
        behind = False
    except JournalUnavailable:
        behind = True
    blocks = [
        _condition(view, placement, key, outcome)
        for key, outcome in zip(keys, outcomes, strict=True)
    ]
    return ShowCondition(sale_of(view.rules, now), view.rules, behind, blocks)


def _condition(
    view: ShowView, placement: Placement, key: BlockKey, outcome: Outcome
) -> BlockCondition:
    seen = view.blocks[key.block]
    return BlockCondition(
        block=key.block,
        section=seen.layout.section,
        tickets=seen.layout.size,
        available=seen.status.count(Status.AVAILABLE),
        host=placement.host_of(key),
        pinned=placement.pinned(key),
        frozen=view.frozen.get(key.block),
        why=outcome.detail if isinstance(outcome, Unavailable) else "",
    )
