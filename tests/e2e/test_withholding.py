"""Seats are taken off sale and put back over HTTP, one answer per seat."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from cluster import withholding as withholding_module
from tests.e2e.venue import audit, current, grid, hall, held, hold, refused, statuses
from tests.local_server import AUTH, LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def change(
    server: LocalServer, show_id: str, what: str, *seats: str, key: str = "", **changes: Any
) -> httpx.Response:
    body = {"seats": list(seats), "reason": "camera", **changes}
    headers = {**AUTH, "Idempotency-Key": key} if key else AUTH
    return await server.http.post(f"/v1/shows/{show_id}/{what}", json=body, headers=headers)


def results(answer: httpx.Response) -> dict[str, tuple[str, str | None]]:
    return {one["seat"]: (one["result"], one["reason"]) for one in answer.json()["results"]}


async def two_sections(server: LocalServer) -> str:
    return await hall(server, grid(2, 3, "P") + "\n" + grid(2, 3, "Q").partition("\n")[2])


async def test_seats_go_off_sale_and_come_back(server: LocalServer) -> None:
    show_id = await two_sections(server)
    seats = ["Q-1-1", "P-1-1", "P-1-2"]
    answer = await change(server, show_id, "withhold", *seats)
    assert answer.status_code == 200
    assert [one["seat"] for one in answer.json()["results"]] == seats, "in the order asked for"
    assert set(results(answer).values()) == {("withheld", None)}
    problem = refused(await hold(server, show_id, "P-1-1"), 409, "seats_unavailable")
    assert problem["conflicts"] == [{"seat": "P-1-1", "reason": "withheld"}]
    again = await change(server, show_id, "withhold", *seats)
    assert results(again) == results(answer), "again is no change"
    back = await change(server, show_id, "restore", *seats, "P-2-1")
    assert set(results(back).values()) == {("restored", None)}
    await held(server, show_id, "P-1-1", "P-1-2")
    assert await audit(server.runtime, show_id) == await current(server, show_id)


async def test_what_is_taken_or_unknown_is_refused_and_the_others_are_done(
    server: LocalServer,
) -> None:
    show_id = await two_sections(server)
    await held(server, show_id, "P-1-1", "Q-2-2")
    for what, done in (("withhold", "withheld"), ("restore", "restored")):
        answer = await change(server, show_id, what, "P-1-1", "P-1-2", "Q-2-2", "Q-1-1", "X-1-1")
        problem = refused(answer, 409, "seats_unavailable")
        assert results(answer) == {
            "P-1-1": ("refused", "held"),
            "P-1-2": (done, None),
            "Q-2-2": ("refused", "held"),
            "Q-1-1": (done, None),
            "X-1-1": ("refused", "unknown"),
        }
        assert {one["seat"]: one["reason"] for one in problem["conflicts"]} == {
            "P-1-1": "held",
            "Q-2-2": "held",
            "X-1-1": "unknown",
        }
        expected = "withheld" if what == "withhold" else "available"
        assert (await statuses(server, show_id))["P-1-2"] == expected


async def test_ten_thousand_seats_of_an_area_go_at_once_and_not_one_more(
    server: LocalServer,
) -> None:
    floor = [{"area": "Floor", "category": "A", "capacity": 10_001}]
    show_id = await server.show(areas=floor)
    seats = [f"Floor-{n}" for n in range(1, 10_002)]
    refused(await change(server, show_id, "withhold", *seats), 422, "invalid_request")
    answer = await change(server, show_id, "withhold", *seats[:10_000])
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 10_000
    counts = (await server.http.get(f"/v1/shows/{show_id}/availability")).json()["counts"]
    assert counts["A"]["withheld"] == 10_000


async def test_a_key_is_one_request_and_its_replay_changes_nothing(server: LocalServer) -> None:
    show_id = await two_sections(server)
    first = await change(server, show_id, "withhold", "P-1-1", key="w1")
    assert "idempotent-replayed" not in first.headers
    await change(server, show_id, "restore", "P-1-1", key="w1")  # another collection
    replay = await change(server, show_id, "withhold", "P-1-1", key="w1")
    assert (replay.status_code, replay.headers["idempotent-replayed"]) == (200, "true")
    assert replay.json() == first.json()
    assert (await statuses(server, show_id))["P-1-1"] == "available", "nothing was done again"
    other = await change(server, show_id, "withhold", "P-1-2", key="w1")
    refused(other, 422, "idempotency_key_reused")


async def test_a_refusal_is_not_remembered_under_its_key(server: LocalServer) -> None:
    show_id = await two_sections(server)
    kept = await held(server, show_id, "P-1-1")
    refused(await change(server, show_id, "withhold", "P-1-1", key="w2"), 409, "seats_unavailable")
    assert (await server.http.delete(f"/v1/holds/{kept['hold_id']}")).status_code == 204
    answer = await change(server, show_id, "withhold", "P-1-1", key="w2")
    assert results(answer) == {"P-1-1": ("withheld", None)}


async def test_what_is_no_request_is_refused(server: LocalServer) -> None:
    show_id = await two_sections(server)
    refused(await change(server, show_id, "withhold", "P-1-1", "P-1-1"), 422, "duplicate_seats")
    refused(await change(server, show_id, "withhold"), 422, "invalid_request")
    refused(await change(server, show_id, "withhold", "P-1-1", reason=""), 422, "invalid_request")
    refused(await change(server, show_id, "withhold", "P-1-1", why="x"), 422, "invalid_request")
    refused(await change(server, "saaaaaaaaaaaa", "withhold", "P-1-1"), 404, "show_not_found")
    body = {"seats": ["P-1-1"], "reason": "r"}
    for what in ("withhold", "restore"):
        path = f"/v1/shows/{show_id}/{what}"
        refused(await server.http.post(path, json=body), 401, "unauthenticated")


async def test_seats_that_never_stand_still_are_a_503(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_id = await two_sections(server)
    await held(server, show_id, "P-1-1")
    monkeypatch.setattr(withholding_module, "ATTEMPTS_MAX", 1)
    refused(await change(server, show_id, "withhold", "P-1-1", "P-1-2"), 503, "unavailable")
