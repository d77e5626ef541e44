"""What the commands that read the journal by themselves make of a commit that cannot be read."""

from __future__ import annotations

import pytest

from cluster.operate.command import CommandError
from cluster.operate.commits import UNREADABLE, commits_of
from tests.unit.test_host import KEYS, World, opened


async def test_commits_come_in_order_and_one_that_cannot_be_read_is_named() -> None:
    world = World()
    host = await opened(world)
    journal, block = host._journal, KEYS[1]
    first = await journal.last_sequence(block)
    bad = await journal.append(block, first, "id", b"not a commit")
    commits = commits_of(journal, block)
    assert (await anext(commits))[0] == first
    with pytest.raises(CommandError) as error:
        await anext(commits)
    assert error.value.code == UNREADABLE
    assert f"commit {bad} of block {block.block}" in error.value.detail
    for last in (first, first - 1):  # the opening comes in any case
        assert [sequence async for sequence, _ in commits_of(journal, block, last)] == [first]
