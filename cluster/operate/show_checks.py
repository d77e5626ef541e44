"""What `frontrow doctor --show` says about one show: why it refuses, or does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from cluster.operate.check import Check, State
from cluster.operate.client import Client
from cluster.operate.command import CommandError
from cluster.operate.target import Target

NAMED_MAX = 20
"""Blocks that are named one by one; the others are counted."""


def examined(target: Target, show_id: str) -> list[Check]:
    """One line for each thing that keeps buyers from holding seats; nothing is changed by asking."""
    with Client(target) as client:
        try:
            found = client.get(f"/v1/operator/shows/{quote(show_id, safe='')}")
        except CommandError as error:
            return [Check(f"show {show_id}", State.FAILED, error.detail)]
    return list(show_checks(found))


def show_checks(found: dict[str, Any]) -> Iterator[Check]:
    """`found` is the answer of GET /v1/operator/shows/{show_id}."""
    yield _sale(found)
    if found["behind"]:
        yield Check("view", State.WARNING, "the seat map is older than the journal")
    yield from _answers(found["blocks"])
    yield from _frozen(found["blocks"])
    pinned = [block for block in found["blocks"] if block["pinned"]]
    if pinned:
        told = ", ".join(f"block {one['block']} on {one['host']}" for one in pinned[:NAMED_MAX])
        yield Check("pinned", State.OK, f"{told}{_more(pinned)}")


def _sale(found: dict[str, Any]) -> Check:
    match found["sale"]:
        case "not_yet":
            return Check("sale", State.WARNING, f"opens at {found['sale_opens_at']}")
        case "over":
            return Check("sale", State.WARNING, f"closed at {found['sale_closes_at']}")
        case _:
            closes = found["sale_closes_at"]
            return Check("sale", State.OK, f"open until {closes}" if closes else "open")


def _answers(blocks: list[dict[str, Any]]) -> Iterator[Check]:
    silent = [block for block in blocks if not block["answers"]]
    if not silent:
        free = sum(block["available"] for block in blocks)
        yield Check("blocks", State.OK, f"{len(blocks):,} answer, {free:,} tickets are available")
        return
    detail = f"{len(silent):,} of {len(blocks):,} do not answer"
    yield Check("blocks", State.FAILED, detail)
    for block in silent[:NAMED_MAX]:
        what = block["section"] or ("a register" if not block["tickets"] else "")
        told = f"{what}, on {block['host']}: {block['detail']}".removeprefix(", ")
        yield Check(f"block {block['block']}", State.FAILED, told)


def _frozen(blocks: list[dict[str, Any]]) -> Iterator[Check]:
    frozen = [block for block in blocks if block["frozen"]]
    for block in frozen[:NAMED_MAX]:
        by = f" ({block['frozen']['by']})" if block["frozen"]["by"] else ""
        told = f"{block['section']}, frozen: {block['frozen']['reason']}{by}"
        yield Check(f"block {block['block']}", State.WARNING, told)
    if len(frozen) > NAMED_MAX:
        yield Check("frozen", State.WARNING, f"{len(frozen):,} blocks in all")


def _more(items: list[dict[str, Any]]) -> str:
    return f" and {len(items) - NAMED_MAX:,} more" if len(items) > NAMED_MAX else ""
