"""`frontrow hosts`, `scale`, `drain`, `restart` and `move`: the ticket hosts, and what is placed on them."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table

from cluster.operate.answers import Data, Json
from cluster.operate.client import Client
from cluster.operate.command import Url, out, print_json, reported
from cluster.operate.target import find_target

HOSTS = "/v1/operator/hosts"
NODE_ID_SHOWN = 8

Show = Annotated[str, typer.Argument(metavar="SHOW_ID")]
Host = Annotated[str, typer.Argument(metavar="HOST", help="Such as host-1.")]
Block = Annotated[int, typer.Argument(metavar="BLOCK", min=0, help="The block's number.")]


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
        _print(client.once("PUT", HOSTS, {"hosts": count}), as_json=as_json)


@reported
def drain(
    host: Host,
    undo: Annotated[bool, typer.Option("--undo", help="Place blocks on it again.")] = False,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Place nothing on a host any more while selling goes on; returns when it has no blocks left."""
    with Client(find_target(data, url)) as client:
        path = f"{HOSTS}/{quote(host, safe='')}"
        _print(client.once("PUT", path, {"drained": not undo}), as_json=as_json)


@reported
def restart(
    host: Host,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """End a host that does not answer, and return when the one that follows does; no hold is lost."""
    with Client(find_target(data, url)) as client:
        answer = client.once("POST", f"{HOSTS}/{quote(host, safe='')}/restart")
    _print(answer, as_json=as_json)


@reported
def move(
    show_id: Show,
    block: Block,
    host: Annotated[str | None, typer.Argument(metavar="[HOST]", help="Such as host-1.")] = None,
    auto: Annotated[bool, typer.Option("--auto", help="Place it as all others are.")] = False,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Pin a block to a host while selling goes on, or (--auto) let it be placed as all others are."""
    if (host is None) is not auto:
        raise typer.BadParameter("give HOST, or --auto")
    path = f"/v1/operator/shows/{quote(show_id, safe='')}/blocks/{block}/host"
    with Client(find_target(data, url)) as client:
        answer = (
            client.once("DELETE", path)
            if host is None
            else client.once("PUT", path, {"host": host})
        )
    if as_json:
        print_json(answer)
        return
    how = "pinned" if answer["pinned"] else "as all others are"
    out.print(f"block {block} of {show_id} is placed on {answer['host']} ({how})")


def _print(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    if answer["dedicated"]:
        out.print("every block has a host of its own")
        return
    columns = ("host", "pid", "blocks", "tickets", "waiting", "commands", "p50 ms", "p99 ms")
    table = Table(*columns, "memory", "node", "state", box=None, pad_edge=False)
    for column in table.columns[1:9]:
        column.justify = "right"
    for item in answer["items"]:
        table.add_row(item["name"], *_figures(item), _state(item))
    out.print(table)


def _figures(item: dict[str, Any]) -> list[str]:
    if not item["answers"]:
        return [""] * 9
    figures = (item["activations"], item["tickets"], item["depth"], item["commands"])
    return [
        str(item["pid"]),
        *(f"{figure:,}" for figure in figures),
        *("-" if item[name] is None else f"{item[name]:.1f}" for name in ("p50_ms", "p99_ms")),
        f"{item['memory'] / 2**20:.0f} MiB",
        f"{item['node']} {item['node_id'][:NODE_ID_SHOWN]}",
    ]


def _state(item: dict[str, Any]) -> str:
    said = ["[red]does not answer[/]"] if not item["answers"] else []
    said += ["drained"] if item["drained"] else []
    said += [f"{item['pinned']} pinned"] if item["pinned"] else []
    return ", ".join(said)
