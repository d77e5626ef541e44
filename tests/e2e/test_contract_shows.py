"""Shows, seats, jobs and operators over HTTP: shapes, statuses, keys and pages."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.e2e.answers import Published
from tests.e2e.venue import grid, hall, refused
from tests.local_server import AUTH, LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHOW = {
    "name": "Tosca",
    "venue": "Opera",
    "starts_at": "2031-05-01T19:30:00+02:00",
    "currency": "JPY",
    "prices": {"A": 12000, "B": 0},
    "areas": [{"area": "Floor", "category": "B", "capacity": 3}],
    "hold_seconds": 120,
    "max_per_order": 4,
    "sale_opens_at": "2020-01-01T00:00:00Z",
    "sale_closes_at": "2031-05-01T17:00:00Z",
    "time_zone": "Asia/Tokyo",
}


async def test_a_show_is_answered_as_it_was_created(server: LocalServer) -> None:
    created = await server.http.post("/v1/shows", json=SHOW, headers=AUTH)
    assert created.status_code == 201
    show = created.json()
    assert created.headers["location"] == f"/v1/shows/{show['show_id']}"
    assert "idempotent-replayed" not in created.headers
    assert show["starts_at"] == "2031-05-01T17:30:00.000Z"
    for field in SHOW.keys() - {"starts_at", "sale_opens_at", "sale_closes_at"}:
        assert show[field] == SHOW[field]
    assert (await server.http.get(f"/v1/shows/{show['show_id']}")).json() == show


async def test_a_show_has_the_documented_defaults(server: LocalServer) -> None:
    show = (await server.http.get(f"/v1/shows/{await server.show()}")).json()
    assert (show["hold_seconds"], show["max_per_order"], show["areas"]) == (600, 10, [])
    assert show["time_zone"] == "UTC"
    assert show["sale_opens_at"] is None
    assert show["sale_closes_at"] is None


async def test_organizers_need_a_key_and_the_right_one(server: LocalServer) -> None:
    show_id = await server.show()
    for method, path in (
        ("POST", "/v1/shows"),
        ("POST", f"/v1/shows/{show_id}/seats"),
        ("GET", "/v1/operator/hosts"),
        ("PUT", "/v1/operator/hosts"),
    ):
        sent: Any = (
            {"content": grid(), "headers": {"Content-Type": "text/csv"}}
            if "seats" in path
            else {"json": SHOW}
        )
        without = await server.http.request(method, path, **sent)
        refused(without, 401, "unauthenticated")
        for authorization in ("Bearer wrong", "Bearer \xe9", "bearer  nothing"):
            headers = {**sent.get("headers", {}), "Authorization": authorization.encode("latin-1")}
            refused(
                await server.http.request(method, path, **{**sent, "headers": headers}),
                403,
                "forbidden",
            )
        for authorization in ("Basic dGVzdA==", "Bearer", "test-admin-key"):
            headers = {**sent.get("headers", {}), "Authorization": authorization}
            refused(
                await server.http.request(method, path, **{**sent, "headers": headers}),
                401,
                "unauthenticated",
            )


async def test_a_body_without_the_key_is_not_even_read(server: LocalServer) -> None:
    broken = await server.http.post(
        "/v1/shows", content=b"{", headers={"Content-Type": "application/json"}
    )
    refused(broken, 401, "unauthenticated")


async def test_pages_of_shows_hold_every_show_once_newest_first(server: LocalServer) -> None:
    made = [await server.show(name=f"page {n}") for n in range(5)]
    found, url = list[str](), "/v1/shows?limit=2"
    while len([one for one in found if one in made]) < len(made):
        page = await server.http.get(url)
        body = page.json()
        assert len(body["items"]) == 2
        found += [show["show_id"] for show in body["items"]]
        url = f"/v1/shows?limit=2&cursor={body['next_cursor']}"
        assert page.headers["link"] == f'<{page.links["next"]["url"]}>; rel="next"'
        assert page.links["next"]["url"] == f"/v1/shows?cursor={body['next_cursor']}&limit=2"
    assert [one for one in found if one in made] == made[::-1]
    assert len(set(found)) == len(found)
    last = (await server.http.get("/v1/shows?limit=100")).json()
    assert last["next_cursor"] is None or len(last["items"]) == 100


NOT_UTF_8, TOO_LATE, TOO_EARLY = (
    base64.urlsafe_b64encode(text).decode().rstrip("=")
    for text in (b'[1,"\xff"]', b'[9223372036854775808,"x"]', b'[-1,"x"]')
)


@pytest.mark.parametrize(
    "cursor",
    ["x", "WzEsMl0", "%00", "é", "W10=", "A" * 150, NOT_UTF_8, TOO_LATE, TOO_EARLY],
)
async def test_a_cursor_of_somebody_else_is_refused(server: LocalServer, cursor: str) -> None:
    refused(await server.http.get("/v1/shows", params={"cursor": cursor}), 422, "invalid_cursor")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=-1", "cursor=" + "A" * 201]
)
async def test_a_page_has_its_limits(server: LocalServer, query: str) -> None:
    refused(await server.http.get(f"/v1/shows?{query}"), 422, "invalid_request")


@pytest.mark.parametrize(
    "show_id",
    [
        "sxx",
        "saaaaaaaaaaaa",
        "..%2f..%2fetc",
        "s%00",
        "*",
        "saaaaaaaaaaaa.%3E",
        "%F0%9F%8E%AD",
        "s" * 5000,
    ],
)
async def test_a_show_that_is_not_there_is_not_found_anywhere(
    server: LocalServer, show_id: str
) -> None:
    code = "not_found" if "%2f" in show_id else "show_not_found"
    for path in ("", "/seatmap", "/availability", "/stream"):
        refused(await server.http.get(f"/v1/shows/{show_id}{path}"), 404, code)
    holds = f"/v1/shows/{show_id}/holds"
    refused(await server.http.post(holds, json={"seats": ["S-1-1"]}), 404, code)


async def test_a_load_is_a_job_that_ends(server: LocalServer) -> None:
    show_id = await server.show()
    headers = {**AUTH, "Content-Type": "text/csv; charset=utf-8"}
    taken = await server.http.post(f"/v1/shows/{show_id}/seats", content=grid(), headers=headers)
    assert taken.status_code == 202
    job_id = taken.json()["job_id"]
    assert taken.headers["location"] == f"/v1/jobs/{job_id}"
    job = await server.job(job_id)
    assert job == {
        "job_id": job_id,
        "show_id": show_id,
        "state": "done",
        "rows_read": 50,
        "seats_loaded": 50,
        "errors": [],
        "error_count": 0,
    }


@pytest.mark.parametrize("job_id", ["x", "a" * 26, "A" * 26, "..", "%24ne"])
async def test_a_job_that_is_not_there_is_not_found(server: LocalServer, job_id: str) -> None:
    answer = await server.http.get(f"/v1/jobs/{job_id}")
    refused(answer, 404, "not_found" if job_id == ".." else "job_not_found")


async def test_a_dry_run_loads_nothing_and_reports_the_same(server: LocalServer) -> None:
    show_id = await hall(server)
    headers = {**AUTH, "Content-Type": "text/csv"}
    csv = grid(1, 2) + "\nS,9,1,A\nS,9,2,Z"
    answer = await server.http.post(
        f"/v1/shows/{show_id}/seats?dry_run=true", content=csv, headers=headers
    )
    assert answer.status_code == 200
    report = answer.json()
    assert (report["rows_read"], report["seats_loadable"], report["error_count"]) == (4, 1, 3)
    assert [error["code"] for error in report["errors"]] == [
        "duplicate_seat",
        "duplicate_seat",
        "unknown_category",
    ]
    assert [error["row"] for error in report["errors"]] == [2, 3, 5]


async def test_the_same_key_makes_one_show(server: LocalServer) -> None:
    headers = {**AUTH, "Idempotency-Key": "show-once"}
    first, second = await asyncio.gather(
        *[server.http.post("/v1/shows", json=SHOW, headers=headers) for _ in "12"]
    )
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert sorted("idempotent-replayed" in answer.headers for answer in (first, second)) == [
        False,
        True,
    ]
    quoted = await server.http.post(
        "/v1/shows", json=SHOW, headers={**AUTH, "Idempotency-Key": '"show-once"'}
    )
    assert quoted.json() == first.json()
    other = await server.http.post("/v1/shows", json={**SHOW, "name": "Aida"}, headers=headers)
    refused(other, 422, "idempotency_key_reused")


async def test_the_same_key_makes_one_job(server: LocalServer) -> None:
    show_id = await server.show()
    headers = {**AUTH, "Content-Type": "text/csv", "Idempotency-Key": "load-once"}
    path = f"/v1/shows/{show_id}/seats"
    first = await server.http.post(path, content=grid(), headers=headers)
    again = await server.http.post(path, content=grid(), headers=headers)
    assert again.status_code == 202
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert (await server.job(first.json()["job_id"]))["seats_loaded"] == 50
    refused(
        await server.http.post(path, content=grid(2), headers=headers),
        422,
        "idempotency_key_reused",
    )
    elsewhere = await server.http.post(
        f"/v1/shows/{await server.show()}/seats", content=grid(), headers=headers
    )
    assert elsewhere.json()["job_id"] != first.json()["job_id"]


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "tab\tkey", "\xe9"])
async def test_a_key_that_cannot_be_one_is_refused(server: LocalServer, key: str) -> None:
    headers = {**AUTH, "Idempotency-Key": key.encode("latin-1")}
    refused(
        await server.http.post("/v1/shows", json=SHOW, headers=headers),
        422,
        "invalid_idempotency_key",
    )


async def test_operators_see_and_change_the_hosts(server: LocalServer) -> None:
    hosts = (await server.http.get("/v1/operator/hosts", headers=AUTH)).json()
    assert hosts["hosts"] == len(hosts["items"]) == 2
    for count in (3, 2):
        scaled = await server.http.put("/v1/operator/hosts", json={"hosts": count}, headers=AUTH)
        assert scaled.status_code == 200
        assert len(scaled.json()["items"]) == count
    for count in (0, -1, 257, 1.5, True, "2", None):
        answer = await server.http.put("/v1/operator/hosts", json={"hosts": count}, headers=AUTH)
        refused(answer, 422, "invalid_request")


async def test_the_process_is_alive_and_ready(server: LocalServer) -> None:
    assert (await server.http.get("/healthz")).json() == {"status": "ok"}
    ready = await server.http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "journal": "ok", "store": "ok", "hosts": "ok"}


async def test_an_address_that_is_none_and_a_method_that_is_none(server: LocalServer) -> None:
    for path in ("/v1", "/v1/nope", "/v1/shows/", "/v1/holds/", "/v1//shows"):
        refused(await server.http.get(path), 404, "not_found")
    for method, path, allowed in (
        ("PUT", "/v1/shows", "GET, POST"),
        ("POST", "/v1/holds/x", "DELETE, GET"),
        ("DELETE", "/healthz", "GET"),
    ):
        answer = await server.http.request(method, path)
        refused(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == allowed


async def test_every_code_has_a_page_that_its_type_points_to(server: LocalServer) -> None:
    problem = refused(await server.http.get("/v1/shows/sxx"), 404, "show_not_found")
    page = (await server.http.get(problem["type"])).json()
    assert page == {"code": "show_not_found", "status": 404, "title": problem["title"]}
    assert page in (await server.http.get("/problems")).json()
    refused(await server.http.get("/problems/none"), 404, "not_found")


async def test_the_openapi_document_is_valid_and_complete(
    server: LocalServer, published: Published
) -> None:
    document = (await server.http.get("/openapi.json")).json()
    validate(document)
    assert document == published.document
    paths = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert paths >= {
        ("post", "/v1/shows"),
        ("get", "/v1/shows"),
        ("get", "/v1/shows/{show_id}"),
        ("post", "/v1/shows/{show_id}/seats"),
        ("get", "/v1/jobs/{job_id}"),
        ("get", "/v1/shows/{show_id}/seatmap"),
        ("get", "/v1/shows/{show_id}/availability"),
        ("get", "/v1/shows/{show_id}/stream"),
        ("post", "/v1/shows/{show_id}/holds"),
        ("get", "/v1/holds/{hold_id}"),
        ("delete", "/v1/holds/{hold_id}"),
        ("post", "/v1/holds/{hold_id}/extend"),
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("get", "/v1/operator/hosts"),
        ("put", "/v1/operator/hosts"),
    }
    for path in (
        "/v1/shows",
        "/v1/shows/{show_id}/seats",
        "/v1/shows/{show_id}/holds",
        "/v1/holds/{hold_id}/extend",
    ):
        names = [parameter["name"] for parameter in document["paths"][path]["post"]["parameters"]]
        assert "Idempotency-Key" in names
