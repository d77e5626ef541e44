"""Checking a backup without restoring it: every chunk is read, and the messages have no gap."""

from __future__ import annotations

from cluster.journal.streams import JOURNAL
from cluster.operate.backup.archive import Archive
from cluster.operate.backup.manifest import Manifest, StreamPart
from cluster.operate.backup.restoring import messages_of
from cluster.operate.backup.taking import Tell, untold
from cluster.operate.command import CommandError
from cluster.store.mongo import from_bson


async def check(archive: Archive, manifest: Manifest, tell: Tell = untold) -> None:
    """Raises CommandError (`backup_damaged`) for the first thing that is wrong."""
    for part in manifest.streams:
        await _check_stream(archive, part, tell)
    for part in manifest.collections:
        for chunk in part.chunks:
            try:
                found = len(from_bson(await archive.get(chunk)))
            except ValueError:
                raise _damaged(part.collection, "a chunk cannot be read") from None
            if found != chunk.count:
                raise _damaged(part.collection, f"{found} documents instead of {chunk.count}")
            tell(part.collection, found, part.documents)


async def _check_stream(archive: Archive, part: StreamPart, tell: Tell) -> None:
    last = part.first - 1
    for chunk in part.chunks:
        messages = messages_of(await archive.get(chunk))
        sequences = [message.sequence for message in messages]
        if len(sequences) != chunk.count or sequences != sorted(set(sequences)):
            raise _damaged(part.stream, "a chunk has other messages than it should")
        if sequences[0] <= last or sequences[-1] != chunk.last:
            raise _damaged(part.stream, f"chunks overlap or end early at {last}")
        if part.stream == JOURNAL and sequences[0] != last + 1:
            raise _damaged(part.stream, f"nothing between {last} and {sequences[0]}")
        last = sequences[-1]
        tell(part.stream, last, part.last)
    if part.stream == JOURNAL and last != part.last:
        raise _damaged(part.stream, f"ends at {last} instead of {part.last}")


def _damaged(what: str, detail: str) -> CommandError:
    return CommandError(f"the backup is damaged: {what}: {detail}", "backup_damaged")
