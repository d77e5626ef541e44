"""The addresses that forms are sent to, for who opens one again: after a refusal it stands in the address bar."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.routing import Route

from serve_app.web.page import SeeOther, page

FORMS = {
    "/shows/{show_id}/holds": "/shows/{show_id}",
    "/holds/{hold_id}/extend": "/holds/{hold_id}",
    "/holds/{hold_id}/release": "/holds/{hold_id}",
    "/holds/{hold_id}/order": "/holds/{hold_id}",
    "/orders/link": "/orders",
    "/orders/close": "/orders",
    "/orders/{order_id}/cancel": "/orders/{order_id}",
    "/account/sign-out": "/account",
    "/account/link": "/account/sign-up",
    "/account/delete": "/account",
}
"""Where a form is sent, and the page that it is on."""


def _back(sent: str, form: str) -> Route:
    @page
    async def back(request: Request) -> SeeOther:
        params = {name: quote(value, safe="") for name, value in request.path_params.items()}
        return SeeOther(form.format_map(params))

    return Route(sent, back, methods=["GET"])


BACK_ROUTES = [_back(sent, form) for sent, form in FORMS.items()]
