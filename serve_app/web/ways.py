"""Where people go on from a page that says what went wrong: where its advice sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from actors.domain.identity import HoldId
from serve_app.web.refusals import N_


@dataclass(frozen=True, slots=True)
class Way:
    """`text` is one of the catalogs."""

    address: str
    text: str


ALL_SHOWS = Way("/", N_("All shows"))

_FIXED = {
    # Not to the order itself: its address shows tickets, and that of a hold may have been shown to others before.
    "hold_sold": Way("/orders", N_("My orders")),
    "order_exists": Way("/orders", N_("My orders")),
    "not_signed_in": Way("/account/sign-in", N_("Sign in")),
}

_NEW_LINK = N_("Ask for another link")


def way_of(code: str, path: str, params: Mapping[str, str]) -> Way:
    """The way on from a problem of this code; `params` are those of the address that was asked for."""
    if code in _FIXED:
        return _FIXED[code]
    if code == "link_over":
        return Way("/account/forgotten" if path.startswith("/account/") else "/orders", _NEW_LINK)
    if "order_id" in params and code != "order_not_found":
        return Way(f"/orders/{quote(params['order_id'], safe='')}", N_("Back to the order"))
    hold_id = HoldId.parse(params.get("hold_id", ""))
    show_id = hold_id.show_id if hold_id else params.get("show_id")
    if show_id and code != "show_not_found":
        return Way(f"/shows/{quote(show_id, safe='')}", N_("Back to the show"))
    return ALL_SHOWS
