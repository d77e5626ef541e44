"""`frontrow freeze` and `thaw`: nothing is granted in a block for a while."""

from __future__ import annotations

import getpass
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cluster.operate.answers import Data, Json
from cluster.operate.client import Client
from cluster.operate.command import Url, out, print_json, reported
from cluster.operate.hosts import Block, Show
from cluster.operate.target import find_target

Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; it stays in the journal.")
]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who. [default: your user name]")
]


@reported
def freeze(
    show_id: Show,
    block: Block,
    reason: Reason,
    by: By = None,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Grant no new holds in a block; what is held there can still be paid, given back, and expires."""
    with Client(find_target(data, url)) as client:
        answer = client.put(_path(show_id, block), _body(True, reason, by))
    _print(answer, as_json=as_json)


@reported
def thaw(
    show_id: Show,
    block: Block,
    reason: Reason = "thawed",
    by: By = None,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Grant holds in a block again."""
    with Client(find_target(data, url)) as client:
        answer = client.put(_path(show_id, block), _body(False, reason, by))
    _print(answer, as_json=as_json)


def user() -> str:
    """Who runs the command; nobody in particular where the system has no name for him."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _path(show_id: str, block: int) -> str:
    return f"/v1/operator/shows/{quote(show_id, safe='')}/blocks/{block}/frozen"


def _body(frozen: bool, reason: str, by: str | None) -> dict[str, Any]:
    return {"frozen": frozen, "reason": reason, "by": user() if by is None else by}


def _print(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    state = "frozen" if answer["frozen"] else "thawed"
    again = "" if answer["changed"] else ": it was so before"
    out.print(f"block {answer['block']} of {answer['show_id']} is {state}{again}")
