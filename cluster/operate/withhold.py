"""`frontrow withhold`: seats off sale, and back on sale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.markup import escape
from rich.table import Table

from cluster.operate.answers import Data, Json
from cluster.operate.client import ApiError, Client
from cluster.operate.command import CommandError, Url, err, out, print_json, reported
from cluster.operate.target import find_target

SEATS_A_CALL = 10_000
SHOWN_REFUSALS_MAX = 20


@reported
def withhold(
    show_id: Annotated[str, typer.Argument(metavar="SHOW_ID")],
    seats: Annotated[list[str] | None, typer.Argument(metavar="[SEATS]...")] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it stays in the journal.")
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Seat ids, one a line; - is stdin."),
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Put them back on sale.")] = False,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Take seats off sale, or (--undo) put them back. Exit code 1 when some are refused; the others are done."""
    wanted = list(dict.fromkeys((seats or []) + _listed(file)))
    if not wanted:
        raise typer.BadParameter("name seats, or give --file")
    if not reason:
        raise typer.BadParameter("give a --reason")
    path = f"/v1/shows/{quote(show_id, safe='')}/{'restore' if undo else 'withhold'}"
    results = list[dict[str, Any]]()
    with Client(find_target(data, url)) as client:
        for first in range(0, len(wanted), SEATS_A_CALL):
            results += _changed(client, path, wanted[first : first + SEATS_A_CALL], reason)
            if len(wanted) > SEATS_A_CALL and not as_json:
                err.print(f"{len(results):,} of {len(wanted):,} seats ...")
    refused = [result for result in results if result["result"] == "refused"]
    if as_json:
        done = len(results) - len(refused)
        print_json({"show_id": show_id, "done": done, "refused": len(refused), "results": results})
    else:
        _print(results, refused, "restored" if undo else "withheld")
    if refused:
        raise typer.Exit(1)


def _listed(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}", "unreadable_file") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _changed(client: Client, path: str, seats: list[str], reason: str) -> list[dict[str, Any]]:
    try:
        return client.post(path, {"seats": seats, "reason": reason})["results"]
    except ApiError as error:
        if "results" not in error.body:
            raise
        return error.body["results"]


def _print(results: list[dict[str, Any]], refused: list[dict[str, Any]], done: str) -> None:
    out.print(f"{len(results) - len(refused):,} {done}, {len(refused):,} refused")
    if not refused:
        return
    table = Table("seat", "refused because it is", box=None, pad_edge=False)
    for result in refused[:SHOWN_REFUSALS_MAX]:
        table.add_row(escape(result["seat"]), result["reason"])
    out.print(table)
    if len(refused) > SHOWN_REFUSALS_MAX:
        out.print(f"... {len(refused) - SHOWN_REFUSALS_MAX:,} more (with --json)")
