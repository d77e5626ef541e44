"""Accounts as their owners see them: signing up, in and out, another password, the end; and the defects G11 and G12 of
the application that this one replaces, shown not to happen here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from cluster.accounts.limits import FAILED_SIGN_INS_PER_ADDRESS_MAX
from cluster.accounts.session import IDLE_MS, session_id_of
from cluster.embedded.nats import NatsServer
from tests.local_server import local_server
from tests.mailing import Mails
from tests.site import PASSWORD, Site, heading, open_site

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANOTHER = "battery staple"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    nats_server: NatsServer, mongodb_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    data = tmp_path_factory.mktemp("accounts")
    async with open_site(nats_server.url, mongodb_url, data, "accounts-pages") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.visitor() as http:
        yield http


async def signed_in(visitor: httpx.AsyncClient, address: str, password: str) -> httpx.Response:
    return await visitor.post("/account/sign-in", data={"email": address, "password": password})


async def test_an_account_shows_what_was_bought_with_its_address_as_a_guest(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    order_id = await site.ordered(address)
    await site.signed_up(visitor, address)
    page = await visitor.get("/orders")
    assert f"/orders/{order_id}" in page.text
    assert address in page.text
    assert (await visitor.post("/account/sign-out", data={"": ""})).status_code == 303
    assert order_id not in (await visitor.get("/orders")).text
    assert (await signed_in(visitor, address.upper(), PASSWORD)).headers["location"] == "/orders"
    assert order_id in (await visitor.get("/orders")).text


async def test_nobody_gets_an_account_without_the_mail(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    await visitor.post("/account/link", data={"email": address})
    await site.mails.link_to(address)
    refused = await visitor.post("/account/password", data={"password": PASSWORD})
    assert (refused.status_code, heading(refused)) == (410, "This link no longer works")
    assert (await signed_in(visitor, address, PASSWORD)).status_code == 401


async def test_who_sits_down_next_cannot_go_on_with_a_link(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    await visitor.post("/account/link", data={"email": address})
    await visitor.get(await site.mails.link_to(address))
    assert (await visitor.get("/account/password")).status_code == 200
    await visitor.post("/account/sign-out", data={"": ""})
    assert (await visitor.get("/account/password")).status_code == 410


async def test_g11_of_many_sign_ups_with_one_address_one_makes_an_account(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    await visitor.post("/account/link", data={"email": address})
    link = await site.mails.link_to(address)

    async def signs_up(number: int) -> int:
        async with site.visitor() as one:
            await one.get(link)
            password = f"{PASSWORD} {number}"
            return (await one.post("/account/password", data={"password": password})).status_code

    statuses = await asyncio.gather(*[signs_up(number) for number in range(10)])
    assert sorted(statuses) == [303, *[410] * 9]
    accounts = site.server.runtime.database.collection("accounts")
    assert len(await accounts.find({"mailbox": address}, limit=10)) == 1


async def test_g12_a_session_expires(
    site: Site, visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.signed_up(visitor, site.stranger())
    assert (await visitor.get("/account")).status_code == 200
    stored = site.server.runtime.database.collection("sessions")
    past = {"$inc": {"seen_at": -IDLE_MS}}
    await stored.update({"_id": session_id_of(visitor.cookies["session"])}, past)
    assert (await visitor.get("/account")).headers["location"] == "/account/sign-in"


async def test_g12_a_session_ends_on_the_server_and_begins_anew(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    await site.signed_up(visitor, address)
    first = visitor.cookies["session"]
    await signed_in(visitor, address, PASSWORD)
    second = visitor.cookies["session"]
    assert first != second
    await visitor.post("/account/sign-out", data={"": ""})
    for token in (first, second):
        async with site.visitor() as thief:
            thief.cookies.set("session", token)
            assert (await thief.get("/account")).status_code == 303


async def test_g12_the_cookie_is_a_secret_of_the_browser(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    await site.signed_up(visitor, address)
    answer = await signed_in(visitor, address, PASSWORD)
    (field,) = [one for one in answer.headers.get_list("set-cookie") if one.startswith("session=")]
    attributes = set(field.split("; ")[1:])
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= attributes
    assert "Secure" not in attributes, "on loopback a browser would not keep it"
    assert len(visitor.cookies["session"]) == 43
    assert len({visitor.cookies["session"]} & set(answer.text.split())) == 0


async def test_g12_over_tls_the_cookie_is_for_tls_and_this_host_alone(
    nats_server: NatsServer, mongodb_url: str, tmp_path: Path
) -> None:
    public = "https://tickets.example"
    async with local_server(
        nats_server.url,
        mongodb_url,
        mongodb_database="accounts-tls",
        data_dir=tmp_path,
        public_url=public,
    ) as server:
        token = await server.runtime.authentication.sign_up("a@example.com", PASSWORD)
        assert token is not None
        data = {"email": "a@example.com", "password": PASSWORD}
        answer = await server.http.post("/account/sign-in", data=data)
        fields = answer.headers.get_list("set-cookie")
        (field,) = [one for one in fields if one.startswith("__Host-session=")]
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(field.split("; ")[1:])
        plain = await server.http.get("/account", headers={"Cookie": f"session={token}"})
        assert plain.status_code == 303, "a cookie that a page without TLS may have set"
        fine = await server.http.get("/account", headers={"Cookie": f"__Host-session={token}"})
        assert fine.status_code == 200
        await server.http.post("/account/link", data={"email": "b@example.com"})
        link = await Mails(tmp_path).link_to("b@example.com")
        assert link.startswith(f"{public}/account/links/")


async def test_g12_401_403_and_500_are_told_apart(
    site: Site, visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = site.stranger()
    await site.signed_up(visitor, address)
    async with site.visitor() as stranger:
        nobody = await stranger.post("/account/delete", data={"sure": "yes"})
        wrong = await signed_in(stranger, address, ANOTHER)
    assert (nobody.status_code, heading(nobody)) == (401, "You are not signed in, or no longer")
    assert nobody.headers["www-authenticate"].startswith("Cookie ")
    assert wrong.status_code == 401
    assert "Address and password do not belong together." in wrong.text
    foreign = {"Sec-Fetch-Site": "cross-site"}
    refused = await visitor.post("/account/delete", data={"sure": "yes"}, headers=foreign)
    assert refused.status_code == 403

    async def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("cluster.store.sessions.Sessions.find", broken)
    failed = await visitor.get("/account")
    assert failed.status_code == 500
    assert "a defect" not in failed.text
    monkeypatch.undo()
    assert (await visitor.get("/account")).status_code == 200, "and nothing was deleted"


async def test_signing_in_does_not_tell_whether_there_is_an_account(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    known, unknown = site.stranger(), site.stranger()
    await site.signed_up(visitor, known)
    async with site.visitor() as stranger:
        pages = [await signed_in(stranger, one, ANOTHER) for one in (known, unknown)]
    assert {page.status_code for page in pages} == {401}
    texts = [re.sub(r"nonce-\S+|nonce=\S+", "", page.text) for page in pages]
    assert texts[0].replace(known, "") == texts[1].replace(unknown, "")


async def test_nor_does_asking_for_a_link(site: Site, visitor: httpx.AsyncClient) -> None:
    known, unknown = site.stranger(), site.stranger()
    await site.signed_up(visitor, known)
    async with site.visitor() as stranger:
        for address in (known, unknown):
            answer = await stranger.post("/account/link", data={"email": address})
            assert (answer.status_code, answer.headers["location"]) == (303, "/account/mailed")
    await site.mails.link_to(known, 2)
    await site.mails.link_to(unknown)


async def test_too_many_tries_are_told_and_do_not_try(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    await site.signed_up(visitor, address)
    await visitor.post("/account/sign-out", data={"": ""})
    for _ in range(FAILED_SIGN_INS_PER_ADDRESS_MAX):
        assert (await signed_in(visitor, address, ANOTHER)).status_code == 401
    refused = await signed_in(visitor, address, PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 3_600
    assert "too many tries" in refused.text


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("short", "The password is too short."),
        ("x" * 129, "The password is too long."),
        ("", "The password is too short."),
        ("password123", "This password is among the first that others would try."),
    ],
)
async def test_a_password_that_is_not_taken(
    site: Site, visitor: httpx.AsyncClient, password: str, told: str
) -> None:
    address = site.stranger()
    await visitor.post("/account/link", data={"email": address})
    await visitor.get(await site.mails.link_to(address))
    form = await visitor.get("/account/password")
    assert 'autocomplete="new-password"' in form.text
    assert f'value="{address}" readonly' in form.text
    page = await visitor.post("/account/password", data={"password": password})
    assert page.status_code == 422
    assert told in page.text
    page = await visitor.post("/account/password", data={"password": address})
    assert "The password must not be the address." in page.text
    fine = await visitor.post("/account/password", data={"password": PASSWORD})
    assert fine.status_code == 303


async def test_a_forgotten_password_is_replaced_once_and_all_others_are_signed_out(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    await site.signed_up(visitor, address)
    async with site.visitor() as elsewhere:
        await elsewhere.post("/account/link", data={"email": address, "kind": "forgotten"})
        link = await site.mails.link_to(address, 2)
        await elsewhere.get(link)
        assert (await visitor.get("/account")).status_code == 200, "to open a link changes nothing"
        saved = await elsewhere.post("/account/password", data={"password": ANOTHER})
        assert saved.status_code == 303
        assert (await elsewhere.get("/account")).status_code == 200
    assert (await visitor.get("/account")).status_code == 303
    assert (await signed_in(visitor, address, PASSWORD)).status_code == 401
    assert (await signed_in(visitor, address, ANOTHER)).status_code == 303
    assert (await visitor.get(link)).status_code == 410


@pytest.mark.parametrize("kind", ["sign-up", "forgotten"])
async def test_a_password_that_is_sent_twice_is_set_and_both_answers_say_so(
    site: Site, visitor: httpx.AsyncClient, kind: str
) -> None:
    address = site.stranger()
    if kind == "forgotten":
        await site.signed_up(visitor, address)
        await visitor.post("/account/sign-out", data={"": ""})
    await visitor.post("/account/link", data={"email": address, "kind": kind})
    link = await site.mails.link_to(address, 2 if kind == "forgotten" else 1)
    async with site.visitor() as impatient:
        await impatient.get(link)
        cookies = dict(impatient.cookies)  # the browser drops an answer that it no longer waits for

        async def sent(password: str) -> httpx.Response:
            async with site.visitor() as one:
                one.cookies.update(cookies)
                return await one.post("/account/password", data={"password": password})

        at_once = await asyncio.gather(sent(ANOTHER), sent(ANOTHER))
        answers = [*at_once, await sent(ANOTHER)]
        assert [one.headers.get("location") for one in answers] == ["/orders"] * 3
        refused = await sent(PASSWORD)
        assert (refused.status_code, heading(refused)) == (410, "This link no longer works")
    assert (await signed_in(visitor, address, ANOTHER)).status_code == 303
    again = await visitor.post("/account/password", data={"password": ANOTHER})
    assert again.headers["location"] == "/orders", "from the browser's history"
    assert (await visitor.post("/account/password", data={"password": PASSWORD})).status_code == 410


async def test_an_account_is_deleted_by_its_owner_who_keeps_the_orders(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    order_id = await site.ordered(address)
    await site.signed_up(visitor, address)
    unsure = await visitor.post("/account/delete", data={"": ""})
    assert unsure.status_code == 422
    assert "Say first that you are sure." in unsure.text
    token = visitor.cookies["session"]
    assert (await visitor.post("/account/delete", data={"sure": "yes"})).status_code == 303
    assert await site.server.runtime.authentication.account_of(token) is None
    assert (await signed_in(visitor, address, PASSWORD)).status_code == 401
    assert await site.server.runtime.orders.get(order_id) is not None


async def test_a_hold_is_ordered_with_the_address_of_the_account(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address, server = site.stranger(), site.server
    await site.signed_up(visitor, address)
    show_id = await server.show()
    await server.load(show_id, "section,row,seat,category\nS,1,1,A")
    held = await visitor.post(f"/v1/shows/{show_id}/holds", json={"seats": ["S-1-1"]})
    page = await visitor.get(f"/holds/{held.json()['hold_id']}")
    assert re.search(rf'name="email"[^>]*value="{address}"', page.text)
    async with site.visitor() as guest:
        page = await guest.get(f"/holds/{held.json()['hold_id']}")
    assert re.search(r'name="email"[^>]*value=""', page.text)


async def test_a_german_reads_german(visitor: httpx.AsyncClient) -> None:
    page = await visitor.get("/account/sign-in", headers={"Accept-Language": "de"})
    assert heading(page) == "Anmelden"
    assert page.headers["cache-control"] == "no-store"
