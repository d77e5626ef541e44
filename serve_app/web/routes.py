"""The addresses that people open in a browser. They are not part of the API and not in its document."""

from __future__ import annotations

from starlette.routing import Route

from serve_app.web import choosing, holds, orders, shows
from serve_app.web.assets import static
from serve_app.web.console import console
from serve_app.web.picture import picture
from serve_app.web.search_engines import robots, sitemap

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
