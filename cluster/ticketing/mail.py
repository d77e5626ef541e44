"""The e-mail that confirms an order: what was bought, with the tickets and a calendar entry attached.

An Internet message (RFC 5322) with a plain text and an HTML alternative (RFC 2046). The Message-ID follows from the
order, so a mail that is sent twice is recognised as one. Names are brought to a single line before they stand in a
header, and the standard library refuses a header with a line break in it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from html import escape

from email_validator import EmailNotValidError, validate_email

from cluster.ticketing.document import OrderDocument, one_line

NAME_CHARS_MAX = 100
"""Of a show's name in a subject: what a list of mails has room for."""

ENCODING = "quoted-printable"
"""Of the texts: not every server on the way takes bytes beyond ASCII (RFC 6152)."""

_SENDER = re.compile(
    r"(?P<name>[^<>]*)<(?P<named>[^<>@\s]+@[^<>@\s]+)>|(?P<bare>[^<>@\s]+@[^<>@\s]+)"
)


class AddressError(ValueError):
    """Not an address that mail can be sent to. The text does not repeat it."""


def confirmation(
    order: OrderDocument,
    sender: Address,
    recipient: str,
    *,
    pdf: bytes,
    calendar: bytes,
    order_url: str | None = None,
) -> EmailMessage:
    """The message to the buyer. `order_url` leads to the order and is the buyer's authority over it: it stands in the
    texts of this mail only. Raises AddressError."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient_address(order.holder, recipient)
    message["Subject"] = f"Your tickets: {one_line(order.show.name)[:NAME_CHARS_MAX]}"
    message["Date"] = datetime.fromtimestamp(order.paid_at / 1000, UTC)
    message["Message-ID"] = f"<confirmation.{order.reference.lower()}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers by machines
    message.set_content(_text(order, order_url), cte=ENCODING)
    message.add_alternative(_html(order, order_url), subtype="html", cte=ENCODING)
    named = f"tickets-{order.reference.lower()}"
    message.add_attachment(pdf, "application", "pdf", filename=f"{named}.pdf")
    described = {"method": "PUBLISH", "charset": "utf-8"}
    message.add_attachment(calendar, "text", "calendar", filename=f"{named}.ics", params=described)
    return message


def sender_address(text: str) -> Address:
    """`Name <user@host>` or `user@host` as an address to send from; the operator knows which hosts there are. Raises
    AddressError."""
    match = _SENDER.fullmatch(one_line(text))
    if match is None:
        raise AddressError("not an address that mail can be sent from")
    name = (match["name"] or "").strip('" ')
    user, _, domain = (match["named"] or match["bare"]).rpartition("@")
    return Address(name, user, domain)


def recipient_address(holder: str, text: str) -> Address:
    """Whom a message goes to, in the form for servers that know ASCII only, if it has one. Built from its parts: the
    standard library's parser takes no letters beyond ASCII (RFC 6531). Raises AddressError."""
    try:
        valid = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise AddressError("not an address that mail can be sent to") from None
    user, _, domain = (valid.ascii_email or valid.normalized).rpartition("@")
    return Address(one_line(holder), user, domain)


def _text(order: OrderDocument, order_url: str | None) -> str:
    show = order.show
    seats = [
        f"  {one_line(ticket.seat)}, {one_line(ticket.category)}, {ticket.price}"
        for ticket in order.tickets
    ]
    lines = [
        *(_greeting(order), "", "Your tickets are attached. Print them or show them on your phone"),
        *("at the entrance.", "", one_line(show.name), one_line(show.venue)),
        *(f"{show.date()}, {show.time()}", "", *seats, "", f"Total: {order.total}"),
        f"Order: {order.reference}",
    ]
    if order_url is not None:
        lines += ["", f"Your order: {order_url}", "Keep this address to yourself."]
    return "\n".join(lines) + "\n"


def _html(order: OrderDocument, order_url: str | None) -> str:
    show = order.show
    cell = 'style="padding:6px 16px 6px 0"'
    rows = "".join(
        f"<tr><td {cell}><b>{_escaped(ticket.seat)}</b></td><td {cell}>{_escaped(ticket.category)}"
        f"</td><td {cell}>{ticket.price}</td></tr>"
        for ticket in order.tickets
    )
    link = "" if order_url is None else f'<p><a href="{escape(order_url)}">Your order</a></p>'
    return f"""<!doctype html>
<html lang="en"><body style="margin:0;font-family:sans-serif;color:#111827;line-height:1.4">
<div style="max-width:560px;margin:0 auto;padding:24px">
<div style="background:#171c3d;color:#fff;padding:24px;border-radius:10px;border-bottom:4px solid #f5be50">
<h1 style="margin:0 0 8px;font-size:24px">{_escaped(show.name)}</h1>
<div>{_escaped(show.venue)}</div>
<div style="color:#f5be50"><b>{show.date()}, {show.time()}</b></div>
</div>
<p>{escape(_greeting(order))}</p>
<p>Your tickets are attached. Print them or show them on your phone at the entrance.</p>
<table style="border-collapse:collapse">{rows}</table>
<p>Total: <b>{order.total}</b><br>Order: <b>{order.reference}</b></p>
{link}</div></body></html>
"""


def _greeting(order: OrderDocument) -> str:
    return f"Hello {one_line(order.holder)}," if order.holder else "Hello,"


def _escaped(name: str) -> str:
    return escape(one_line(name))
