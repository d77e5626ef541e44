"""Holds over HTTP as a buyer meets them: shapes, lives, all-or-nothing, keys, races."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.e2e.venue import (
    Answer,
    audit,
    csv_of,
    current,
    grid,
    hall,
    held,
    hold,
    refused,
    standing,
    until,
)
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECTIONS = csv_of(
    *(
        (section, "1", range(1, 11), category)
        for section, category in (("L", "A"), ("M", "B"), ("R", "A"))
    )
)


def deadline(answer: Answer) -> datetime:
    return datetime.fromisoformat(answer["expires_at"])


async def test_a_hold_is_answered_in_full_and_found_again(server: LocalServer) -> None:
    show_id = await hall(server, SECTIONS, hold_seconds=300)
    before = datetime.now(UTC)
    answer = await hold(server, show_id, "R-1-2", "M-1-1", "M-1-10")
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["location"] == f"/v1/holds/{body['hold_id']}"
    assert (body["show_id"], body["amount"], body["currency"]) == (show_id, 11000, "EUR")
    assert sorted(body["seats"]) == ["M-1-1", "M-1-10", "R-1-2"]
    assert (body["state"], body["extended"]) == ("held", False)
    assert 298 <= (deadline(body) - before).total_seconds() <= 310
    assert body["expires_at"].endswith("Z")
    assert (await server.http.get(answer.headers["location"])).json() == body


async def test_all_or_nothing_over_sections(server: LocalServer) -> None:
    show_id = await hall(server, SECTIONS)
    first = await held(server, show_id, "M-1-5")
    for key in (None, "all-or-nothing", *[None] * 30):  # what it took itself must never be named
        answer = await hold(server, show_id, "L-1-1", "M-1-4", "M-1-5", "R-1-1", key=key)
        problem = refused(answer, 409, "seats_unavailable")
        assert problem["conflicts"] == [{"seat": "M-1-5", "reason": "held"}]
    seen = await current(server, show_id)
    assert [seat for seat, status in seen.items() if status != "available"] == first["seats"]
    assert await audit(server.runtime, show_id) == seen


async def test_every_seat_that_cannot_be_had_is_named_with_its_reason(server: LocalServer) -> None:
    show_id = await hall(server, SECTIONS)
    await held(server, show_id, "L-1-1", "M-1-1")
    answer = await hold(server, show_id, "L-1-1", "L-1-2", "M-1-1", "nowhere")
    conflicts = refused(answer, 409, "seats_unavailable")["conflicts"]
    assert sorted((one["seat"], one["reason"]) for one in conflicts) == [
        ("L-1-1", "held"),
        ("M-1-1", "held"),
        ("nowhere", "unknown"),
    ]
    known = refused(
        await hold(server, show_id, "L-1-1", "L-1-2", "M-1-1"), 409, "seats_unavailable"
    )["conflicts"]
    assert sorted(one["seat"] for one in known) == ["L-1-1", "M-1-1"]


async def test_a_hold_that_is_given_back_is_gone_and_its_seats_are_free(
    server: LocalServer,
) -> None:
    show_id = await hall(server, SECTIONS)
    hold_id = (await held(server, show_id, "L-1-1", "R-1-1"))["hold_id"]
    for _ in range(2):  # a retry is answered alike
        assert (await server.http.delete(f"/v1/holds/{hold_id}")).status_code == 204
    refused(await server.http.get(f"/v1/holds/{hold_id}"), 404, "hold_not_found")
    refused(await server.http.post(f"/v1/holds/{hold_id}/extend"), 404, "hold_not_found")
    await held(server, show_id, "L-1-1", "R-1-1")


async def test_a_hold_ends_at_its_deadline_without_any_service(server: LocalServer) -> None:
    show_id = await hall(
        server, SECTIONS, hold_seconds=1, areas=[{"area": "Floor", "category": "B", "capacity": 2}]
    )
    seats = [f"{section}-1-{n}" for section in "LMR" for n in range(1, 11)]
    holds = [await held(server, show_id, *seats[first : first + 10]) for first in (0, 10, 20)]
    floor = await held(server, show_id, areas=[{"area": "Floor", "quantity": 2}])
    await asyncio.sleep(max(0.0, (deadline(floor) - datetime.now(UTC)).total_seconds()) + 0.05)
    for one in (*holds, floor):
        refused(await server.http.get(f"/v1/holds/{one['hold_id']}"), 410, "hold_expired")
        refused(await server.http.delete(f"/v1/holds/{one['hold_id']}"), 410, "hold_expired")
        refused(await server.http.post(f"/v1/holds/{one['hold_id']}/extend"), 410, "hold_expired")
    # Nobody has announced anything: the seats still look held, and can be had in every way.
    assert Counter((await current(server, show_id)).values())["held"] == 32
    await held(server, show_id, "L-1-5", "R-1-5")
    eight = await held(server, show_id, best_available={"quantity": 8, "category": "B"})
    assert len(eight["seats"]) == 8
    assert (await held(server, show_id, areas=[{"area": "Floor", "quantity": 2}]))[
        "seats"
    ] == floor["seats"]
    last = await hold(server, show_id, best_available={"quantity": 3, "section": "M"})
    assert last.status_code == 409 or deadline(eight) < datetime.now(UTC)


async def test_a_hold_is_extended_once(server: LocalServer) -> None:
    show_id = await hall(server, SECTIONS, hold_seconds=60)
    first = await held(server, show_id, "L-1-1", "M-1-1")
    path = f"/v1/holds/{first['hold_id']}/extend"
    extended = await server.http.post(path, headers={"Idempotency-Key": "more"})
    assert extended.status_code == 200
    assert "idempotent-replayed" not in extended.headers
    assert (deadline(extended.json()) - deadline(first)).total_seconds() == 60
    assert extended.json() == {
        **first,
        "expires_at": extended.json()["expires_at"],
        "extended": True,
    }
    again = await server.http.post(path, headers={"Idempotency-Key": "more"})
    assert (again.status_code, again.json()) == (200, extended.json())
    assert again.headers["idempotent-replayed"] == "true"
    refused(await server.http.post(path), 409, "already_extended")
    refused(
        await server.http.post(path, headers={"Idempotency-Key": "other"}), 409, "already_extended"
    )
    refused(
        await server.http.post(path, headers={"Idempotency-Key": ""}),
        422,
        "invalid_idempotency_key",
    )
    assert (await server.http.get(f"/v1/holds/{first['hold_id']}")).json() == extended.json()


async def test_an_extension_ends_thirty_minutes_after_the_beginning(server: LocalServer) -> None:
    show_id = await hall(server, SECTIONS, hold_seconds=1200)
    before = datetime.now(UTC)
    first = await held(server, show_id, "L-1-1", "R-1-1")
    extended = (await server.http.post(f"/v1/holds/{first['hold_id']}/extend")).json()
    whole = (deadline(extended) - before).total_seconds()
    assert 1799 <= whole <= 1800 + (datetime.now(UTC) - before).total_seconds()
    longest = await held(server, await hall(server, hold_seconds=3600), "S-1-1")
    kept = (await server.http.post(f"/v1/holds/{longest['hold_id']}/extend")).json()
    assert kept["expires_at"] == longest["expires_at"]  # an extension never shortens


async def test_amounts_are_the_prices_of_the_seats(server: LocalServer) -> None:
    show_id = await hall(
        server,
        csv_of(("S", "1", [1, 2], "free"), ("S", "2", [1, 2], "dear")),
        prices={"free": 0, "dear": 99_999_999},
        areas=[{"area": "Floor", "category": "dear", "capacity": 5}],
        currency="KWD",
    )
    answer = await held(server, show_id, "S-1-1", "S-2-1", "S-2-2", "Floor-2")
    assert (answer["amount"], answer["currency"]) == (3 * 99_999_999, "KWD")
    assert (await held(server, show_id, "S-1-2"))["amount"] == 0


async def test_of_many_buyers_of_one_seat_exactly_one_gets_it(server: LocalServer) -> None:
    show_id = await hall(server)
    answers = await asyncio.gather(*[hold(server, show_id, "S-1-1") for _ in range(200)])
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 199}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["conflicts"] == [{"seat": "S-1-1", "reason": "held"}]
    winner = next(answer.json()["hold_id"] for answer in answers if answer.status_code == 201)
    assert await standing(server.runtime, show_id) == {winner}


async def test_many_buyers_of_crossing_seats_never_share_one(server: LocalServer) -> None:
    show_id = await hall(server, SECTIONS)
    wishes = [
        [f"{a}-1-{n % 10 + 1}", f"{b}-1-{n * 3 % 10 + 1}"]
        for n in range(20)
        for a, b in ("LM", "MR", "RL")
    ]
    answers = await asyncio.gather(*[hold(server, show_id, *wish) for wish in wishes])
    assert {answer.status_code for answer in answers} <= {201, 409}
    granted = [answer.json() for answer in answers if answer.status_code == 201]
    assert granted
    sold = [seat for one in granted for seat in one["seats"]]
    assert len(sold) == len(set(sold))
    seen = await current(server, show_id)
    assert sorted(seat for seat, status in seen.items() if status == "held") == sorted(sold)
    assert await audit(server.runtime, show_id) == seen
    assert await standing(server.runtime, show_id) == {one["hold_id"] for one in granted}


async def test_the_same_key_is_one_hold_whenever_it_comes(server: LocalServer) -> None:
    show_id = await hall(server, SECTIONS)
    answers = await asyncio.gather(
        *[hold(server, show_id, "L-1-1", "R-1-1", key="twins") for _ in range(8)]
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
    late = await hold(server, show_id, "L-1-1", "R-1-1", key="twins")
    assert late.headers["idempotent-replayed"] == "true"
    assert late.text == answers[0].text
    spaced = b'{ "seats" : ["L-1-1", "R-1-1"] }'
    path = f"/v1/shows/{show_id}/holds"
    same = await server.http.post(path, content=spaced, headers={"Idempotency-Key": "twins"})
    assert same.text == late.text
    assert await standing(server.runtime, show_id) == {late.json()["hold_id"]}
    assert await audit(server.runtime, show_id) == await current(server, show_id)


async def test_a_key_that_was_used_is_refused_with_any_other_body(server: LocalServer) -> None:
    show_id = await hall(
        server, SECTIONS, areas=[{"area": "Floor", "category": "B", "capacity": 5}]
    )
    hold_id = (await held(server, show_id, "L-1-1", key="used"))["hold_id"]

    async def others_are_refused() -> None:
        for body in (
            {"seats": ["L-1-2"]},
            {"seats": ["M-1-1"]},
            {"seats": ["L-1-1", "R-1-1"]},
            {"seats": ["nowhere"]},
            {"best_available": {"quantity": 1}},
            {"best_available": {"quantity": 9, "section": "none"}},
            {"areas": [{"area": "Floor", "quantity": 1}]},
        ):
            refused(await hold(server, show_id, key="used", **body), 422, "idempotency_key_reused")

    await others_are_refused()
    seen = await current(server, show_id)
    assert [seat for seat, status in seen.items() if status == "held"] == ["L-1-1"]
    assert (await server.http.delete(f"/v1/holds/{hold_id}")).status_code == 204
    await others_are_refused()
    again = await hold(server, show_id, "L-1-1", key="used")
    assert (again.status_code, again.json()["hold_id"]) == (201, hold_id)
    assert again.headers["idempotent-replayed"] == "true"
    assert set((await current(server, show_id)).values()) == {"available"}
    assert await audit(server.runtime, show_id) == await current(server, show_id)


async def test_a_key_is_remembered_after_its_hold_expired(server: LocalServer) -> None:
    show_id = await hall(server, SECTIONS, hold_seconds=1)
    wish = {"best_available": {"quantity": 3}}
    first = await held(server, show_id, key="late", **wish)
    await until(lambda: _gone(server, first["hold_id"]), "the hold expires")
    again = await hold(server, show_id, key="late", **wish)
    assert (again.status_code, again.json()) == (201, first)
    assert again.headers["idempotent-replayed"] == "true"
    refused(
        await hold(server, show_id, key="late", best_available={"quantity": 2}),
        422,
        "idempotency_key_reused",
    )
    await held(server, show_id, *first["seats"])


async def _gone(server: LocalServer, hold_id: str) -> bool:
    return (await server.http.get(f"/v1/holds/{hold_id}")).status_code == 410


async def test_a_refusal_does_not_use_a_key_up(server: LocalServer) -> None:
    show_id = await hall(server, SECTIONS)
    hold_id = (await held(server, show_id, "L-1-1"))["hold_id"]
    refused(await hold(server, show_id, "L-1-1", "M-1-1", key="again"), 409, "seats_unavailable")
    await server.http.delete(f"/v1/holds/{hold_id}")
    answer = await hold(server, show_id, "L-1-1", "M-1-1", key="again")
    assert answer.status_code == 201
    assert "idempotent-replayed" not in answer.headers


async def test_keys_of_two_shows_are_two_keys(server: LocalServer) -> None:
    shows = [await hall(server, grid(1, 3)) for _ in range(2)]
    holds = [await held(server, show_id, "S-1-1", key="same") for show_id in shows]
    assert holds[0]["hold_id"] != holds[1]["hold_id"]


async def test_seats_can_be_held_as_soon_as_the_job_is_done(server: LocalServer) -> None:
    for _ in range(10):
        show_id = await server.show()
        await server.http.get(
            f"/v1/shows/{show_id}/availability"
        )  # a view exists before the seats do
        await server.load(show_id, grid(1, 4))
        one, best = await asyncio.gather(
            hold(server, show_id, "S-1-1"), hold(server, show_id, best_available={"quantity": 2})
        )
        assert (one.status_code, best.status_code) == (201, 201), (one.text, best.text)


async def test_a_hold_id_that_was_made_up_wakes_no_actor(server: LocalServer) -> None:
    show_id = await server.show()
    calls = server.transport.calls
    for made_up in (
        f"{show_id}-999999-{'a' * 26}",
        f"s{'a' * 12}-0-{'a' * 26}",
        f"{show_id}-99-{'b' * 26}",
    ):
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/extend")):
            answer = await server.http.request(method, f"/v1/holds/{made_up}{path}")
            refused(answer, 404, "hold_not_found")
    assert server.transport.calls == calls
