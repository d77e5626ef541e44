"""Where backups are kept: a folder or a bucket of chunks, manifests, and a list of the manifests.

    chunks/ab/ab12...   gzip, named by the SHA-256 of its bytes: written once, shared by every backup that has it
    manifests/ID.json   one backup; written when all of its chunks are there
    backups.json        the manifests that there are, with their SHA-256; written last

A chunk that was written before an interruption is found and not written again, and nothing ever changes: so a backup
may be repeated at any time, and one that was cut off has no manifest and is none.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cluster.operate.backup.manifest import VERSION, Chunk, Listed, Manifest
from cluster.operate.command import CommandError
from cluster.ticketing.objects import Objects, ObjectsUnavailable

BACKUPS_MAX = 10_000
"""Backups of one folder."""

COMPRESSION = 6
QUESTIONS_AT_ONCE = 8
LIST = "backups.json"
SCHEMES = ("gs://", "file://")
SETTLE_SECONDS = 1.0
"""Whoever has written the list looks again after this long: another backup that ended at the same moment may have
written one that it made before."""

LISTINGS_MAX = 10
"""Attempts at being in the list."""


class Archive:
    """Every method raises CommandError: `archive_unavailable`, `backup_damaged`, or what it names."""

    def __init__(self, place: str) -> None:
        """A directory's path, or an address of `cluster.ticketing.objects`."""
        if not place or ("://" in place and not place.startswith(SCHEMES)):
            raise CommandError("a place is a folder, or gs://bucket/prefix", "invalid_place")
        url = place if place.startswith(SCHEMES) else Path(place).absolute().as_uri()
        try:
            self._objects = Objects(url)
        except ValueError as error:
            raise CommandError(str(error), "invalid_place") from None
        except ImportError:
            raise CommandError("gs:// needs the extra `gcp`", "invalid_place") from None
        self.written = 0
        """Bytes that this process has written."""

    def close(self) -> None:
        self._objects.close()

    async def put(self, content: bytes, count: int, **of_stream: int) -> Chunk:
        """Keep a chunk; one that is there already costs a question."""
        packed, digest = await asyncio.to_thread(_packed, content)
        name = _chunk_name(digest)
        try:
            if not await self._objects.exists(name):
                await self._objects.put(name, packed, "application/gzip")
                self.written += len(packed)
        except ObjectsUnavailable as error:
            raise _unavailable(error) from None
        return Chunk(digest, len(packed), count, **of_stream)

    async def get(self, chunk: Chunk) -> bytes:
        """A chunk's content, checked."""
        packed = await self._read(_chunk_name(chunk.sha256))
        if packed is None:
            raise _damaged(f"chunk {chunk.sha256[:12]} is missing")
        return await asyncio.to_thread(_unpacked, packed, chunk)

    async def has(self, chunks: Sequence[Chunk]) -> bool:
        """Whether all of these are there; what is in them is not looked at."""
        for first in range(0, len(chunks), QUESTIONS_AT_ONCE):
            names = [_chunk_name(one.sha256) for one in chunks[first : first + QUESTIONS_AT_ONCE]]
            try:
                if not all(await asyncio.gather(*map(self._objects.exists, names))):
                    return False
            except ObjectsUnavailable as error:
                raise _unavailable(error) from None
        return True

    async def backups(self) -> list[Listed]:
        """The oldest first."""
        content = await self._read(LIST)
        if content is None:
            return []
        try:
            return msgspec.json.decode(content, type=list[Listed])
        except msgspec.MsgspecError:
            raise _damaged(f"{LIST} cannot be read") from None

    async def manifest(self, backup: str | None = None) -> Manifest:
        """A backup by its name, or the latest one. Raises CommandError with `no_backup`."""
        listed = [one for one in await self.backups() if backup in (None, one.backup)]
        if not listed:
            detail = f"there is no backup {backup}" if backup else "there is no whole backup"
            raise CommandError(detail, "no_backup")
        chosen = listed[-1]
        content = await self._read(_manifest_name(chosen.backup))
        if content is None or hashlib.sha256(content).hexdigest() != chosen.sha256:
            raise _damaged(f"the manifest of {chosen.backup} is missing or altered")
        try:
            manifest = msgspec.json.decode(content, type=Manifest)
        except msgspec.MsgspecError:
            raise _damaged(f"the manifest of {chosen.backup} cannot be read") from None
        if manifest.version != VERSION:
            raise CommandError(
                f"{chosen.backup} was written by another version of this program", "unknown_version"
            )
        return manifest

    async def finish(self, manifest: Manifest) -> None:
        """All chunks are there: from now on it is a backup."""
        content = msgspec.json.format(msgspec.json.encode(manifest))
        digest = hashlib.sha256(content).hexdigest()
        await self._write(_manifest_name(manifest.backup), content)
        ours = Listed(manifest.backup, digest, manifest.ended_at)
        for _ in range(LISTINGS_MAX):
            listed = await self.backups()
            if ours in listed:
                return
            others = [one for one in listed if one.backup != manifest.backup]
            await self._write(LIST, msgspec.json.encode([*others[1 - BACKUPS_MAX :], ours]))
            await self._settle()
        raise CommandError(
            f"too many backups end at {LIST} at once: run it again", "archive_unavailable"
        )

    async def _settle(self) -> None:
        """Until others have written what they were about to write; not in step with them."""
        await asyncio.sleep(SETTLE_SECONDS * random.uniform(0.5, 1.0))

    async def _write(self, name: str, content: bytes) -> None:
        try:
            await self._objects.put(name, content, "application/json")
        except ObjectsUnavailable as error:
            raise _unavailable(error) from None

    async def _read(self, name: str) -> bytes | None:
        try:
            return await self._objects.get(name)
        except ObjectsUnavailable as error:
            raise _unavailable(error) from None


def _packed(content: bytes) -> tuple[bytes, str]:
    """The same content gives the same bytes: without a time in them."""
    packed = gzip.compress(content, COMPRESSION, mtime=0)
    return packed, hashlib.sha256(packed).hexdigest()


def _unpacked(packed: bytes, chunk: Chunk) -> bytes:
    if hashlib.sha256(packed).hexdigest() != chunk.sha256:
        raise _damaged(f"chunk {chunk.sha256[:12]} is altered")
    return gzip.decompress(packed)


def _chunk_name(digest: str) -> str:
    return f"chunks/{digest[:2]}/{digest}"


def _manifest_name(backup: str) -> str:
    return f"manifests/{backup}.json"


def _damaged(detail: str) -> CommandError:
    return CommandError(f"the backup is damaged: {detail}", "backup_damaged")


def _unavailable(error: ObjectsUnavailable) -> CommandError:
    return CommandError(str(error), "archive_unavailable")
