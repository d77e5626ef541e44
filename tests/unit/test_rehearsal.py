"""The copy that is rehearsed with, what limits a rehearsal, and what it says it was limited by."""

from __future__ import annotations

import asyncio
import csv
import io
import itertools
import math
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from cluster.operate.command import CommandError
from cluster.operate.crowd.pools import Pools, Refusal
from cluster.operate.crowd.tally import Tally
from cluster.operate.rehearsal import running
from cluster.operate.rehearsal.bottleneck import Measured, bottleneck
from cluster.operate.rehearsal.rehearse import plain, play_money_at
from cluster.operate.rehearsal.running import PacedShop, Rehearsal, commands_per_second
from cluster.operate.rehearsal.shadow import LOADING_SECONDS, shadow_body, shadow_csv
from cluster.operate.target import Provider, Target
from cluster.settings import Settings

SHOW = {
    "show_id": "saaaaaaaaaaaa",
    "name": 'A night, with "quotes"',
    "venue": "Hall",
    "starts_at": "2030-05-01T19:30:00.000Z",
    "currency": "EUR",
    "prices": {"Front": 4500, "Pit": 100},
    "areas": [{"area": "Pit", "category": "Pit", "capacity": 5}],
    "hold_seconds": 600,
    "max_per_order": 10,
    "sale_opens_at": "2029-01-01T00:00:00.000Z",
    "sale_closes_at": None,
    "time_zone": "Europe/Berlin",
    "created_at": "2026-01-01T00:00:00.000Z",
}
MAP = {
    "categories": [{"name": "Pit", "price": 100}, {"name": "Front, left", "price": 4500}],
    "blocks": [
        {"block": 4, "area": "Pit", "first_unit": 1, "tickets": 5, "category": 0},
        {
            "block": 5,
            "section": "Stalls",
            "rows": [{"row": "A", "numbers": ["1", "2"]}, {"row": "B", "numbers": ["7"]}],
            "category": [1, 1, 1],
            "x": [-0.5, 0.5, 0],
            "y": [0, 0, 1],
        },
    ],
}


def test_the_copy_has_the_rules_of_the_show_and_another_name_and_closes_by_itself() -> None:
    body = shadow_body(SHOW, 30, datetime(2026, 1, 1, tzinfo=UTC))
    assert body["name"].startswith("REHEARSAL of A night")
    assert body["unlisted"] is True
    assert body["sale_closes_at"] == "2026-01-01T00:05:30Z"
    assert LOADING_SECONDS == 300
    assert "sale_opens_at" not in body  # it opens at once
    for name in ("prices", "areas", "hold_seconds", "max_per_order", "currency"):
        assert body[name] == SHOW[name]
    assert len(shadow_body({**SHOW, "name": "x" * 200}, 30)["name"]) == 200


def test_the_copy_has_the_same_seats_and_leaves_areas_to_the_show() -> None:
    rows = list(csv.DictReader(io.StringIO(shadow_csv(MAP))))
    assert [(row["section"], row["row"], row["seat"]) for row in rows] == [
        ("Stalls", "A", "1"),
        ("Stalls", "A", "2"),
        ("Stalls", "B", "7"),
    ]
    assert rows[0] == {
        "section": "Stalls", "row": "A", "seat": "1", "category": "Front, left", "x": "-0.5", "y": "0"
    }  # fmt: skip
    assert shadow_csv({**MAP, "blocks": MAP["blocks"][:1]}) == ""


MEASURED = Measured(9.9, 10.0, 0.02, 0.005, 0, 0.3, 0, 0)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "--rate"),
        ({"asked": 3.0}, "more buyers"),
        ({"turned_away": 3, "cpu": 1.0}, "turned 3 requests away"),
        ({"turned_away": 3, "limited": 7}, "turned 3 requests away"),
        ({"limited": 7, "cpu": 1.0}, "one client turned 7 requests away"),
        ({"cpu": 0.9, "hold_p50": 1.0}, "processors"),
        ({"cpu": None, "hold_p50": 0.4, "commit_p50": 0.3}, "the journal"),
        ({"hold_p50": 0.4, "commit_p50": 0.1}, "HTTP"),
        ({"hold_p50": math.nan}, "nobody asked"),
    ],
)
def test_the_first_thing_that_limits_is_named(changes: dict[str, Any], word: str) -> None:
    assert word in bottleneck(replace(MEASURED, **changes))


async def test_no_more_holds_are_asked_for_than_the_rate_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_: Any, **__: Any) -> Refusal:
        return Refusal(409, "seats_unavailable")

    tally = Tally()
    async with Pools("http://127.0.0.1:1", tally.retries) as pools:
        monkeypatch.setattr(pools, "send", refuse)
        shop = PacedShop(pools, tally, rate=50.0)
        began = time.monotonic()
        await asyncio.gather(*[shop.hold("s", {}) for _ in range(11)])
        assert time.monotonic() - began >= 10 / 50
    assert tally.refusals["seats_unavailable"] == 11


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (503, "unavailable", "the server turned 2 requests away"),
        (503, None, "the server turned 2 requests away"),
        (429, "rate_limited", "the limit for one client turned 2 requests away"),
    ],
)
async def test_what_the_server_turns_away_is_what_the_rehearsal_was_limited_by(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str | None, word: str
) -> None:
    """As answered: a problem has its code, a load balancer in front of the server has none."""
    answers = iter([status, status, 201])

    def answer(_: httpx.Request) -> httpx.Response:
        one = next(answers)
        body = {"code": code, "title": "no"} if one == status and code else {}
        return httpx.Response(one, json=body, headers={"Retry-After": "0"})

    rehearsal = Rehearsal(seconds=1.0)
    async with Pools("http://127.0.0.1:1", rehearsal.tally.retries) as pools:
        over = httpx.AsyncClient(base_url="http://x", transport=httpx.MockTransport(answer))
        monkeypatch.setattr(pools, "_next_pool", itertools.repeat(over))
        rehearsal.turned_away = pools.turned_away
        answered = await pools.send("POST", "/v1/shows/s/holds")
        await over.aclose()
    assert isinstance(answered, httpx.Response)
    shadow = {"show_id": "sbbbbbbbbbbbb", "sale_closes_at": "2026-01-01T00:05:30Z"}
    assert word in plain("saaaaaaaaaaaa", shadow, rehearsal, 5, 10.0)["bottleneck"]


def target(**settings: Any) -> Target:
    provider = Provider("sk", settings.pop("api_base", None))
    return Target("http://x", Path(), "k", None, None, provider, Settings(**settings))


def test_nobody_pays_with_real_money_and_no_mail_is_sent() -> None:
    assert play_money_at(target(api_base="http://local")) == "http://local"
    mailing = target(api_base="http://local", smtp_url=SecretStr("smtp://mail"))
    for refused, code in ((target(), "real_money"), (mailing, "mails_would_be_sent")):
        with pytest.raises(CommandError) as caught:
            play_money_at(refused)
        assert caught.value.code == code


def test_the_report_has_what_was_measured() -> None:
    rehearsal = Rehearsal(seconds=10.0, cpu=0.2)
    for n in range(20):
        rehearsal.tally.granted(2, 0.01 * (n + 1), replayed=False)
    rehearsal.tally.refused("seats_unavailable", 0.01)
    shadow = {"show_id": "sbbbbbbbbbbbb", "sale_closes_at": "2026-01-01T00:05:30Z"}
    told = plain("saaaaaaaaaaaa", shadow, rehearsal, 5, 10.0)
    assert (told["holds"], told["seats"], told["holds_per_second"]) == (20, 40, 2.0)
    assert told["latency"] == {"p50_ms": 100.0, "p95_ms": 190.0, "p99_ms": 200.0}
    assert told["refusals"] == {"seats_unavailable": 1}
    assert told["stopped"] == ""
    empty = plain("s", shadow, Rehearsal(), 5, 10.0)
    assert empty["latency"]["p50_ms"] is None


async def test_hosts_that_cannot_be_asked_refuse_a_rehearsal_in_one_line() -> None:
    nowhere = replace(target(), url="http://127.0.0.1:1")
    with pytest.raises(CommandError) as caught:
        await commands_per_second(nowhere)
    assert caught.value.code == "unreachable"


@pytest.mark.parametrize("status", [503, None])
async def test_a_rehearsal_whose_hosts_nobody_sees_any_more_is_ended(
    monkeypatch: pytest.MonkeyPatch, status: int | None
) -> None:
    monkeypatch.setattr(running, "LOOK_SECONDS", 0.001)
    asked = list[int]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(1)
        if len(asked) == 2:  # seen once in between: that begins anew
            return httpx.Response(200, json={"items": [{"depth": 3}]})
        if status is None:
            raise httpx.ReadTimeout("slow")
        return httpx.Response(status)

    rehearsal = Rehearsal()
    async with httpx.AsyncClient(
        base_url="http://x", transport=httpx.MockTransport(answer)
    ) as http:
        async with asyncio.timeout(30):
            await running._watch(http, rehearsal)
    assert len(asked) == 2 + running.BLIND_LOOKS_MAX
    assert rehearsal.queue == 3
    assert rehearsal.stopped.startswith("nobody could look at the hosts: ")
