"""Operations written by hand: what a client asked and was told, in few words. Times in ms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.history import Kind, Operation, Request

SHOW = "saaaaaaaaaaaa"
DEADLINE = 600_000.0


def rfc3339(ms: float) -> str:
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def held_body(
    hold_id: str, seats: tuple[str, ...], deadline: float = DEADLINE, *, extended: bool = False
) -> dict[str, Any]:
    return {
        "hold_id": hold_id,
        "show_id": SHOW,
        "seats": list(seats),
        "expires_at": rfc3339(deadline),
        "state": "held",
        "extended": extended,
    }


def granted(
    invoked: float,
    returned: float,
    hold_id: str,
    *seats: str,
    key: str = "",
    deadline: float = DEADLINE,
    quantity: int = 0,
) -> Operation:
    request = Request("hold", SHOW, () if quantity else seats, quantity, key=key)
    body = held_body(hold_id, seats, deadline)
    return Operation("buyer", request, invoked, returned, 201, body)


def refused(
    invoked: float,
    returned: float,
    *seats: str,
    named: tuple[str, ...] = (),
    key: str = "",
    reason: str = "held",
) -> Operation:
    """409; the conflicts name `named`, or all seats."""
    conflicts = [{"seat": seat, "reason": reason} for seat in named or seats]
    body = {"code": "seats_unavailable", "conflicts": conflicts}
    return Operation("rival", Request("hold", SHOW, seats, key=key), invoked, returned, 409, body)


def unanswered(invoked: float, *seats: str, key: str = "", quantity: int = 0) -> Operation:
    return Operation("lost", Request("hold", SHOW, seats, quantity, key=key), invoked)


def asked(
    kind: Kind,
    invoked: float,
    returned: float | None,
    hold_id: str,
    status: int = 0,
    body: dict[str, Any] | None = None,
    key: str = "",
) -> Operation:
    request = Request(kind, SHOW, hold_id=hold_id, key=key)
    return Operation("buyer", request, invoked, returned, status, body or {})
