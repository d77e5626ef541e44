"""An order as a calendar file (iCalendar, RFC 5545): one entry, with the seats."""

from __future__ import annotations

from datetime import UTC, datetime

from icalendar import Calendar, Event

from cluster.ticketing.document import OrderDocument, one_line

MEDIA_TYPE = "text/calendar"
PRODUCT = "-//Frontrow//Tickets//EN"


def calendar_of(order: OrderDocument) -> bytes:
    """The same bytes for the same order. The codes are not in it: calendars are shared.

    The entry keeps its UID, so a file that is opened twice makes one entry (RFC 5545, 3.8.4.7). It has no end: nobody
    has said when the show is over.
    """
    show = order.show
    entry = Event()
    entry.add("uid", f"{order.reference.lower()}.{show.show_id}@frontrow")
    entry.add("dtstamp", _utc(order.paid_at))
    entry.add("dtstart", _utc(show.starts_at))
    entry.add("summary", one_line(show.name))
    entry.add("location", one_line(show.venue))
    seats = [f"{one_line(ticket.seat)} ({one_line(ticket.category)})" for ticket in order.tickets]
    entry.add("description", "\n".join([*seats, f"Order {order.reference}"]))
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", PRODUCT)
    calendar.add("method", "PUBLISH")
    calendar.add_component(entry)
    return calendar.to_ical()


def _utc(milliseconds: int) -> datetime:
    """To the second: iCalendar knows no less."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC)
