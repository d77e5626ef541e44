"""The orders of a guest, by a link in a mail: who gets one, what it shows, and that it tells nobody anything."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from cluster.accounts.limits import LETTERS_PER_ADDRESS_MAX
from cluster.accounts.links import ORDERS_LINK_SECONDS, Purpose
from cluster.embedded.nats import NatsServer
from cluster.ticketing.mailer import MailUnavailable
from serve_app.rate_limits import RateLimits
from serve_app.web import letters
from serve_app.web.my_orders import PAGE_ORDERS
from tests.paying import until
from tests.site import Site, heading, open_site

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def site(
    nats_server: NatsServer, mongodb_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    data = tmp_path_factory.mktemp("my-orders")
    async with open_site(nats_server.url, mongodb_url, data, "my-orders") as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.visitor() as http:
        yield http


async def asked(visitor: httpx.AsyncClient, address: str) -> httpx.Response:
    return await visitor.post("/orders/link", data={"email": address})


async def test_a_guest_sees_their_orders_by_a_link_in_a_mail(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    mine, other = await site.ordered(address.upper()), await site.ordered(site.stranger())
    assert (await asked(visitor, address)).headers["location"] == "/orders/mailed"
    link = await site.mails.link_to(address)
    assert link.startswith(f"{site.server.url}/orders/links/")
    assert address.partition("@")[0] not in link
    opened = await visitor.get(link)
    assert (opened.status_code, opened.headers["location"]) == (303, "/orders")
    assert opened.headers["cache-control"] == "no-store"
    assert opened.headers["referrer-policy"] == "no-referrer"
    page = await visitor.get("/orders")
    assert page.headers["cache-control"] == "no-store"
    assert f"Orders of {address}" in page.text
    assert f"/orders/{mine}" in page.text
    assert other not in page.text
    assert link.rpartition("/")[2] not in page.text
    async with site.visitor() as stranger:
        assert mine not in (await stranger.get("/orders")).text
    assert (await visitor.post("/orders/close", data={"": ""})).status_code == 303
    assert mine not in (await visitor.get("/orders")).text


async def test_the_answer_is_the_same_whether_there_are_orders_or_not(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    buyer, nobody = site.stranger(), site.stranger()
    await site.ordered(buyer)
    answers = [await asked(visitor, address) for address in (nobody, buyer)]
    differing = ("date", "x-request-id", "ratelimit")
    told = [
        (one.status_code, one.content, {k: v for k, v in one.headers.items() if k not in differing})
        for one in answers
    ]
    assert told[0] == told[1]
    await site.mails.link_to(buyer)
    assert site.mails.to(nobody) == []


async def test_an_address_gets_so_many_mails_and_no_more(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address, later = site.stranger(), site.stranger()
    await site.ordered(address)
    await site.ordered(later)
    for number in range(1, LETTERS_PER_ADDRESS_MAX + 1):
        assert (await asked(visitor, address)).status_code == 303
        await site.mails.link_to(address, number)
    assert (await asked(visitor, address)).headers["location"] == "/orders/mailed"
    await asked(visitor, later)
    await site.mails.link_to(later)
    assert len(site.mails.to(address)) == LETTERS_PER_ADDRESS_MAX


async def test_a_link_is_over_after_a_day_and_others_are_none(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    runtime, address = site.server.runtime, site.stranger()
    made = runtime.clock() - ORDERS_LINK_SECONDS * 1000 - 2_000
    tokens = [
        runtime.links.token(Purpose.ORDERS, address, made),
        runtime.links.token(Purpose.SIGN_UP, address, runtime.clock()),
        runtime.links.token(Purpose.VIEWING, address, runtime.clock()),
        "A" * 200,
    ]
    for token in tokens:
        page = await visitor.get(f"/orders/links/{token}")
        assert (page.status_code, heading(page)) == (410, "This link no longer works")
        assert not page.cookies


async def test_many_orders_are_several_pages_the_newest_first(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    ids = [await site.ordered(address, 1_900_000_000_000 + n // 2) for n in range(PAGE_ORDERS + 3)]
    await asked(visitor, address)
    await visitor.get(await site.mails.link_to(address))
    first = await visitor.get("/orders")
    older = re.search(r'href="(/orders\?after=[^"]+)"', first.text)
    assert older is not None
    assert not any(order_id in older[1] for order_id in ids)
    second = await visitor.get(older[1])
    found = [re.findall(r"/orders/(o\d{26})", page.text) for page in (first, second)]
    assert [len(one) for one in found] == [PAGE_ORDERS, 3]
    assert found[0] + found[1] == ids[::-1]
    wrong = await visitor.get("/orders?after=made-up")
    assert (wrong.status_code, heading(wrong)) == (422, "This page of the list is not there")


async def test_what_is_no_address_is_said(visitor: httpx.AsyncClient) -> None:
    page = await asked(visitor, "ada at example")
    assert page.status_code == 422
    assert "This is no e-mail address." in page.text
    assert re.search(r'<p id="wrong"[^>]*role="alert"[^>]*autofocus', page.text)
    assert 'value="ada at example"' in page.text
    assert 'aria-describedby="wrong"' in page.text


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil"}])
async def test_another_site_sends_no_mails(
    site: Site, visitor: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    address = site.stranger()
    await site.ordered(address)
    refused = await visitor.post("/orders/link", data={"email": address}, headers=headers)
    assert (refused.status_code, heading(refused)) == (403, "This form came from another site")
    refused = await visitor.post("/orders/link", data={"email": address, "website": "x"})
    assert refused.status_code == 422
    assert site.mails.to(address) == []


async def test_a_host_that_a_request_makes_up_is_in_no_mail(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    await site.ordered(address)
    refused = await visitor.post(
        "/orders/link", data={"email": address}, headers={"Host": "evil.example"}
    )
    assert refused.status_code == 503
    assert site.mails.to(address) == []


async def test_who_says_to_be_on_this_machine_and_is_not_gets_no_mail_either(
    site: Site, visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = site.stranger()
    await site.ordered(address)
    monkeypatch.setattr(RateLimits, "address", lambda _limits, _scope: "203.0.113.9")
    refused = await visitor.post(
        "/orders/link", data={"email": address}, headers={"Host": "localhost:8000"}
    )
    assert refused.status_code == 503
    assert site.mails.to(address) == []


async def test_who_has_somebodys_orders_mailed_does_not_use_up_the_letters_with_a_new_password(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    await site.ordered(address)
    for _ in range(LETTERS_PER_ADDRESS_MAX + 1):
        await asked(visitor, address)
    await site.mails.link_to(address, LETTERS_PER_ADDRESS_MAX)
    await visitor.post("/account/link", data={"email": address})
    link = await site.mails.link_to(address, LETTERS_PER_ADDRESS_MAX + 1)
    assert (await visitor.get(link)).headers["location"] == "/account/password"


async def test_the_answer_to_a_form_has_no_address_in_another_language(
    visitor: httpx.AsyncClient,
) -> None:
    refused = await visitor.post("/orders/link", data={"email": "nobody"})
    assert refused.status_code == 422
    assert "hreflang" not in refused.text
    assert 'href="/orders"' in refused.text
    assert 'hreflang="de"' in (await visitor.get("/orders")).text


async def test_a_german_gets_a_german_mail(site: Site, visitor: httpx.AsyncClient) -> None:
    address = site.stranger()
    await site.ordered(address)
    german = {"Accept-Language": "de"}
    await visitor.post("/orders/link", data={"email": address}, headers=german)
    link = await site.mails.link_to(address)
    (message,) = site.mails.to(address)
    assert message["Subject"] == "Ihre Bestellungen"
    assert "24 Stunden" in message.get_content()
    await visitor.get(link)
    assert "Meine Bestellungen" in (await visitor.get("/orders", headers=german)).text


async def test_no_log_has_a_link_or_an_address(
    site: Site,
    visitor: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Not when all is well, nor when a mail cannot be sent or a page has a defect."""

    async def away(*_: object) -> None:
        raise MailUnavailable("away")

    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    address, logged = site.stranger(), ""
    await site.ordered(address)
    await asked(visitor, address)
    link = await site.mails.link_to(address)
    await visitor.get(link)
    await visitor.get("/orders")
    monkeypatch.setattr(letters, "PAUSES_SECONDS", ())
    monkeypatch.setattr(type(site.server.runtime.stationery.mailer), "send", away)
    await asked(visitor, address)

    async def told() -> bool:
        nonlocal logged
        logged += "".join(capfd.readouterr())
        return "letter.not_sent" in logged

    await until(told, "a letter is not sent")
    monkeypatch.setattr("cluster.accounts.links.Links.subject", broken)
    for path in (link, "/orders"):
        assert (await visitor.get(path)).status_code == 500
    logged += "".join(capfd.readouterr())
    assert logged.count("request.failed") == 2
    assert link.rpartition("/")[2] not in logged
    assert address not in logged


async def test_a_page_for_everybody_is_the_same_whoever_asks(
    site: Site, visitor: httpx.AsyncClient
) -> None:
    address = site.stranger()
    await site.signed_up(visitor, address)
    async with site.visitor() as stranger:
        pages = [await one.get("/") for one in (visitor, stranger)]
    assert pages[0].headers["etag"] == pages[1].headers["etag"]
    assert 'href="/orders"' in pages[0].text
    assert address not in pages[0].text
