"""A page whose code has a defect: a person gets a page that says so, and learns nothing of the inside."""

from __future__ import annotations

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from structlog.testing import capture_logs

from serve_app.web.page import Page, page


@page
async def broken(_request: Request) -> Page:
    raise RuntimeError("mongodb://somebody:secret@store")


async def test_a_defect_is_told_as_a_page_and_logged() -> None:
    app = Starlette(routes=[Route("/", broken)])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://frontrow.test"
    ) as http:
        with capture_logs() as logs:
            answer = await http.get("/", headers={"Accept-Language": "de"})
    assert answer.status_code == 500
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Etwas Unerwartetes ist geschehen" in answer.text
    assert "secret" not in answer.text
    assert [(entry["event"], entry["page"]) for entry in logs] == [("request.failed", "broken")]
