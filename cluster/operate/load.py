"""`frontrow load`: a file of seats goes to the server, and what it could not load is reported row by row."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from cluster.operate.answers import Data, Json
from cluster.operate.client import Client
from cluster.operate.command import (
    CommandError,
    Url,
    err,
    out,
    print_json,
    reported,
)
from cluster.operate.target import find_target

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".json": "application/json",
}
SNIFFED_BYTES = 64 * 1024
POLL_SECONDS = 0.2
POLL_FAILURES_MAX = 30
"""Questions about a job that may fail in a row (a server that restarts) before the command gives up."""

ATTEMPTS_MAX = 5
"""Loads of one file: a job that failed may be tried again, each attempt with a key of its own."""

SHOWN_ERRORS_MAX = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file. `replayed`: it had been loaded before, nothing was done."""

    job: dict[str, Any]
    replayed: bool

    @property
    def failed(self) -> bool:
        return self.job["state"] == "failed"


def media_type_of(file: Path) -> str:
    """By the file's suffix, otherwise by its first line. Raises CommandError."""
    if known := MEDIA_TYPES.get(file.suffix.lower()):
        return known
    with file.open("rb") as opened:
        return sniffed(opened.read(SNIFFED_BYTES))


def sniffed(beginning: bytes) -> str:
    """CSV has a header; a line that is a whole JSON object of its own is NDJSON; any other JSON object is a plan."""
    text = beginning.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    first = text.partition("\n")[0].strip()
    if not first.startswith("{"):
        if "," in first:
            return "text/csv"
        raise CommandError("the file is neither CSV nor JSON; name it .csv, .ndjson or .json")
    try:
        line = msgspec.json.decode(first)
    except msgspec.DecodeError:
        return "application/json"
    return "application/json" if "zones" in line else "application/x-ndjson"


def load_key(show_id: str, media_type: str, file: Path, attempt: int = 1) -> str:
    """The Idempotency-Key of a load: it follows from the content, so a repeated load does nothing."""
    digest = hashlib.sha256(f"{show_id}\x00{media_type}\x00{attempt}\x00".encode())
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            digest.update(piece)
    return f"load-{digest.hexdigest()[:40]}"


def load_file(client: Client, show_id: str, file: Path, progress: Progress) -> Loaded:
    """Upload, then follow the job to its end. A file whose job failed before is tried again."""
    media_type = media_type_of(file)
    for attempt in range(1, ATTEMPTS_MAX):
        loaded = _load_once(client, show_id, file, media_type, attempt, progress)
        if not (loaded.replayed and loaded.failed):
            return loaded
    return _load_once(client, show_id, file, media_type, ATTEMPTS_MAX, progress)


def _load_once(
    client: Client, show_id: str, file: Path, media_type: str, attempt: int, progress: Progress
) -> Loaded:
    sending = progress.add_task(f"upload {escape(file.name)}", total=file.stat().st_size)
    key = load_key(show_id, media_type, file, attempt)
    answer = client.upload(
        f"/v1/shows/{quote(show_id, safe='')}/seats",
        file,
        media_type,
        key,
        _advance(progress, sending),
    )
    job = _follow(client, answer.json()["job_id"], progress)
    return Loaded(job, answer.headers.get("Idempotent-Replayed") == "true")


def _advance(progress: Progress, task: TaskID) -> Any:
    return lambda sent: progress.advance(task, sent)


def _follow(client: Client, job_id: str, progress: Progress) -> dict[str, Any]:
    task, failures = progress.add_task("load seats", total=None), 0
    while True:
        try:
            job, failures = client.get(f"/v1/jobs/{job_id}"), 0
        except CommandError:
            failures += 1
            if failures > POLL_FAILURES_MAX:
                raise
            time.sleep(POLL_SECONDS)
            continue
        good = job["rows_read"] - job["error_count"]
        progress.update(
            task, total=good if job["rows_read"] else None, completed=job["seats_loaded"]
        )
        if job["state"] in ("done", "failed"):
            return job
        time.sleep(POLL_SECONDS)


def progress_bar(console: Console, *, quiet: bool) -> Progress:
    """Disappears when it is done; silent with `quiet`, and where there is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )


def print_report(console: Console, report: dict[str, Any], seats: int, what: str) -> None:
    """One line of totals, then the first errors by row."""
    count, errors = report["error_count"], report["errors"]
    console.print(f"{escape(what)}: {seats:,} seats from {report['rows_read']:,} rows", end="")
    console.print(f", [yellow]{count:,} refused[/]" if count else ", none refused")
    if not count:
        return
    table = Table("row", "code", "detail", box=None, pad_edge=False, header_style="bold")
    for error in errors[:SHOWN_ERRORS_MAX]:
        table.add_row(str(error["row"] or "file"), error["code"], escape(error["detail"]))
    console.print(table)
    shown = min(len(errors), SHOWN_ERRORS_MAX)
    if count > shown:
        console.print(f"... {count - shown:,} more (all that the server keeps with --json)")


@reported
def load(
    file: Annotated[Path, typer.Argument(help="CSV, NDJSON or a pretix seating plan (JSON).")],
    show: Annotated[str, typer.Option("--show", metavar="SHOW_ID", help="The show to load into.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Rows that were refused are a failure too.")
    ] = False,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Load the seats of a file into a show; report every row that was refused.

    Repeating it does no harm. Exit code 0 also when rows were refused (the rest is loaded), unless --strict;
    1 when nothing was loaded.
    """
    if not file.is_file():
        raise CommandError(f"there is no file {file}", "no_file")
    try:
        with Client(find_target(data, url)) as client, progress_bar(err, quiet=as_json) as progress:
            if dry_run:
                report = _check(client, show, file, progress)
                failed, replayed = False, False
            else:
                loaded = load_file(client, show, file, progress)
                report, failed, replayed = loaded.job, loaded.failed, loaded.replayed
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", "no_file") from None
    if as_json:
        print_json({**report, "replayed": replayed, "dry_run": dry_run})
    elif dry_run:
        print_report(out, report, report["seats_loadable"], "would load")
    else:
        what = "load failed" if failed else "loaded before" if replayed else "loaded"
        print_report(out, report, report["seats_loaded"], what)
    nothing = report["error_count"] and not report.get("seats_loaded", report.get("seats_loadable"))
    if failed or nothing or (strict and report["error_count"]):
        raise typer.Exit(1)


def _check(client: Client, show: str, file: Path, progress: Progress) -> dict[str, Any]:
    task = progress.add_task(f"check {escape(file.name)}", total=file.stat().st_size)
    answer = client.upload(
        f"/v1/shows/{quote(show, safe='')}/seats",
        file,
        media_type_of(file),
        None,
        _advance(progress, task),
        dry_run="true",
    )
    return answer.json()
