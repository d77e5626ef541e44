"""The limits in front of the application, whose endpoints have nothing behind them here."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from actors.metrics import RATE_LIMITED
from serve_app.openapi import document
from serve_app.rate_limits import Policy, policy_of
from tests.meters import Recorder
from tests.unit.bare_app import bare_app, client_at, every_operation

HOME = "203.0.113.7"
HOLDS = "/v1/shows/s/holds"
OF_POSTS = {
    "/v1/shows/{show_id}/holds": Policy.HOLDS,
    "/v1/holds/{hold_id}/extend": Policy.HOLDS,
    "/shows/{show_id}/holds": Policy.HOLDS,
    "/holds/{hold_id}/extend": Policy.HOLDS,
    "/v1/orders": Policy.ORDERS,
    "/holds/{hold_id}/order": Policy.ORDERS,
    "/account/sign-in": Policy.SIGN_INS,
    "/account/password": Policy.SIGN_INS,
    "/account/link": Policy.SIGN_INS,
    "/orders/link": Policy.SIGN_INS,
    "/webhooks/stripe": None,
}
"""What a POST counts as, where that is not a read."""


async def test_every_route_counts_as_what_it_does() -> None:
    async with bare_app() as app:
        operations = every_operation(app)
    unlimited = {"/healthz", "/readyz", "/static/{name}", "/webhooks/stripe"}
    for method, path in operations:
        expected = None if path in unlimited else Policy.READS
        if method == "POST":
            expected = OF_POSTS.get(path, expected)
        assert policy_of(method, path) == expected, (method, path)


def fields(answer: httpx.Response) -> tuple[str | None, str | None]:
    return answer.headers.get("RateLimit-Policy"), answer.headers.get("RateLimit")


async def test_every_answer_says_what_is_left() -> None:
    async with (
        bare_app(rate_reads="3/600", rate_holds="2/60") as app,
        client_at(app, HOME) as http,
    ):
        assert fields(await http.get("/problems")) == ('"reads";q=3;w=600', '"reads";r=2;t=200')
        assert fields(await http.post(HOLDS)) == ('"holds";q=2;w=60', '"holds";r=1;t=30')
        assert fields(await http.get("/nothing"))[1] == '"reads";r=1;t=200'
        for path in ("/healthz", "/static/page.css"):
            assert fields(await http.get(path)) == (None, None)


async def test_one_too_many_is_a_problem_for_programs() -> None:
    recorder = Recorder()
    async with (
        bare_app(recorder.telemetry, rate_holds="2/60") as app,
        client_at(app, HOME) as http,
    ):
        for _ in range(2):
            assert (await http.post(HOLDS)).status_code != 429
        refused = await http.post(HOLDS)
        assert refused.status_code == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["Retry-After"] == "30"
        assert fields(refused) == ('"holds";q=2;w=60', '"holds";r=0;t=30')
        problem = refused.json()
        assert (problem["code"], problem["type"]) == ("rate_limited", "/problems/rate_limited")
        assert problem["violated-policies"] == ["holds"]
        assert problem["request_id"] == refused.headers["X-Request-Id"]
        assert (await http.get("/problems")).status_code == 200
        async with client_at(app, "203.0.113.8") as another:
            assert (await another.post(HOLDS)).status_code != 429
    assert recorder.meter.counted[RATE_LIMITED, ("holds",)] == 1


async def test_one_too_many_is_a_page_for_people() -> None:
    async with bare_app(rate_reads="1/600") as app, client_at(app, HOME) as http:
        assert (await http.get("/robots.txt")).status_code == 200
        refused = await http.get("/shows/s", headers={"Accept-Language": "de"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "600")
        assert refused.headers["content-type"].startswith("text/html")
        assert refused.headers["cache-control"] == "no-store"
        assert '<html lang="de">' in refused.text
        assert "Zu viele Anfragen" in refused.text


async def test_who_has_a_key_is_not_limited() -> None:
    keys: dict[str, Any] = {"admin_key": "the-admin-key", "scanner_key": "the-scanner-key"}
    async with bare_app(rate_reads="1/600", **keys) as app, client_at(app, HOME) as http:
        await http.get("/problems")
        for key in keys.values():
            answer = await http.get("/problems", headers={"Authorization": f"Bearer {key}"})
            assert (answer.status_code, fields(answer)) == (200, (None, None))
        for wrong in ("Bearer the-wrong-key", "Bearer ", "Basic the-admin-key", "\xe9"):
            answer = await http.get(
                "/problems", headers=[(b"Authorization", wrong.encode("latin-1"))]
            )
            assert answer.status_code == 429


async def test_a_key_that_is_not_set_opens_nothing() -> None:
    async with bare_app(rate_reads="1/600") as app, client_at(app, HOME) as http:
        await http.get("/problems")
        answer = await http.get("/problems", headers={"Authorization": "Bearer None"})
        assert answer.status_code == 429


@pytest.mark.parametrize(
    ("limits", "address", "limited"),
    [
        ("remote", "127.0.0.1", False),
        ("remote", "::1", False),
        ("remote", HOME, True),
        ("remote", "10.0.0.1", True),
        ("all", "127.0.0.1", True),
        ("off", HOME, False),
    ],
)
async def test_who_is_limited_is_a_setting(limits: str, address: str, limited: bool) -> None:
    async with (
        bare_app(rate_limits=limits, rate_reads="1/600") as app,
        client_at(app, address) as http,
    ):
        statuses = [(await http.get("/problems")).status_code for _ in range(2)]
    assert statuses == ([200, 429] if limited else [200, 200])


async def test_clients_are_told_apart_behind_proxies_that_are_trusted() -> None:
    """Google's load balancer appends the client and itself, HAProxy who is connected to it."""
    async with (
        bare_app(own_hops=1, trusted_hops=2, rate_reads="1/600") as app,
        client_at(app, "127.0.0.1") as haproxy,
    ):

        async def asked(client: str, made_up: str = "") -> int:
            chain = f"{made_up}{client}, 34.120.0.1"
            sent = [("X-Forwarded-For", chain), ("X-Forwarded-For", "35.191.0.7")]
            return (await haproxy.get("/problems", headers=sent)).status_code

        assert [await asked(HOME), await asked(HOME)] == [200, 429]
        assert await asked(HOME, made_up="198.51.100.1, ") == 429
        assert await asked("203.0.113.8") == 200


async def test_the_document_has_429_with_its_fields_wherever_it_can_be() -> None:
    async with bare_app() as app:
        paths = document(app)["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            answer = operation["responses"].get("429")
            if policy_of(method.upper(), path) is None:
                assert answer is None, path
                continue
            assert set(answer["headers"]) == {"Retry-After", "RateLimit", "RateLimit-Policy"}
            assert re.search("`rate_limited`", answer["description"])


def test_every_policy_is_counted_from_the_beginning() -> None:
    assert RATE_LIMITED.starts == tuple((policy.value,) for policy in Policy)
