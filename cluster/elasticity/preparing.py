"""Before a known on-sale: hosts for the rush, the show's blocks in their memory, and its view in every replica.

Safe during a sale: it never takes a host away, and a block that is asked whether it knows a hold that nobody has is
activated and changed in nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from actors.activation import Clock
from actors.domain.identity import BlockKey
from actors.holding import Ask
from actors.outcomes import Unavailable
from cluster.elasticity.policy import Limits
from cluster.elasticity.rush import RushPlan, plan_rush
from cluster.examining import ask_blocks
from cluster.journal.floor import Floor
from cluster.reads.show_view import ShowView

MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """What there is now. `hosts_wanted` is the plan within the limits; `blocks` were asked and `blocks_warm` answered;
    `replicas` are there and `replicas_warm` have the view; `floor_until` (ms since the epoch) is when the policy may
    take hosts away again, None when there is no policy."""

    plan: RushPlan
    hosts_before: int
    hosts_wanted: int
    hosts: int
    blocks: int
    blocks_warm: int
    replicas: int
    replicas_warm: int
    floor_until: int | None


@dataclass(frozen=True, slots=True)
class Preparing:
    """What a preparation works with. `hosts` counts those that blocks are placed on, `grow` brings so many of them
    or more, `limits` and `hosts_max` say how many there may be. `limits` None: no policy. `warm_views` counts the
    replicas that are there, and those that have a show's view."""

    view: Callable[[str], Awaitable[ShowView | None]]
    hosts: Callable[[], int]
    grow: Callable[[int], Awaitable[object]]
    ask: Ask
    warm_views: Callable[[str], Awaitable[tuple[int, int]]]
    raise_floor: Callable[[Floor, int], Awaitable[Floor]]
    limits: Limits | None
    hosts_max: int
    clock: Clock

    async def prepare(self, show_id: str, buyers: int, hours: int) -> Prepared | None:
        """None: there is no such show. Raises as `grow` does, JournalUnavailable, FactConflict: ask again."""
        view = await self.view(show_id)
        if view is None:
            return None
        selling = sum(block.layout.size > 0 for block in view.blocks.values())
        plan = plan_rush(buyers, max(1, selling))
        most = self.hosts_max if self.limits is None else self.limits.most
        wanted, before, until = min(plan.hosts, most), self.hosts(), None
        if self.limits is not None:
            now = self.clock()
            until = (await self.raise_floor(Floor(wanted, now + hours * MS_PER_HOUR), now)).until
        if wanted > before:
            await self.grow(wanted)
        keys = [BlockKey(show_id, block) for block in sorted(view.blocks)]
        outcomes, (replicas, ready) = await asyncio.gather(
            ask_blocks(self.ask, keys), self.warm_views(show_id)
        )
        warm = sum(not isinstance(outcome, Unavailable) for outcome in outcomes)
        return Prepared(plan, before, wanted, self.hosts(), len(keys), warm, replicas, ready, until)
