"""What search engines and messengers read of a show: schema.org's Event as JSON-LD, Open Graph, the sitemap.

Sources: schema.org/Event and schema.org/Offer; Google's documentation of structured data for events; ogp.me;
sitemaps.org, protocol 0.9. An event there is a show here.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import Response

from actors.domain.money import Money
from cluster.store.show import Show
from cluster.time_zones import local
from serve_app.runtime import runtime_of
from serve_app.times import rfc3339
from serve_app.web.language import LANGUAGES, PARAMETER
from serve_app.web.offer import Offer, Sale

SITEMAP_SHOWS_MAX = 5_000
SITEMAP_PAGE = 100
CACHE = "public, max-age=3600"

_AVAILABILITY = {
    Sale.SOON: "PreOrder",
    Sale.OPEN: "InStock",
    Sale.FEW: "LimitedAvailability",
    Sale.SOLD_OUT: "SoldOut",
    Sale.CLOSED: "Discontinued",
    Sale.EMPTY: "OutOfStock",
}

_HIDDEN = ("/holds/", "/orders", "/account", "/operator", "/v1/")
"""What belongs to one buyer, to operators, or to programs."""


def origin_of(request: Request) -> str:
    """Where this installation is to be found by others: as it was told, else as the visitor calls it."""
    public = runtime_of(request).settings.public_url
    return public or f"{request.url.scheme}://{request.url.netloc}"


def event_of(
    show: Show, offers: Sequence[Offer], sale: Sale, address: str, picture: str
) -> dict[str, object]:
    """A show as schema.org's Event; while its numbers are not known, without availability."""
    return {
        "@context": "https://schema.org",
        "@type": "Event",
        "name": show.name,
        "startDate": local(show.starts_at, show.time_zone).isoformat(),
        "eventStatus": "https://schema.org/EventScheduled",
        "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
        "location": {"@type": "Place", "name": show.venue, "address": show.venue},
        "image": [picture],
        "url": address,
        "offers": [_offer(show, offer, sale, address) for offer in offers],
    }


def _offer(show: Show, offer: Offer, sale: Sale, address: str) -> dict[str, object]:
    made: dict[str, object] = {
        "@type": "Offer",
        "name": offer.category,
        "price": Money(offer.price, show.currency).decimal,
        "priceCurrency": show.currency,
        "url": address,
    }
    if show.sale_opens_at is not None:
        made["validFrom"] = rfc3339(show.sale_opens_at)
    gone = sale in (Sale.OPEN, Sale.FEW) and not offer.available
    availability = _AVAILABILITY.get(Sale.SOLD_OUT if gone else sale)
    if availability is not None:
        made["availability"] = f"https://schema.org/{availability}"
    return made


async def robots(request: Request) -> Response:
    """GET /robots.txt (RFC 9309)"""
    hidden = "".join(f"Disallow: {path}\n" for path in _HIDDEN)
    text = f"User-agent: *\n{hidden}\nSitemap: {origin_of(request)}/sitemap.xml\n"
    return Response(text, headers={"Cache-Control": CACHE}, media_type="text/plain")


async def sitemap(request: Request) -> Response:
    """GET /sitemap.xml: the newest shows, each in every language."""
    runtime, origin = runtime_of(request), origin_of(request)
    shows, cursor = list[Show](), None
    while len(shows) < SITEMAP_SHOWS_MAX:
        page = await runtime.shows.page(cursor, SITEMAP_PAGE)
        shows += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    entries = [_entry(f"{origin}/"), *(_entry(f"{origin}/shows/{show.show_id}") for show in shows)]
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        'xmlns:xhtml="http://www.w3.org/1999/xhtml">\n' + "".join(entries) + "</urlset>\n"
    )
    return Response(text, headers={"Cache-Control": CACHE}, media_type="application/xml")


def _entry(address: str) -> str:
    others = "".join(
        f'<xhtml:link rel="alternate" hreflang="{code}" href="{escape(address)}?{PARAMETER}={code}"/>'
        for code in LANGUAGES
    )
    return f"<url><loc>{escape(address)}</loc>{others}</url>\n"
