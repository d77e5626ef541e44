"""Time zones: the clocks of a venue, by which its shows are announced (IANA's database, RFC 6557)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

DEFAULT = "UTC"
"""Of a show whose organizer named no zone."""

_NO_PLACE = {"Factory", "localtime"}
"""What a machine has not set, and what it happens to have set: neither says the same elsewhere."""


@cache
def zones() -> frozenset[str]:
    """The names of all zones that this installation knows."""
    return frozenset(available_timezones() - _NO_PLACE)


def local(milliseconds: int, zone: str) -> datetime:
    """A moment (ms since the epoch) by the clocks of `zone`, one of zones()."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment if zone == DEFAULT else moment.astimezone(ZoneInfo(zone))


def zone_name(moment: datetime) -> str:
    """What the clocks of this moment go by: `CEST`, or `(UTC+03)` where a zone has no name of its own."""
    name = moment.tzname() or DEFAULT
    return f"(UTC{name})" if name[0] in "+-" else name
