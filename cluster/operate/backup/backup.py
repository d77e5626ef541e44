"""`frontrow backup`: the journal and the documents, kept elsewhere; and `--verify`, whether they are well there."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import TaskID

from cluster.operate.answers import Data, Json
from cluster.operate.backends import backends
from cluster.operate.backup.archive import Archive
from cluster.operate.backup.checking import check
from cluster.operate.backup.manifest import Manifest
from cluster.operate.backup.taking import Taking, Tell
from cluster.operate.command import Url, err, out, print_json, reported
from cluster.operate.load import progress_bar
from cluster.operate.target import Target, find_target

NICENESS = 10
"""A sale on the same machine comes first."""

Place = Annotated[
    str,
    typer.Argument(metavar="PLACE", help="A folder, or gs://bucket/prefix. It may have others."),
]
Named = Annotated[
    str | None, typer.Option("--backup", metavar="ID", help="Which one. [default: the latest]")
]


@reported
def backup(
    place: Place,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only check the backup that is there.")
    ] = False,
    name: Named = None,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Keep the journal and the documents in PLACE, as of one moment; selling goes on.

    What an earlier backup in PLACE has already is not written again. One that was cut off is none, and can be repeated.
    """
    began = time.monotonic()
    with watched(quiet=as_json) as tell:
        if verify:
            manifest, written = asyncio.run(_checked(place, name, tell)), 0
        else:
            os.nice(NICENESS)
            manifest, written = asyncio.run(
                _taken(find_target(data, url, stores_suffice=True), place, tell)
            )
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        told = {**manifest.plain(), "written": written, "verified": verify, "seconds": seconds}
        print_json({**told, "place": place})
        return
    did = "is whole" if verify else "taken"
    out.print(f"backup [bold]{manifest.backup}[/] {did} in {seconds} s at {escape(place)}")
    for line in described(manifest):
        out.print(line)
    if not verify:
        out.print(f"{written / 1e6:,.1f} MB written")


async def _taken(target: Target, place: str, tell: Tell) -> tuple[Manifest, int]:
    archive = Archive(place)
    try:
        async with backends(target) as connected:
            taking = Taking(connected.nc, connected.database, archive, tell)
            return await taking.run(), archive.written
    finally:
        archive.close()


async def _checked(place: str, name: str | None, tell: Tell) -> Manifest:
    archive = Archive(place)
    try:
        manifest = await archive.manifest(name)
        await check(archive, manifest, tell)
        return manifest
    finally:
        archive.close()


def described(manifest: Manifest) -> Iterator[str]:
    told = manifest.plain()
    streams = ", ".join(f"{count:,} {stream}" for stream, count in told["streams"].items())
    documents = ", ".join(f"{count:,} {name}" for name, count in told["documents"].items())
    yield f"journal up to sequence {told['sequence']:,}; messages: {streams}"
    yield f"documents: {documents}"
    yield f"{told['bytes'] / 1e6:,.1f} MB in {told['chunks']:,} chunks"


@contextmanager
def watched(quiet: bool) -> Iterator[Tell]:
    """A line for each thing that is being read or written."""
    with progress_bar(err, quiet=quiet) as progress:
        tasks = dict[str, TaskID]()

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=None)
            progress.update(tasks[what], completed=done, total=total or None)

        yield tell
