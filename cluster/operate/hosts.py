"""`frontrow hosts` and `frontrow scale`: the ticket hosts, and how many there are."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from cluster.operate.answers import Data, Json
from cluster.operate.client import Client
from cluster.operate.command import Url, out, print_json, reported
from cluster.operate.target import find_target

HOSTS = "/v1/operator/hosts"


@reported
def hosts(data: Data = None, url: Url = None, as_json: Json = False) -> None:
    """The ticket hosts: what they hold and how busy they are. Exit code 1 when one does not answer."""
    with Client(find_target(data, url)) as client:
        answer = client.get(HOSTS)
    _print(answer, as_json=as_json)
    if not all(item["answers"] for item in answer["items"]):
        raise typer.Exit(1)


@reported
def scale(
    count: Annotated[
        int, typer.Argument(metavar="N", min=1, help="How many hosts there should be.")
    ],
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Change the number of hosts while selling goes on; returns when blocks are placed on the new ones."""
    with Client(find_target(data, url)) as client:
        _print(client.put(HOSTS, {"hosts": count}), as_json=as_json)


def _print(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    if answer["dedicated"]:
        out.print("every block has a host of its own")
        return
    table = Table(
        "host", "pid", "blocks", "tickets", "waiting", "commands", box=None, pad_edge=False
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for item in answer["items"]:
        if item["answers"]:
            figures = (item["activations"], item["tickets"], item["depth"], item["commands"])
            table.add_row(item["name"], str(item["pid"]), *(f"{figure:,}" for figure in figures))
        else:
            table.add_row(item["name"], "[red]does not answer[/]")
    out.print(table)
