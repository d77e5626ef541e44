"""Where a page that says no leads: to where its advice sends people, and never to what is not there."""

from __future__ import annotations

import pytest

from serve_app.web.ways import way_of

SHOW = "s" + "a" * 12
HOLD = f"{SHOW}-0-{'b' * 26}"


@pytest.mark.parametrize(
    ("code", "path", "params", "address"),
    [
        ("hold_expired", f"/holds/{HOLD}", {"hold_id": HOLD}, f"/shows/{SHOW}"),
        ("hold_not_found", "/holds/none", {"hold_id": "none"}, "/"),
        ("hold_sold", f"/holds/{HOLD}", {"hold_id": HOLD}, "/orders"),
        ("invalid_request", f"/shows/{SHOW}/holds", {"show_id": SHOW}, f"/shows/{SHOW}"),
        ("sale_not_open", f"/shows/{SHOW}/holds", {"show_id": SHOW}, f"/shows/{SHOW}"),
        ("show_not_found", "/shows/x", {"show_id": "x"}, "/"),
        ("not_found", "/shows/a%2Fb", {"show_id": "//b"}, "/shows/%2F%2Fb"),
        ("order_paid", "/orders/o1/cancel", {"order_id": "o1"}, "/orders/o1"),
        ("order_not_found", "/orders/o1", {"order_id": "o1"}, "/"),
        ("not_signed_in", "/account/delete", {}, "/account/sign-in"),
        ("link_over", "/account/links/x", {"token": "x"}, "/account/forgotten"),
        ("link_over", "/account/password", {}, "/account/forgotten"),
        ("link_over", "/orders/links/x", {"token": "x"}, "/orders"),
        ("unavailable", "/", {}, "/"),
    ],
)
def test_the_way_on(code: str, path: str, params: dict[str, str], address: str) -> None:
    assert way_of(code, path, params).address == address
