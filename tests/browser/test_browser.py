"""The browser of these tests: it runs the pages' scripts, and sees what their policy forbids."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Open
from tests.e2e.venue import hall
from tests.local_server import LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_list_of_shows_leads_to_a_show_and_breaks_no_policy(
    server: LocalServer, open_page: Open
) -> None:
    await hall(server, name="Shown in a browser")
    page = await open_page(server.url)
    await page.get_by_role("link", name="Shown in a browser").first.click()
    await page.get_by_role("heading", level=1, name="Shown in a browser").wait_for()
    await page.locator("#map canvas").wait_for()
