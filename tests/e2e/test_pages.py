"""The web pages: right without JavaScript, whatever an organizer calls a show, and what they load comes from here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from markupsafe import escape

from actors.journal import JournalUnavailable
from cluster.store.mongo import StoreUnavailable
from serve_app.web import shows
from serve_app.web.routes import WEB_ROUTES
from tests.e2e.venue import csv_of, current, grid, hall, held
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

NASTY = "<script>alert(1)</script> & \"quoted\" 'names'"


@pytest_asyncio.fixture(loop_scope="session")
async def browser(server: LocalServer) -> AsyncIterator[httpx.AsyncClient]:
    """Not the server's own client: that one takes every error for one of the API."""
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        yield http


def rows_of(page: str) -> dict[str, list[str]]:
    """The cells of the table by the row's heading."""
    rows = dict[str, list[str]]()
    for heading, cells in re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', page, re.S):
        rows[heading] = re.findall(r"<td[^>]*>(.*?)</td>", cells)
    return rows


async def test_the_list_has_the_newest_show_first_with_its_numbers(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    old = await hall(server, grid(2, 5), name="The older one")
    new = await hall(server, grid(1, 5), name="The newer one", venue="Town Hall")
    await held(server, new, "S-1-1", "S-1-2")
    await current(server, new)
    answer = await browser.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    cards = re.findall(r'<h2><a href="/shows/(\w+)">(.*?)</a>', answer.text)
    assert cards[:2] == [(new, "The newer one"), (old, "The older one")]
    newest = answer.text.partition("<li>")[2].partition("</li>")[0]
    assert "Town Hall, " in newest
    assert "Tue 1 Jan 2030, 20:00 UTC" in newest
    assert "On sale,\n3 tickets,\nfrom €30.00" in newest


async def test_a_list_without_shows_says_so(
    server: LocalServer, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await server.runtime.shows.page(None, 1)
    empty = type(page)((), None)
    monkeypatch.setattr(server.runtime.shows, "page", lambda *asked: asyncio.sleep(0, empty))
    assert "There are no shows yet." in (await browser.get("/")).text


async def test_the_list_goes_on_with_the_next_page(
    server: LocalServer, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, _ = [await server.show(name=name) for name in ("The last but one", "The last")]
    monkeypatch.setattr(shows, "PAGE_SHOWS_DEFAULT", 1)
    first = (await browser.get("/")).text
    link = re.search(r'<a href="(/\?cursor=[^"]+)" rel="next">', first)
    assert link is not None
    assert f"/shows/{older}" in (await browser.get(link[1])).text
    for wrong in ("x", "x" * 300):
        assert (await browser.get("/", params={"cursor": wrong})).status_code == 422


async def test_a_show_has_its_prices_and_numbers_without_javascript(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    seats = csv_of(("S", "1", range(1, 5), "A"), ("S", "2", range(1, 4), "B"))
    areas = [{"area": "Floor", "category": "Standing", "capacity": 1_200}]
    prices = {"A": 5000, "B": 3050, "Standing": 1000}
    show_id = await hall(server, seats, name="A concert", prices=prices, areas=areas)
    await held(server, show_id, "S-1-1", "S-2-3")
    await current(server, show_id)
    page = (await browser.get(f"/shows/{show_id}")).text
    assert "<h1>A concert</h1>" in page
    assert rows_of(page) == {
        "A": ["€50.00", "3", "1", "0", "0"],
        "B": ["€30.50", "2", "1", "0", "0"],
        "Standing": ["€10.00", "1,200", "0", "0", "0"],
        "Total": ["", "1,205", "2", "0", "0"],
    }
    assert f'data-show="{show_id}"' in page


async def test_a_show_without_seats_has_a_page(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    show_id = await server.show()
    page = await browser.get(f"/shows/{show_id}")
    assert page.status_code == 200
    assert rows_of(page.text)["A"] == ["€50.00", "0", "0", "0", "0"]


async def test_what_organizers_write_is_never_markup(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    areas = [{"area": NASTY, "category": NASTY, "capacity": 3}]
    show_id = await server.show(name=NASTY, venue=NASTY, prices={NASTY: 100}, areas=areas)
    await current(server, show_id)
    for path, times in (("/", 2), (f"/shows/{show_id}", 5)):
        page = (await browser.get(path)).text
        assert "<script>" not in page
        assert page.count(str(escape(NASTY))) >= times
    assert rows_of(page)[str(escape(NASTY))] == ["€1.00", "3", "0", "0", "0"]


@pytest.mark.parametrize("show_id", ["nosuchshow", "s" + "a" * 12, "<b>", "%00", "x" * 3000])
async def test_a_show_that_is_not_there_is_a_plain_page(
    browser: httpx.AsyncClient, show_id: str
) -> None:
    answer = await browser.get(f"/shows/{show_id}")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>There is no such show</h1>" in answer.text


async def test_pages_may_load_nothing_from_elsewhere_and_nothing_inline(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    show_id = await server.show()
    nonces = set[str]()
    for path in ("/", f"/shows/{show_id}", "/shows/none"):
        answer = await browser.get(path)
        nonce = re.findall("'nonce-([\\w-]{22})'", answer.headers["content-security-policy"])[0]
        assert nonce not in nonces
        nonces.add(nonce)
        policy = dict(
            part.strip().split(" ", 1)
            for part in answer.headers["content-security-policy"].split(";")
        )
        assert policy == {
            "default-src": "'none'",
            "script-src": f"'nonce-{nonce}'",
            "style-src": f"'self' 'nonce-{nonce}'",
            "connect-src": "'self'",
            "frame-src": "'none'",
            "img-src": "'self' data:",
            "manifest-src": "'self'",
            "base-uri": "'none'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
        }
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert not re.search(
            rf'<style|style=|\son\w+=|<script(?! type="module" nonce="{nonce}" src="/'
            r'|\ type="application/ld\+json">)',
            answer.text,
        )
        assert (await browser.head(path)).status_code == answer.status_code


async def test_what_pages_load_is_cached_by_its_content(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    page = (await browser.get(f"/shows/{await server.show()}")).text
    loaded = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert [address.partition("?")[0] for address in loaded] == [
        "/static/hall.js",
        "/static/canvas.js",
        "/static/choice.js",
        "/static/page.css",
        "/static/seatmap.js",
    ]
    assert re.findall(r'from "\./([^"]+)"', (await browser.get(loaded[-1])).text) == [
        address.removeprefix("/static/") for address in (loaded[2], loaded[0], loaded[1])
    ]
    for address in loaded:
        kind = "text/css" if ".css" in address else "text/javascript"
        named = await browser.get(address)
        assert named.status_code == 200
        assert named.headers["content-type"].startswith(kind)
        assert named.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in named.headers["cache-control"]
        plain = await browser.get(address.partition("?")[0])
        assert "must-revalidate" in plain.headers["cache-control"]
        assert plain.content == named.content
        again = await browser.get(address, headers={"If-None-Match": plain.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    for missing in ("routes.py", "..%2froutes.py", "%2e%2e/routes.py"):
        assert (await browser.get(f"/static/{missing}")).status_code == 404


async def test_a_store_that_is_away_is_told_on_a_page(
    server: LocalServer, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*arguments: object) -> None:
        raise StoreUnavailable("away")

    for name in ("page", "get"):
        monkeypatch.setattr(server.runtime.shows, name, away)
    for path in ("/", "/shows/s" + "a" * 12):
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "<h1>Not now</h1>" in answer.text


@pytest.mark.parametrize("away", ["refused", "slow"])
async def test_pages_wait_for_the_numbers_only_so_long(
    server: LocalServer, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    async def view(show_id: str) -> None:
        if away == "slow":
            await asyncio.sleep(60)
        raise JournalUnavailable("away")

    show_id = await server.show(name="Numbers to come")
    monkeypatch.setattr(shows, "VIEW_SECONDS_MAX", 0.05)
    monkeypatch.setattr(server.runtime.views, "view", view)
    assert "The numbers cannot be had at the moment" in (await browser.get("/")).text
    page = (await browser.get(f"/shows/{show_id}")).text
    assert "The numbers cannot be had at the moment" in page
    assert rows_of(page)["A"] == ["€50.00", "", "", "", ""]


async def test_the_pages_are_not_in_the_document_and_there_is_no_page_from_a_cdn(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    paths = (await browser.get("/openapi.json")).json()["paths"]
    api = ("/v1", "/problems", "/webhooks", "/healthz", "/readyz")
    assert not [path for path in paths if not path.startswith(api)]
    for gone in ("/docs", "/redoc"):
        assert (await browser.get(gone)).status_code == 404


async def test_who_opens_what_is_not_there_gets_a_page_and_a_program_a_problem(
    browser: httpx.AsyncClient,
) -> None:
    for path in ("/show", "/shows/", "/orders/o1/", "/index.html"):
        page = await browser.get(path, headers={"Accept-Language": "de"})
        assert page.status_code == 404
        assert "<h1>Unter dieser Adresse ist nichts</h1>" in page.text
    wrong = await browser.post("/")
    assert (wrong.status_code, wrong.headers["content-type"]) == (405, "text/html; charset=utf-8")
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD"}
    for path in ("/v1", "/v1/nothing", "/webhooks/nothing"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await browser.put("/v1/shows")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_who_opens_where_a_form_was_sent_comes_back_to_the_form(
    browser: httpx.AsyncClient,
) -> None:
    sent = {route.path for route in WEB_ROUTES if "POST" in (route.methods or ())}
    shown = {route.path for route in WEB_ROUTES if "GET" in (route.methods or ())}
    assert sent <= shown, "every address that a form is sent to can be opened"
    for path, form in (
        ("/shows/s1/holds", "/shows/s1"),
        ("/holds/h1/order", "/holds/h1"),
        ("/holds/%2F%2Fevil/extend", None),
        ("/orders/link", "/orders"),
        ("/account/link?lang=de", "/account/sign-up"),
    ):
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers.get("location")) == (303 if form else 404, form)
