"""The operators' console: the page itself says nothing to anybody; what it shows and does needs the key."""

from __future__ import annotations

import pytest

from actors.domain.order import State
from tests.e2e.venue import grid, hall, held, refused
from tests.local_server import ADMIN_KEY, AUTH, LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_page_is_empty_and_lets_nothing_else_in(server: LocalServer) -> None:
    answer = await server.http.get("/operator", headers={"Accept-Language": "de"})
    assert (answer.status_code, answer.headers["content-language"]) == (200, "en")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'nonce-" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers
    assert ADMIN_KEY not in answer.text
    assert " style=" not in answer.text
    assert "onclick" not in answer.text
    (script,) = [part.split('"')[0] for part in answer.text.split('src="')[1:]]
    assert (await server.http.get(script)).status_code == 200


async def test_the_overview_has_numbers_and_what_is_frozen_and_needs_the_key(
    server: LocalServer,
) -> None:
    refused(await server.http.get("/v1/operator/shows"), 401, "unauthenticated")
    show_id = await hall(server, grid(1, 4))
    await held(server, show_id, "S-1-1")
    frozen = {"frozen": True, "reason": "water", "by": "ada"}
    path = f"/v1/operator/shows/{show_id}/blocks/4/frozen"
    assert (await server.http.put(path, json=frozen, headers=AUTH)).status_code == 200
    await server.runtime.views.view(show_id)
    await server.runtime.views.catch_up(show_id)
    listed = (await server.http.get("/v1/operator/shows", headers=AUTH)).json()
    (show,) = [item for item in listed["items"] if item["show_id"] == show_id]
    assert show["blocks"] == [4]
    assert show["counts"] == {"available": 0, "held": 1, "sold": 0, "withheld": 3}
    assert show["frozen"] == [{"block": 4, "reason": "water", "by": "ada"}]
    wrong = await server.http.get("/v1/operator/shows", params={"cursor": "x"}, headers=AUTH)
    refused(wrong, 422, "invalid_cursor")


async def test_the_money_has_its_figures_and_needs_the_key(server: LocalServer) -> None:
    refused(await server.http.get("/v1/operator/payments"), 401, "unauthenticated")
    told = (await server.http.get("/v1/operator/payments", headers=AUTH)).json()
    assert set(told["orders"]) == {state.value for state in State}
    assert told["breaker_open"] is None, "no provider is set up here"
    assert told["refunds_failing"] == 0
