"""The addresses that people open in a browser. They are not part of the API and not in its document."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from serve_app.web import choosing, holds, orders, shows
from serve_app.web.assets import static
from serve_app.web.console import console_page
from serve_app.web.picture import picture
from serve_app.web.search_engines import robots, sitemap

CONSOLE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


async def console(_: Request) -> Response:
    """GET /operator: empty, for everybody; its script asks for the key."""
    return HTMLResponse(console_page(), 200, CONSOLE_HEADERS)


WEB_ROUTES = [
    Route("/", shows.shows, methods=["GET"]),
    Route("/shows/{show_id}", shows.show, methods=["GET"]),
    Route("/shows/{show_id}/picture.png", picture, methods=["GET"]),
    Route("/shows/{show_id}/sections/{section:path}", choosing.section, methods=["GET"]),
    Route("/shows/{show_id}/holds", choosing.choose, methods=["POST"]),
    Route("/holds/{hold_id}", holds.hold, methods=["GET"]),
    Route("/holds/{hold_id}/extend", holds.extend, methods=["POST"]),
    Route("/holds/{hold_id}/release", holds.release, methods=["POST"]),
    Route("/holds/{hold_id}/order", holds.order, methods=["POST"]),
    Route("/orders/{order_id}", orders.order, methods=["GET"]),
    Route("/orders/{order_id}/cancel", orders.cancel, methods=["POST"]),
    Route("/robots.txt", robots, methods=["GET"]),
    Route("/sitemap.xml", sitemap, methods=["GET"]),
    Route("/operator", console, methods=["GET"]),
    Route("/static/{name}", static, methods=["GET"]),
]
