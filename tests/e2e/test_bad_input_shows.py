"""What an organizer may send that is wrong: shows that cannot be, files that are none, rows that cannot be seats."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from cluster.store.jobs import BODY_BYTES_MAX
from serve_app.bodies import JSON_BYTES_MAX
from tests.e2e.venue import Answer, current, grid, refused
from tests.local_server import AUTH, LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHOW: Answer = {
    "name": "Test",
    "venue": "Hall",
    "starts_at": "2030-01-01T20:00:00Z",
    "currency": "EUR",
    "prices": {"A": 100},
}
FLOOR = {"area": "Floor", "category": "A", "capacity": 10}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def show_id(server: LocalServer) -> str:
    """A show that never gets a seat."""
    return await server.show()


async def create(server: LocalServer, show: Any) -> httpx.Response:
    content = show if isinstance(show, bytes) else json.dumps(show).encode()
    return await server.http.post(
        "/v1/shows", content=content, headers={**AUTH, "Content-Type": "application/json"}
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": " "},
        {"name": "x" * 201},
        {"name": "a\r\nSet-Cookie: b"},
        {"name": "null\x00"},
        {"name": 7},
        {"name": None},
        {"venue": None},
        {"colour": "red"},
        {"show_id": "saaaaaaaaaaaa"},
        {"currency": "XXX"},
        {"currency": "eur"},
        {"currency": "\x00" * 100},
        {"currency": None},
        {"prices": {}},
        {"prices": []},
        {"prices": None},
        {"prices": {"": 1}},
        {"prices": {"A\x00": 1}},
        {"prices": {" A": 1}},
        {"prices": {"A\u202e": 1}},
        {"areas": [{**FLOOR, "area": " "}]},
        {"prices": {"A" * 65: 1}},
        {"prices": {f"c{n}": 1 for n in range(65)}},
        *({"prices": {"A": price}} for price in (1.5, 1.0, -1, True, "1", None, 10**8, 10**30, [1])),
        *({"starts_at": time} for time in ("2030-01-01", "2030-01-01T20:00:00", "soon", "", None, 1893456000)),
        *({"starts_at": time} for time in ("1893456000", "1893456000.5", "2030-02-30T00:00:00Z")),
        {"starts_at": "1969-01-01T00:00:00Z"},
        {"starts_at": "0001-01-01T00:00:00+14:00"},
        {"starts_at": "9999-12-31T23:59:59-14:00"},
        {"sale_opens_at": "2029-01-01T00:00:00"},
        {"sale_closes_at": 5},
        *({"time_zone": zone} for zone in ("Europe/Nowhere", "CEST", "../UTC", "localtime", "", None, 2, "Z" * 65)),
        {"sale_opens_at": "2029-01-02T00:00:00Z", "sale_closes_at": "2029-01-02T01:00:00+01:00"},
        *({"hold_seconds": seconds} for seconds in (0, -1, 3601, 1.5, 60.0, True, "60", 10**30)),
        *({"max_per_order": most} for most in (0, -1, 101, 2.5, True, "4", None)),
        {"areas": [{**FLOOR, "category": "Z"}]},
        {"areas": [FLOOR, FLOOR]},
        {"areas": [{**FLOOR, "colour": "red"}]},
        {"areas": [{"area": "Floor"}]},
        {"areas": FLOOR},
        {"areas": [{**FLOOR, "area": f"F{n}"} for n in range(101)]},
        {"areas": [{**FLOOR, "area": f"F{n}", "capacity": 100_000} for n in range(6)]},
        *({"areas": [{**FLOOR, "capacity": capacity}]} for capacity in (0, -1, 1.5, True, 100_001, 10**30, "5")),
    ],
    ids=lambda changes: str(changes)[:40],
)  # fmt: skip
async def test_a_show_that_cannot_be_is_refused(server: LocalServer, changes: Answer) -> None:
    problem = refused(await create(server, {**SHOW, **changes}), 422, "invalid_request")
    assert problem["errors"]
    assert all({"pointer", "detail"} == error.keys() for error in problem["errors"])


@pytest.mark.parametrize("field", list(SHOW))
async def test_a_field_that_is_missing_is_named(server: LocalServer, field: str) -> None:
    problem = refused(
        await create(server, {name: SHOW[name] for name in SHOW if name != field}),
        422,
        "invalid_request",
    )
    assert [error["pointer"] for error in problem["errors"]] == [f"/{field}"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b'{"name": "\xe9"}', b'{"name": "\\ud800"}', b"[" * 100_000, b'{"a":' * 40_000, b"\x00"],
    ids=range(8),
)  # fmt: skip
async def test_a_show_that_is_no_json_is_refused(server: LocalServer, content: bytes) -> None:
    refused(await create(server, content), 422, "invalid_json")


@pytest.mark.parametrize("content", [b"[]", b"null", b"1", b'"show"'])
async def test_a_show_that_is_no_object_is_refused(server: LocalServer, content: bytes) -> None:
    refused(await create(server, content), 422, "invalid_request")


async def test_a_show_of_another_media_type_or_size_is_refused(server: LocalServer) -> None:
    text = {**AUTH, "Content-Type": "text/plain"}
    refused(
        await server.http.post("/v1/shows", content=json.dumps(SHOW), headers=text),
        415,
        "unsupported_media_type",
    )
    refused(await create(server, {**SHOW, "name": "x" * JSON_BYTES_MAX}), 413, "payload_too_large")


async def test_the_extremes_of_a_show_are_taken(server: LocalServer) -> None:
    for changes in (
        {"starts_at": "9998-12-31T23:59:59+14:00", "prices": {"A": 99_999_999, "€ ½ price": 0}},
        {"starts_at": "1971-01-01T00:00:00-14:00", "hold_seconds": 3600, "max_per_order": 100},
        {"name": "Ж🎭e\u0301 <b>", "venue": "x" * 200, "hold_seconds": 1, "max_per_order": 1},
        {"areas": [{**FLOOR, "area": "a.b$c *>", "capacity": 1}]},
    ):
        created = await create(server, {**SHOW, **changes})
        assert created.status_code == 201, created.text
        assert (
            await server.http.get(f"/v1/shows/{created.json()['show_id']}")
        ).json() == created.json()
    assert (await server.http.get("/v1/shows?limit=100")).status_code == 200


async def load(
    server: LocalServer,
    show_id: str,
    content: bytes | str | AsyncIterator[bytes],
    media_type: str = "text/csv",
) -> httpx.Response:
    headers = {**AUTH, "Content-Type": media_type}
    return await server.http.post(f"/v1/shows/{show_id}/seats", content=content, headers=headers)


@pytest.mark.parametrize(
    ("media_type", "content", "code"),
    [
        ("text/csv", b"", "empty_file"),
        ("text/csv", b"\xef\xbb\xbf\r\n ", "empty_file"),
        ("text/csv", b"section,row,seat,category\n", "empty_file"),
        ("text/csv", b"section,row,seat\nS,1,1", "missing_column"),
        ("text/csv", b"section;row;seat;category\nS;1;1;A", "missing_column"),
        ("text/csv", b"section,row,seat,category,x\nS,1,1,A,1", "missing_column"),
        ("text/csv", b"section,row,seat,category,price\nS,1,1,A,1", "unknown_column"),
        ("text/csv", b"section,row,seat,category,seat\nS,1,1,A,1", "unknown_column"),
        (
            "text/csv",
            "section,row,seat,category\nParkett,1,1,Ermäßigt".encode("latin-1"),
            "invalid_encoding",
        ),
        ("text/csv", "section,row,seat,category\nS,1,1,A".encode("utf-16"), "invalid_encoding"),
        ("text/csv", b"PK\x03\x04" + bytes(range(256)), "invalid_encoding"),
        ("application/x-ndjson", b"\n\n", "empty_file"),
        ("application/json", b"{", "invalid_json"),
        ("application/json", b"[" * 200_000, "invalid_json"),
        ("application/json", b'{"zones": ' + b"9" * 10_000 + b"}", "invalid_json"),
        ("application/json", b"[]", "invalid_plan"),
        ("application/json", b"{}", "invalid_plan"),
        ("application/json", b'{"zones": 1}', "invalid_plan"),
        ("application/json", b'{"zones": [{"rows": [1]}]}', "invalid_plan"),
        ("application/json", b'{"zones": []}', "empty_file"),
        ("application/json", b"\xff", "invalid_encoding"),
    ],
    ids=range(21),
)
async def test_a_file_that_cannot_be_read_is_refused_at_once(
    server: LocalServer, show_id: str, media_type: str, content: bytes, code: str
) -> None:
    refused(await load(server, show_id, content, media_type), 422, code)


@pytest.mark.parametrize(
    "media_type",
    ["", "text/plain", "application/vnd.ms-excel", "text/csv-schema"],
)
async def test_a_file_of_another_kind_is_refused(
    server: LocalServer, show_id: str, media_type: str
) -> None:
    problem = refused(
        await load(server, show_id, grid(), media_type), 415, "unsupported_media_type"
    )
    assert "text/csv" in problem["detail"]


async def test_a_file_for_no_show_is_refused(server: LocalServer) -> None:
    for show_id in ("saaaaaaaaaaaa", "x", "%2e"):
        refused(await load(server, show_id, grid()), 404, "show_not_found")


async def test_a_file_over_the_limit_is_refused_with_and_without_a_length(
    server: LocalServer, show_id: str
) -> None:
    async def in_chunks() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 2**20 + 1):
            yield b"x" * 2**20

    refused(await load(server, show_id, b"x" * (BODY_BYTES_MAX + 1)), 413, "payload_too_large")
    refused(await load(server, show_id, in_chunks()), 413, "payload_too_large")


async def test_a_file_of_too_many_seats_is_refused(server: LocalServer, show_id: str) -> None:
    rows = "\n".join(f"S,{n},1,A" for n in range(200_001))
    refused(await load(server, show_id, "section,row,seat,category\n" + rows), 422, "too_many_rows")


async def test_bad_rows_are_reported_and_the_rest_is_loaded(server: LocalServer) -> None:
    show = await server.show(areas=[{"area": "Floor", "category": "B", "capacity": 2}])
    csv = "\n".join(
        [
            "category,seat,row,section",
            "A,1,1,S",
            "Z,2,1,S",  # 3: no price for it
            "A,1,1,S",  # 4: repeated
            "A,,1,S",  # 5: empty
            "A,1,1",  # 6: too few
            'A,"2,1,S',  # 7: an open quote
            f"A,{'9' * 17},1,S",  # 8: too long
            "A,3\x07,1,S",  # 9: rings a bell
            "",
            "A,3\u202e,1,S",  # 11: turns the text around
            "A,1,x,Floor",
            "A,2,1,S",
        ]
    )
    job = await server.load(show, csv)
    assert (job["state"], job["rows_read"], job["seats_loaded"], job["error_count"]) == (
        "done",
        11,
        3,
        8,
    )
    assert [(error["row"], error["code"]) for error in job["errors"]] == [
        (3, "unknown_category"),
        (4, "duplicate_seat"),
        (5, "empty_field"),
        (6, "invalid_row"),
        (7, "invalid_row"),
        (8, "field_too_long"),
        (9, "control_character"),
        (11, "control_character"),
    ]
    again = await server.load(show, "section,row,seat,category\nS,1,1,A\nS,1,3,A")
    assert [(error["row"], error["code"]) for error in again["errors"]] == [(2, "duplicate_seat")]
    assert list(await current(server, show)) == [
        "Floor-1",
        "Floor-2",
        "S-1-1",
        "S-1-2",
        "Floor-x-1",
        "S-1-3",
    ]


async def test_a_seat_may_not_take_the_id_of_a_unit(server: LocalServer) -> None:
    show = await server.show(areas=[{"area": "S-1", "category": "B", "capacity": 2}])
    job = await server.load(show, "section,row,seat,category\nS,1,2,A\nS,1,3,A")
    assert [(error["row"], error["code"]) for error in job["errors"]] == [(2, "duplicate_seat")]


async def test_plans_and_ndjson_are_loaded(server: LocalServer) -> None:
    show = await server.show()
    lines = [{"section": "N", "row": 1, "seat": n, "category": "A"} for n in (1, 2)]
    job = await load(
        server, show, "\n".join(map(json.dumps, [*lines, {"section": "N"}])), "application/x-ndjson"
    )
    report = await server.job(job.json()["job_id"])
    assert (report["seats_loaded"], report["error_count"]) == (2, 1)
    seats = [{"seat_number": str(n), "seat_guid": f"g{n}", "category": "B"} for n in (1, 2, 2)]
    plan = {"zones": [{"name": "P", "rows": [{"row_number": "7", "seats": seats}]}]}
    job = await load(server, show, json.dumps(plan), "application/json")
    report = await server.job(job.json()["job_id"])
    assert (report["seats_loaded"], [error["code"] for error in report["errors"]]) == (
        2,
        ["duplicate_seat"],
    )
    assert list(await current(server, show)) == ["N-1-1", "N-1-2", "P-7-1", "P-7-2"]
