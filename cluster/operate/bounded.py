"""Checks of `frontrow doctor` that go side by side, each with a limit: what hangs is a finding, not a wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from actors.journal import JournalUnavailable
from cluster.operate.check import Check, State
from cluster.operate.command import CommandError
from cluster.store.mongo import StoreError, StoreUnavailable

CHECK_SECONDS_MAX = 10.0
"""For one check, however many questions it asks."""

T = TypeVar("T")


async def bounded(
    name: str, findings: Awaitable[list[Check]], seconds: float = CHECK_SECONDS_MAX
) -> list[Check]:
    """What a check finds; that it failed, when it is given no answer or none in time."""
    try:
        async with asyncio.timeout(seconds):
            return await findings
    except TimeoutError:
        return [Check(name, State.FAILED, f"no answer in {seconds:.0f} s")]
    except (JournalUnavailable, StoreUnavailable, StoreError, CommandError) as error:
        return [Check(name, State.FAILED, str(error))]


async def in_thread(name: str, look: Callable[[T], list[Check]], target: T) -> list[Check]:
    """A check that blocks. It has limits of its own: a thread cannot be told to end."""
    try:
        return await asyncio.to_thread(look, target)
    except CommandError as error:
        return [Check(name, State.FAILED, error.detail)]


async def side_by_side(checks: Sequence[Awaitable[list[Check]]]) -> list[Check]:
    """All at once, their findings in the order given."""
    return [check for found in await asyncio.gather(*checks) for check in found]
