"""A block's commits for the commands that read the journal by themselves; one that cannot be read has a clear error."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from actors.codec import Commit, UnknownVersion, decode_commit
from actors.domain.identity import BlockKey
from actors.journal import Entry, Journal
from cluster.operate.command import CommandError

UNREADABLE = "unreadable_commit"


def readable(block: BlockKey, entry: Entry) -> Commit:
    """Raises CommandError `unreadable_commit`: another version has written it, or a stranger."""
    try:
        return decode_commit(entry.payload)
    except (UnknownVersion, msgspec.MsgspecError, KeyError) as error:
        detail = (
            f"commit {entry.sequence:,} of block {block.block} of {block.show_id} cannot be read"
        )
        raise CommandError(f"{detail} ({type(error).__name__})", UNREADABLE) from None


async def commits_of(
    journal: Journal, block: BlockKey, last: int | None = None
) -> AsyncIterator[tuple[int, Commit]]:
    """Sequence and commit, in order: the opening, and what follows it up to `last`; no more is looked at."""
    opened = False
    async for entry in journal.read(block, 0):
        if opened and last is not None and entry.sequence > last:
            return
        yield entry.sequence, readable(block, entry)
        opened = True
