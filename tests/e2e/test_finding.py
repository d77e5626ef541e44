"""How a show is found: the search of the list, what search engines and messengers read, and the languages."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import httpx
import pytest
import pytest_asyncio
from PIL import Image

from tests.e2e.venue import current, grid, hall, held
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def browser(server: LocalServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=30) as http:
        yield http


def listed(page: str) -> list[str]:
    return re.findall(r'<h2><a href="/shows/(\w+)">', page)


async def test_the_list_is_searched_by_words_of_name_and_venue(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    walkure = await server.show(name="Die Walküre (Zyklus 1)", venue="Opera of Quux")
    tosca = await server.show(name="Tosca", venue="Opera of Quux")
    for words, found in (
        ("quux", [tosca, walkure]),
        ("QUUX walk", [walkure]),
        ("zyklus 1)", [walkure]),
        ("quux (", [walkure]),
        (".*quux", []),
        ("tosca walküre", []),
    ):
        page = await browser.get("/", params={"q": words})
        assert page.status_code == 200
        assert listed(page.text) == found, words
    nothing = await browser.get("/", params={"q": '"><script>'})
    assert "No show has these words" in nothing.text
    assert "<script>" not in nothing.text


async def test_times_are_those_of_the_venue(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    show_id = await server.show(time_zone="Europe/Berlin", sale_opens_at="2029-06-30T22:00:00Z")
    page = (await browser.get(f"/shows/{show_id}")).text
    assert "Tue 1 Jan 2030, 21:00 CET" in page
    assert "Sun 1 Jul 2029, 00:00 CEST" in page
    assert '"startDate": "2030-01-01T21:00:00+01:00"' in page
    german = (await browser.get(f"/shows/{show_id}", params={"lang": "de"})).text
    assert "Di., 1. Jan. 2030, 21:00 MEZ" in german


async def test_a_search_goes_on_with_the_next_page(
    server: LocalServer, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serve_app.web import shows

    first = await server.show(name="Paged & counted")
    last = await server.show(name="Paged & counted")
    await server.show(name="Another")
    monkeypatch.setattr(shows, "PAGE_SHOWS_DEFAULT", 1)
    page = await browser.get("/", params={"q": "paged &"})
    assert listed(page.text) == [last]
    link = re.search(r'<a href="(/\?[^"]+)" rel="next">', page.text)
    assert link is not None
    assert listed((await browser.get(link[1].replace("&amp;", "&"))).text) == [first]


async def test_search_engines_read_what_a_show_costs_and_whether_it_is_to_be_had(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    name = "</script><b>Fidelio</b>"
    show_id = await hall(server, grid(1, 3), name=name, prices={"A": 5050, "B": 3000})
    await held(server, show_id, "S-1-1", "S-1-2", "S-1-3")
    await current(server, show_id)
    page = (await browser.get(f"/shows/{show_id}")).text
    data = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert data is not None
    event = json.loads(data[1])
    assert (event["@type"], event["name"]) == ("Event", name)
    assert event["startDate"] == "2030-01-01T20:00:00+00:00"
    assert event["location"]["name"] == "Hall"
    offers = {offer["name"]: offer for offer in event["offers"]}
    assert (offers["A"]["price"], offers["A"]["priceCurrency"]) == ("50.50", "EUR")
    assert {offer["availability"] for offer in offers.values()} == {"https://schema.org/SoldOut"}
    assert event["url"] == f"{server.url}/shows/{show_id}"
    assert f'<link rel="canonical" href="{event["url"]}">' in page
    assert f'<meta property="og:image" content="{event["image"][0]}">' in page


async def test_the_picture_of_a_show_is_drawn_once_and_kept(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    show_id = await server.show(name="Name " * 30, venue="W" * 100)
    answer = await browser.get(f"/shows/{show_id}/picture.png")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(answer.content)).size == (1200, 630)
    again = await browser.get(
        f"/shows/{show_id}/picture.png", headers={"If-None-Match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert (await browser.get("/shows/none/picture.png")).status_code == 404


async def test_the_sitemap_has_the_shows_and_robots_are_told_of_it(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    show_id = await server.show()
    robots = (await browser.get("/robots.txt")).text
    assert f"Sitemap: {server.url}/sitemap.xml" in robots
    for secret in ("/holds/", "/orders", "/operator"):
        assert f"Disallow: {secret}\n" in robots
    tree = ElementTree.fromstring((await browser.get("/sitemap.xml")).content)
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    assert f"{server.url}/shows/{show_id}" in [one.text for one in tree.iter(f"{space}loc")]


async def test_a_visitor_reads_german_by_address_choice_or_browser(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    show_id = await hall(server, grid(1, 2), name="Fidelio")
    await current(server, show_id)
    by_browser = await browser.get("/", headers={"Accept-Language": "fr, de-AT;q=0.8, en;q=0.5"})
    assert "<h1>Vorstellungen</h1>" in by_browser.text
    assert by_browser.headers["content-language"] == "de"
    assert "set-cookie" not in by_browser.headers
    chosen = await browser.get(f"/shows/{show_id}", params={"lang": "de"})
    assert "50,00\N{NO-BREAK SPACE}€" in chosen.text
    assert "Di., 1. Jan. 2030, 20:00 UTC" in chosen.text
    assert chosen.headers["set-cookie"].startswith("language=de;")
    remembered = await browser.get("/", headers={"Cookie": "language=de"})
    assert 'lang="de"' in remembered.text
    browser.cookies.clear()
    other = await browser.get("/", params={"lang": "xx"}, headers={"Accept-Language": "de;q=0"})
    assert other.headers["content-language"] == "en"


async def test_a_page_is_not_sent_twice_and_is_compressed(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    show_id = await hall(server, grid(1, 2))
    await current(server, show_id)
    page = await browser.get(f"/shows/{show_id}")
    assert page.headers["content-encoding"] == "gzip"
    assert "stale-while-revalidate" in page.headers["cache-control"]
    again = await browser.get(f"/shows/{show_id}", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    await held(server, show_id, "S-1-1")
    await current(server, show_id)
    after = await browser.get(f"/shows/{show_id}", headers={"If-None-Match": page.headers["etag"]})
    assert after.status_code == 200
