"""The HTML of every page is what the standard wants, in every language; no browser is needed to see it."""

from __future__ import annotations

import httpx
import pytest

from serve_app.web.language import LANGUAGES
from tests.browser.every_page import Stop
from tests.browser.markup import faults_of
from tests.paying import Till

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

ENGLISH_ONLY = ("console",)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_html_of_every_page_is_right(
    shop: Till, pages: dict[str, Stop], language: str
) -> None:
    wrong = dict[str, list[str]]()
    headers = {"Accept-Language": language}
    async with httpx.AsyncClient(base_url=shop.server.url, headers=headers, timeout=60) as http:
        for name, stop in pages.items():
            spoken = "en" if name in ENGLISH_ONLY else language
            if faults := faults_of((await stop.asked(http)).text, spoken):
                wrong[name] = faults
    assert not wrong


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<h1>A</h1><p><div></div></p>", "unexpected-end-tag"),
        ("<h1>A</h1><h3>B</h3>", "headings jump: [1, 3]"),
        ("<h2>A</h2>", "headings do not begin"),
        ('<h1>A</h1><p id="a"></p><p id="a"></p>', "id twice: a"),
        ('<h1>A</h1><a href="#b">b</a>', "link to nothing: #b"),
        ('<h1>A</h1><label for="c">c</label>', "for of nothing: c"),
        ('<h1>A</h1><input name="d">', "no label"),
        ('<h1>A</h1><img src="e">', "no alt"),
    ],
)
async def test_what_is_wrong_is_found(body: str, fault: str) -> None:
    page = '<!doctype html><html lang="en"><head><title>T</title></head><body><main>{}</main></body></html>'
    assert faults_of(page.format("<h1>A</h1>"), "en") == []
    assert any(one.startswith(fault) for one in faults_of(page.format(body), "en"))
