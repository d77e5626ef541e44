"""The door: a code lets one person in, once, and everything else is refused with a reason."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from actors.domain.identity import show_id_of
from cluster.embedded.nats import NatsServer
from cluster.embedded.process import free_port
from cluster.store.admissions import Admission
from cluster.ticketing.codes import TicketClaim, TicketKeys, ticket_id_of
from tests.e2e.venue import refused
from tests.local_server import ADMIN_KEY, AUTH, LocalServer, local_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCANNER = {"Authorization": "Bearer test-scanner-key"}


async def issued(server: LocalServer, count: int = 1) -> list[Admission]:
    """Tickets of an order of their own, as the fulfilment issues them."""
    order_id, show_id = secrets.token_hex(16), show_id_of(secrets.token_bytes(8))
    admissions = [
        Admission(ticket_id_of(order_id, 3, n), order_id, show_id, 3, n, f"Süd-A-{n}", "Süd")
        for n in range(count)
    ]
    await server.runtime.admissions.issue(admissions)
    return admissions


def code_of(server: LocalServer, ticket: Admission) -> str:
    return server.runtime.ticket_keys.sign(TicketClaim(ticket.ticket_id, ticket.show_id))


async def scan(
    server: LocalServer, code: object, *, key: str | None = None, **headers: str
) -> httpx.Response:
    named = {} if key is None else {"Idempotency-Key": key}
    return await server.http.post(
        "/v1/check-ins", json={"code": code}, headers={**AUTH, **named, **headers}
    )


async def test_a_ticket_lets_its_holder_in_once(server: LocalServer) -> None:
    (ticket,) = await issued(server)
    before = time.time()
    answer = await scan(server, code_of(server, ticket))
    assert answer.status_code == 200, answer.text
    entered: dict[str, Any] = answer.json()
    at = entered.pop("checked_in_at")
    assert before - 1 < datetime.fromisoformat(at).timestamp() < time.time() + 1
    assert entered == {
        "ticket_id": ticket.ticket_id,
        "seat": "Süd-A-0",
        "show_id": ticket.show_id,
        "category": "Süd",
    }
    assert "idempotent-replayed" not in answer.headers
    problem = refused(await scan(server, code_of(server, ticket)), 409, "already_checked_in")
    assert problem["checked_in_at"] == at
    assert at in problem["detail"]


async def test_a_scanner_that_lost_the_answer_asks_again_with_its_key(server: LocalServer) -> None:
    (ticket,) = await issued(server)
    key = secrets.token_hex(8)
    first = await scan(server, code_of(server, ticket), key=key)
    again = await scan(server, code_of(server, ticket), key=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    refused(await scan(server, code_of(server, ticket), key=key + "2"), 409, "already_checked_in")


async def test_a_key_lets_in_no_second_ticket(server: LocalServer) -> None:
    one, other = await issued(server, 2)
    key = secrets.token_hex(8)
    assert (await scan(server, code_of(server, one), key=key)).status_code == 200
    refused(await scan(server, code_of(server, other), key=key), 422, "idempotency_key_reused")
    assert (await scan(server, code_of(server, other))).status_code == 200


async def test_of_two_doors_at_the_same_moment_one_lets_in(server: LocalServer) -> None:
    for ticket in await issued(server, 10):
        code = code_of(server, ticket)
        keys = [f"{ticket.ticket_id}-door-{n}" for n in range(2)]
        answers = await asyncio.gather(*[scan(server, code, key=key) for key in keys])
        assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_void_ticket_is_refused_and_says_why(server: LocalServer) -> None:
    (ticket,) = await issued(server)
    await server.runtime.admissions.void([ticket.ticket_id], "refunded")
    problem = refused(await scan(server, code_of(server, ticket)), 422, "invalid_code")
    assert problem["detail"] == "the ticket is void: refunded"


async def test_a_ticket_that_was_made_void_without_a_word_is_void_and_not_unknown(
    server: LocalServer,
) -> None:
    (ticket,) = await issued(server)
    await server.runtime.admissions.void([ticket.ticket_id], "")
    problem = refused(await scan(server, code_of(server, ticket)), 422, "invalid_code")
    assert problem["detail"] == "the ticket is void"


async def test_a_code_for_a_ticket_that_was_not_issued_is_refused(server: LocalServer) -> None:
    (ticket,) = await issued(server)
    claims = [
        TicketClaim(ticket_id_of("nobody", 0, 0), ticket.show_id),
        TicketClaim(ticket.ticket_id, "saaaaaaaaaaaa"),
    ]
    for claim in claims:
        answer = await scan(server, server.runtime.ticket_keys.sign(claim))
        assert refused(answer, 422, "invalid_code")["detail"] == "no such ticket was issued"
    assert (await scan(server, code_of(server, ticket))).status_code == 200


async def test_a_code_that_was_not_signed_here_is_refused(server: LocalServer) -> None:
    (ticket,) = await issued(server)
    code = code_of(server, ticket)
    theirs = TicketKeys.parse(TicketKeys.generate("ZZ"))
    forged = theirs.sign(TicketClaim(ticket.ticket_id, ticket.show_id))
    odd = ["", " ", code.lower(), code[:-1], f"{code} ", forged, "ä" * 151, "\0", "A" * 200_000]
    for text in odd:
        answer = await scan(server, text)
        detail = refused(answer, 422, "invalid_code")["detail"]
        assert detail == "the code is not of a ticket from here"
    assert (await scan(server, code)).status_code == 200


@pytest.mark.parametrize(
    "body",
    ["{}", '{"code": 7}', '{"code": null}', '{"code": "A", "seat": "B"}', '["A"]', '"A"'],
)
async def test_a_body_that_is_none_is_refused(server: LocalServer, body: str) -> None:
    headers = {**AUTH, "Content-Type": "application/json"}
    answer = await server.http.post("/v1/check-ins", content=body, headers=headers)
    refused(answer, 422, "invalid_request")


async def test_a_lone_surrogate_in_a_code_is_refused(server: LocalServer) -> None:
    headers = {**AUTH, "Content-Type": "application/json"}
    answer = await server.http.post("/v1/check-ins", content='{"code": "\\ud800"}', headers=headers)
    assert answer.status_code == 422


async def test_an_idempotency_key_that_cannot_be_used_is_refused(server: LocalServer) -> None:
    (ticket,) = await issued(server)
    answer = await scan(server, code_of(server, ticket), key="k" * 300)
    refused(answer, 422, "invalid_idempotency_key")
    assert (await scan(server, code_of(server, ticket))).status_code == 200


async def test_only_scanners_check_in(server: LocalServer) -> None:
    (ticket,) = await issued(server)
    body = {"code": code_of(server, ticket)}
    refused(await server.http.post("/v1/check-ins", json=body), 401, "unauthenticated")
    for authorization in ("Bearer", "Basic YTpi", ADMIN_KEY):
        headers = {"Authorization": authorization}
        answer = await server.http.post("/v1/check-ins", json=body, headers=headers)
        refused(answer, 401, "unauthenticated")
    for key in ("nobody", f"{ADMIN_KEY}x", "test-scanner-key"):
        headers = {"Authorization": f"Bearer {key}"}
        answer = await server.http.post("/v1/check-ins", json=body, headers=headers)
        refused(answer, 403, "forbidden")
    assert (await scan(server, body["code"])).status_code == 200


async def test_a_scanners_key_opens_the_door_and_nothing_else(
    nats_server: NatsServer, mongodb_url: str
) -> None:
    key = SecretStr("test-scanner-key")
    async with local_server(
        nats_server.url, mongodb_url, mongodb_database="e2e_scanner", scanner_key=key
    ) as server:
        (ticket,) = await issued(server)
        code = code_of(server, ticket)
        assert (await scan(server, code, **SCANNER)).status_code == 200
        refused(await scan(server, code), 409, "already_checked_in")
        answer = await server.http.post("/v1/shows", json={}, headers=SCANNER)
        refused(answer, 403, "forbidden")


async def test_without_mongodb_nobody_is_let_in_and_the_answer_says_when_to_try_again(
    nats_server: NatsServer, mongodb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with local_server(
        nats_server.url, mongodb_url, mongodb_database="e2e_scanner_down"
    ) as server:
        (ticket,) = await issued(server)
        down = type(server.runtime.database)(
            f"mongodb://127.0.0.1:{free_port()}/?directConnection=true", "down"
        )
        working = server.runtime.admissions._admissions
        monkeypatch.setattr(server.runtime.admissions, "_admissions", down.collection("admissions"))
        problem = await scan(server, code_of(server, ticket))
        refused(problem, 503, "unavailable")
        assert int(problem.headers["retry-after"]) >= 1
        monkeypatch.setattr(server.runtime.admissions, "_admissions", working)
        assert (await scan(server, code_of(server, ticket))).status_code == 200
        await down.close()
