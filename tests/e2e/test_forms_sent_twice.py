"""Forms that a browser sends twice, because somebody pressed twice or the line is slow: each means one thing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest
import pytest_asyncio

from serve_app.web import choosing
from tests.e2e.venue import current, grid, hall, held, standing
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

FLOOR = [{"area": "Floor", "category": "B", "capacity": 40}]
WISHES: dict[str, dict[str, str]] = {
    "seats": {"choice": "seats", "in": "S", "first": "0", "seat": "S-1-1"},
    "best": {"choice": "best", "quantity": "2"},
    "areas": {"choice": "areas", "area.Floor": "2"},
}


@pytest_asyncio.fixture(loop_scope="session")
async def browser(server: LocalServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        yield http


async def form_of(browser: httpx.AsyncClient, show_id: str, wish: str) -> dict[str, str]:
    """The fields that a form of a page sends."""
    path = f"/shows/{show_id}/sections/S" if wish == "seats" else f"/shows/{show_id}"
    once = re.search(r'name="once" value="([^"]+)"', (await browser.get(path)).text)
    assert once is not None
    return {**WISHES[wish], "once": once[1]}


async def sent(browser: httpx.AsyncClient, show_id: str, form: Mapping[str, str]) -> str:
    answer = await browser.post(f"/shows/{show_id}/holds", data=dict(form))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


@pytest.mark.parametrize("wish", WISHES)
async def test_a_choice_that_is_sent_twice_is_one_hold(
    server: LocalServer, browser: httpx.AsyncClient, wish: str
) -> None:
    show_id = await hall(server, grid(2, 6), areas=FLOOR)
    form = await form_of(browser, show_id, wish)
    at_once = await asyncio.gather(*[sent(browser, show_id, form) for _ in range(2)])
    assert {*at_once, await sent(browser, show_id, form)} == {at_once[0]}
    assert await standing(server.runtime, show_id) == {at_once[0].removeprefix("/holds/")}


async def test_another_choice_and_another_page_are_other_holds(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    show_id = await hall(server, grid(2, 6), areas=FLOOR)
    form = await form_of(browser, show_id, "best")
    pages = {
        await sent(browser, show_id, form),
        await sent(browser, show_id, {**form, "quantity": "1"}),
    }
    pages.add(await sent(browser, show_id, await form_of(browser, show_id, "best")))
    assert len(pages) == 3


async def test_after_its_hold_is_over_a_form_makes_another_one(
    server: LocalServer, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "HOLDS_PER_FORM_MAX", 2)
    show_id = await hall(server, grid(2, 6))
    form, pages = await form_of(browser, show_id, "seats"), list[str]()
    for _ in range(3):
        pages.append(await sent(browser, show_id, form))
        await browser.post(f"{pages[-1]}/release", data={"": ""})
    assert len(set(pages)) == 3
    assert set((await current(server, show_id)).values()) == {"available"}


@pytest.mark.parametrize(("wish", "holds"), [("seats", 1), ("best", 2), ("areas", 2)])
async def test_much_later_a_form_is_meant_anew_unless_it_names_its_seats(
    server: LocalServer,
    browser: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    wish: str,
    holds: int,
) -> None:
    show_id = await hall(server, grid(2, 6), areas=FLOOR)
    form = await form_of(browser, show_id, wish)
    first = await sent(browser, show_id, form)
    monkeypatch.setattr(choosing, "SENT_AGAIN_MS", 0)
    assert len({first, await sent(browser, show_id, form)}) == holds


async def test_a_page_that_has_not_changed_has_the_tag_that_it_had(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    path = f"/shows/{await hall(server, grid(1, 4))}"
    first, second = await browser.get(path), await browser.get(path)
    assert first.headers["etag"] == second.headers["etag"]
    assert first.text != second.text
    unchanged = {"If-None-Match": first.headers["etag"]}
    assert (await browser.get(path, headers=unchanged)).status_code == 304


async def test_more_time_that_is_asked_for_twice_is_given_once_and_both_are_told(
    server: LocalServer, browser: httpx.AsyncClient
) -> None:
    hold_id = (await held(server, await hall(server, grid(1, 4)), "S-1-1"))["hold_id"]

    async def more() -> httpx.Response:
        return await browser.post(f"/holds/{hold_id}/extend", data={"": ""})

    answers = [*await asyncio.gather(more(), more()), await more()]
    assert [one.headers.get("location") for one in answers] == [f"/holds/{hold_id}"] * 3
