"""What a buyer may send that is wrong, and the code that each mistake gets. Nothing is ever held by a refusal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from serve_app.bodies import JSON_BYTES_MAX
from tests.e2e.venue import Answer, csv_of, current, grid, hall, held, hold, refused
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def show_once(server: LocalServer) -> str:
    """A show whose seats nobody in this module holds."""
    return await hall(server, grid())


JSON = {"Content-Type": "application/json"}

WEIRD_NAMES = (
    "14 B",
    "1,5",
    "a-b-c",
    "50%",
    "a/b",
    "..",
    "%2e%2e%2f",
    "e\u0301",  # e and a combining accent: not the same seat as the composed one
    "\u00e9",
    "座席",
    "🎭",
    "👩‍👧",
    "<script>",
    '"quoted"',
    "'; drop",
    "{}",
    "$where",
    "\\n",
)


async def post(
    server: LocalServer, show_id: str, content: bytes | AsyncIterator[bytes], **headers: str
) -> httpx.Response:
    return await server.http.post(
        f"/v1/shows/{show_id}/holds", content=content, headers={**JSON, **headers}
    )


BAD_BODIES: list[Any] = [
    {},
    None,
    [],
    "seats",
    1,
    {"seats": []},
    {"seats": None},
    {"seats": "S-1-1"},
    {"seats": [1]},
    {"seats": [None]},
    {"seats": [""]},
    {"seats": ["x" * 201]},
    {"seats": [["S-1-1"]]},
    {"seats": ["S-1-1"], "email": "a@b"},
    {"seats": ["S-1-1"], "best_available": {"quantity": 1}},
    {"seats": ["S-1-1"], "areas": [{"area": "Floor", "quantity": 1}]},
    {"areas": []},
    {"areas": [{"area": "Floor", "quantity": 1}] * 2},
    {"areas": [{"area": "Floor"}]},
    {"areas": [{"quantity": 1}]},
    {"areas": {"Floor": 1}},
    {"best_available": {}},
    {"best_available": 2},
    {"best_available": {"quantity": 1, "row": "1"}},
    {"best_available": {"quantity": 1, "category": 7}},
    {"Seats": ["S-1-1"]},
    *(
        {"best_available": {"quantity": quantity}}
        for quantity in (0, -1, 1.5, 2.0, True, "2", None)
    ),
    *(
        {"areas": [{"area": "Floor", "quantity": quantity}]}
        for quantity in (0, -1, 1.5, True, "2", None)
    ),
]


async def test_a_body_that_is_no_request_is_refused(server: LocalServer) -> None:
    show_id = await hall(server, areas=[{"area": "Floor", "category": "B", "capacity": 5}])
    for body in BAD_BODIES:
        answer = await post(server, show_id, json.dumps(body).encode())
        refused(answer, 422, "invalid_request")
    assert set((await current(server, show_id)).values()) == {"available"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"seats=S-1-1",
        b'{"seats": ["S-1-1"]} trailing',
        b"\xff\xfe{}",
        b'{"seats": ["S-1-\xe9"]}',
        b'{"seats": ["\\ud800"]}',
        b"NaN",
        b'{"best_available": {"quantity": 1x}}',
        b'{"best_available": {"quantity": NaN}}',
        b"\xef\xbb\xbf{}",
        b"\x00",
        b'{"seats": ["S-1-1\x00"]}',
    ],
)
async def test_what_is_no_json_is_refused(
    server: LocalServer, show_once: str, content: bytes
) -> None:
    refused(await post(server, show_once, content), 422, "invalid_json")


async def test_deep_nesting_is_only_a_bad_request(server: LocalServer, show_once: str) -> None:
    for content in (
        b"[" * 100_000,
        b'{"seats":' * 20_000,
        b'{"seats":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ):
        answer = await post(server, show_once, content)
        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] in ("invalid_request", "invalid_json")


async def test_a_body_over_its_limit_is_refused_with_and_without_a_length(
    server: LocalServer, show_once: str
) -> None:
    large = b'{"seats": ["' + b"x" * JSON_BYTES_MAX + b'"]}'

    async def in_chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 10_000):
            yield large[start : start + 10_000]

    refused(await post(server, show_once, large), 413, "payload_too_large")
    refused(await post(server, show_once, in_chunks()), 413, "payload_too_large")
    refused(await post(server, show_once, b" " * 3_000_000), 413, "payload_too_large")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "json"])
async def test_another_media_type_is_refused(
    server: LocalServer, show_once: str, media_type: str
) -> None:
    answer = await post(
        server, show_once, b'{"best_available": {"quantity": 1}}', **{"Content-Type": media_type}
    )
    refused(answer, 415, "unsupported_media_type")


async def test_json_may_name_its_charset_or_nothing(server: LocalServer) -> None:
    show_id = await hall(server)
    for number, media_type in enumerate(
        ("application/json; charset=utf-8", "APPLICATION/JSON", "")
    ):
        body = {"seats": [f"S-1-{number + 1}"]}
        answer = await post(
            server, show_id, json.dumps(body).encode(), **{"Content-Type": media_type}
        )
        assert answer.status_code == 201


async def test_a_seat_asked_for_twice_is_refused(server: LocalServer, show_once: str) -> None:
    problem = refused(
        await hold(server, show_once, "S-1-1", "S-1-2", "S-1-1"), 422, "duplicate_seats"
    )
    assert "S-1-1" in problem["detail"]


async def test_more_than_one_order_may_have_is_refused_whatever_is_asked_for(
    server: LocalServer,
) -> None:
    show_id = await hall(
        server, max_per_order=2, areas=[{"area": "Floor", "category": "B", "capacity": 9}]
    )
    asked: list[Answer] = [
        {"seats": ["S-1-1", "S-1-2", "S-1-3"]},
        {"seats": [f"no-such-{n}" for n in range(10_000)]},
        {"best_available": {"quantity": 3}},
        {"best_available": {"quantity": 2**63 - 1}},
        {"best_available": {"quantity": 10**30}},
        {"areas": [{"area": "Floor", "quantity": 3}]},
        {"areas": [{"area": "Floor", "quantity": 2**62}]},
    ]
    for body in asked:
        problem = refused(await hold(server, show_id, **body), 422, "too_many_seats")
        assert "2" in problem["detail"]
    assert set((await current(server, show_id)).values()) == {"available"}
    assert len((await held(server, show_id, "S-1-1", "S-1-2"))["seats"]) == 2


async def test_seats_that_do_not_exist_are_named(server: LocalServer, show_once: str) -> None:
    strange = ["S-1-99", "nowhere", "S-1-1 ", "s-1-1", "S\x00-1-1", "S-1-1\n", "\uff33-1-1"]
    problem = refused(await hold(server, show_once, *strange), 409, "seats_unavailable")
    assert problem["conflicts"] == [{"seat": seat, "reason": "unknown"} for seat in strange]
    mixed = refused(await hold(server, show_once, "S-2-1", "nowhere"), 409, "seats_unavailable")
    assert mixed["conflicts"] == [{"seat": "nowhere", "reason": "unknown"}]


async def test_areas_categories_and_sections_that_do_not_exist(
    server: LocalServer, show_once: str
) -> None:
    answer = await hold(server, show_once, areas=[{"area": "Moon", "quantity": 1}])
    assert refused(answer, 409, "seats_unavailable")["conflicts"] == [
        {"seat": "Moon", "reason": "unknown"}
    ]
    for wish in ({"category": "Z"}, {"section": "Z"}, {"section": "S", "category": "B"}):
        refused(
            await hold(server, show_once, best_available={"quantity": 1, **wish}),
            409,
            "no_adjacent_seats",
        )


async def test_a_sale_that_has_not_begun_or_is_over(server: LocalServer) -> None:
    now = datetime.now(UTC)
    for window in (
        {"sale_opens_at": (now + timedelta(days=1)).isoformat()},
        {"sale_closes_at": (now - timedelta(days=1)).isoformat()},
    ):
        show_id = await hall(
            server, areas=[{"area": "Floor", "category": "B", "capacity": 5}], **window
        )
        for body in (
            {"seats": ["S-1-1"]},
            {"best_available": {"quantity": 2}},
            {"areas": [{"area": "Floor", "quantity": 1}]},
        ):
            for key in (None, f"window-{show_id}-{body}"):
                refused(await hold(server, show_id, key=key, **body), 403, "sale_not_open")
        assert set((await current(server, show_id)).values()) == {"available"}


async def test_a_sale_opens_by_itself(server: LocalServer) -> None:
    opens = datetime.now(UTC) + timedelta(seconds=1)
    show_id = await hall(server, sale_opens_at=opens.isoformat())
    while (answer := await hold(server, show_id, "S-1-1")).status_code == 403:
        assert datetime.now(UTC) < opens + timedelta(seconds=20)
    assert answer.status_code == 201
    assert datetime.now(UTC) >= opens


async def test_any_name_can_be_sold(server: LocalServer) -> None:
    quoted = ['"' + name.replace('"', '""') + '"' for name in WEIRD_NAMES]
    csv = "section,row,seat,category\n" + "\n".join(f"{name},{name},{name},A" for name in quoted)
    show_id = await hall(server, csv, max_per_order=100)
    seats = [f"{name}-{name}-{name}" for name in WEIRD_NAMES]
    assert list(await current(server, show_id)) == seats
    for seat in seats[:6]:
        hold_id = (await held(server, show_id, seat))["hold_id"]
        assert (await server.http.get(f"/v1/holds/{hold_id}")).json()["seats"] == [seat]
    rest = await held(server, show_id, *seats[6:])
    assert sorted(rest["seats"]) == sorted(seats[6:])
    problem = refused(await hold(server, show_id, "🎭-🎭-🎭"), 409, "seats_unavailable")
    assert problem["conflicts"] == [{"seat": "🎭-🎭-🎭", "reason": "held"}]


async def test_ids_that_read_alike_are_one_seat_and_composed_letters_are_another(
    server: LocalServer,
) -> None:
    show_id = await server.show()
    job = await server.load(
        show_id,
        csv_of(
            ("a-b", "c", [1], "A"),
            ("a", "b-c", [1], "A"),
            ("é", "1", [1], "A"),
            ("e\u0301", "1", [1], "A"),
        ),
    )
    assert job["seats_loaded"] == 3
    assert [(error["row"], error["code"]) for error in job["errors"]] == [(3, "duplicate_seat")]


@pytest.mark.parametrize(
    "hold_id",
    [
        "x",
        "..",
        "%2e%2e",
        f"saaaaaaaaaaaa-0-{'a' * 26}",
        f"saaaaaaaaaaaa-999999-{'a' * 26}",
        f"saaaaaaaaaaaa-01-{'a' * 26}",
        f"saaaaaaaaaaaa-0-{'A' * 26}",
        f"saaaaaaaaaaaa-0-{'a' * 26}%0a",
        "a" * 3000,
        "%00",
        "🎭",
        "a%0d%0aSet-Cookie:%20a=b",
    ],
)
async def test_a_hold_that_is_not_there_is_not_found(server: LocalServer, hold_id: str) -> None:
    code = "not_found" if hold_id == ".." else "hold_not_found"
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/extend")):
        answer = await server.http.request(method, f"/v1/holds/{hold_id}{path}")
        refused(answer, 404, code)
        assert "set-cookie" not in answer.headers


async def test_names_never_reach_a_header(server: LocalServer) -> None:
    strange = "a\r\nSet-Cookie: a=b"
    headers = {"Last-Event-ID": "1; x", "Idempotency-Key": "a b", "If-None-Match": '"' + "x" * 2000}
    show_id = await hall(server)
    answer = await server.http.post(
        f"/v1/shows/{show_id}/holds", json={"seats": [strange]}, headers=headers
    )
    refused(answer, 409, "seats_unavailable")
    assert "set-cookie" not in answer.headers
    missing = await server.http.get("/v1/shows/%0d%0aSet-Cookie:%20a=b")
    refused(missing, 404, "show_not_found")
    assert "set-cookie" not in missing.headers
    assert missing.json()["instance"].isascii()
