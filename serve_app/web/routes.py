"""The addresses that people open in a browser. They are not part of the API and not in its document."""

from __future__ import annotations

from starlette.routing import Route

from serve_app.web import accounts, choosing, holds, my_orders, orders, shows
from serve_app.web.assets import static
from serve_app.web.console import console
from serve_app.web.picture import picture
from serve_app.web.search_engines import robots, sitemap
from serve_app.web.sent_forms import BACK_ROUTES

WEB_ROUTES = [
    *BACK_ROUTES,
    Route("/", shows.shows, methods=["GET"]),
    Route("/shows/{show_id}", shows.show, methods=["GET"]),
    Route("/shows/{show_id}/picture.png", picture, methods=["GET"]),
    Route("/shows/{show_id}/sections/{section:path}", choosing.section, methods=["GET"]),
    Route("/shows/{show_id}/holds", choosing.choose, methods=["POST"]),
    Route("/holds/{hold_id}", holds.hold, methods=["GET"]),
    Route("/holds/{hold_id}/extend", holds.extend, methods=["POST"]),
    Route("/holds/{hold_id}/release", holds.release, methods=["POST"]),
    Route("/holds/{hold_id}/order", holds.order, methods=["POST"]),
    Route("/orders", my_orders.my_orders, methods=["GET"]),
    Route("/orders/link", my_orders.mail_link, methods=["POST"]),
    Route("/orders/mailed", my_orders.mailed, methods=["GET"]),
    Route("/orders/links/{token}", my_orders.open_link, methods=["GET"]),
    Route("/orders/close", my_orders.close, methods=["POST"]),
    Route("/account", accounts.account, methods=["GET"]),
    Route("/account/sign-in", accounts.sign_in_form, methods=["GET"]),
    Route("/account/sign-in", accounts.sign_in, methods=["POST"]),
    Route("/account/sign-out", accounts.sign_out, methods=["POST"]),
    Route("/account/sign-up", accounts.sign_up_form, methods=["GET"]),
    Route("/account/forgotten", accounts.forgotten_form, methods=["GET"]),
    Route("/account/link", accounts.mail_link, methods=["POST"]),
    Route("/account/mailed", accounts.mailed, methods=["GET"]),
    Route("/account/links/{token}", accounts.open_link, methods=["GET"]),
    Route("/account/password", accounts.password_form, methods=["GET"]),
    Route("/account/password", accounts.set_password, methods=["POST"]),
    Route("/account/delete", accounts.delete, methods=["POST"]),
    Route("/orders/{order_id}", orders.order, methods=["GET"]),
    Route("/orders/{order_id}/cancel", orders.cancel, methods=["POST"]),
    Route("/robots.txt", robots, methods=["GET"]),
    Route("/sitemap.xml", sitemap, methods=["GET"]),
    Route("/operator", console, methods=["GET"]),
    Route("/static/{name}", static, methods=["GET"]),
]
