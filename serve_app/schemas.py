"""How the plain (not FastAPI) routes are described in the OpenAPI document."""

from __future__ import annotations

from serve_app.describing import (
    COUNT,
    IDEMPOTENCY_KEY,
    INTEGER,
    STRING,
    TIME,
    Schema,
    header,
    json_answer,
    listing,
    operation,
    path_parameter,
    query_parameter,
    record,
)
from serve_app.order_schemas import ORDER_OPERATIONS, ORDER_SCHEMAS

SECURITY: Schema = {"bearer": {"type": "http", "scheme": "bearer"}}

STATUSES = ["available", "held", "sold", "withheld"]


SCHEMAS: Schema = {
    **ORDER_SCHEMAS,
    "SeatConflict": record(
        ["seat", "reason"],
        seat=STRING,
        reason={"type": "string", "enum": ["held", "sold", "withheld", "unknown"]},
    ),
    "HoldRequest": {
        "description": "Exactly one of the three.",
        "oneOf": [
            {
                **record(["seats"], seats={**listing(STRING), "minItems": 1}),
                "additionalProperties": False,
            },
            {
                **record(
                    ["best_available"],
                    best_available={
                        **record(
                            ["quantity"],
                            quantity=COUNT,
                            category=STRING,
                            section=STRING,
                            accessible={
                                "type": "boolean",
                                "description": "one of them takes a wheelchair; otherwise none does",
                            },
                        ),
                        "additionalProperties": False,
                    },
                ),
                "additionalProperties": False,
            },
            {
                **record(
                    ["areas"],
                    areas={
                        **listing(
                            {
                                **record(["area", "quantity"], area=STRING, quantity=COUNT),
                                "additionalProperties": False,
                            }
                        ),
                        "minItems": 1,
                    },
                ),
                "additionalProperties": False,
            },
        ],
    },
    "Hold": record(
        ["hold_id", "show_id", "seats", "amount", "currency", "expires_at", "state", "extended"],
        hold_id=STRING,
        show_id=STRING,
        seats=listing(STRING),
        amount={**INTEGER, "description": "minor units"},
        currency=STRING,
        expires_at=TIME,
        state={"type": "string", "enum": ["held", "sold"]},
        extended={"type": "boolean"},
    ),
    "Availability": record(
        ["show_id", "version", "counts", "blocks"],
        show_id=STRING,
        version={**INTEGER, "description": "the journal sequence that this answer is as of"},
        counts={
            "type": "object",
            "additionalProperties": record(STATUSES, **dict.fromkeys(STATUSES, INTEGER)),
        },
        blocks=listing(
            record(
                ["block", "tickets", "status"],
                block=INTEGER,
                tickets=INTEGER,
                status={
                    "type": "string",
                    "contentEncoding": "base64",
                    "description": (
                        "two bits per ticket in the order of the seat map, four tickets to a byte, the first in the "
                        "lowest bits: 0 available, 1 held, 2 sold, 3 withheld"
                    ),
                },
            )
        ),
    ),
    "Seatmap": record(
        ["hash", "show_id", "categories", "blocks"],
        hash=STRING,
        show_id=STRING,
        currency=STRING,
        categories=listing(record(["name", "price"], name=STRING, price=INTEGER)),
        blocks=listing(
            {
                "type": "object",
                "description": (
                    "Seats: section, rows (row, numbers), and per seat category, x, y in index order; the "
                    "indices of those that are accessible, if there are any. "
                    "An area's pool: area, first_unit, tickets, category."
                ),
                "required": ["block"],
                "properties": {"block": INTEGER},
            }
        ),
    ),
    "Health": record(["status"], status=STRING, journal=STRING, store=STRING, hosts=STRING),
}


_RESUME = "resume behind this event, or behind the `version` of an availability"
_IF_NONE_MATCH = header("If-None-Match", "an ETag that the client has")
_NOT_MODIFIED: Schema = {"description": "the client has it already"}


def _bytes_answer(description: str) -> Schema:
    return {
        "description": description,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }


_HOLD = {"200": json_answer("Hold", "the hold")}

HOT_OPERATIONS: list[tuple[str, str, Schema, tuple[int, ...]]] = [
    *ORDER_OPERATIONS,
    (
        "/v1/shows/{show_id}/holds",
        "post",
        operation(
            "createHold",
            "Hold seats: all of those asked for, or none.",
            "holds",
            [path_parameter("show_id"), IDEMPOTENCY_KEY],
            {"201": json_answer("Hold", "the hold")},
            "HoldRequest",
        ),
        (403, 404, 409, 413, 415, 422, 429, 503),
    ),
    (
        "/v1/holds/{hold_id}",
        "get",
        operation("getHold", "The hold as it stands.", "holds", [path_parameter("hold_id")], _HOLD),
        (404, 410, 503),
    ),
    (
        "/v1/holds/{hold_id}",
        "delete",
        operation(
            "releaseHold",
            "Give the seats back.",
            "holds",
            [path_parameter("hold_id")],
            {"204": {"description": "the seats are available again"}},
        ),
        (404, 409, 410, 503),
    ),
    (
        "/v1/holds/{hold_id}/extend",
        "post",
        operation(
            "extendHold",
            "Move the deadline, once, up to 30 minutes in all.",
            "holds",
            [path_parameter("hold_id"), IDEMPOTENCY_KEY],
            _HOLD,
        ),
        (404, 409, 410, 422, 503),
    ),
    (
        "/v1/shows/{show_id}/availability",
        "get",
        operation(
            "getAvailability",
            "What is to be had, now.",
            "shows",
            [path_parameter("show_id"), _IF_NONE_MATCH],
            {
                "200": json_answer("Availability", "counts and packed statuses"),
                "304": _NOT_MODIFIED,
            },
        ),
        (404, 503),
    ),
    (
        "/v1/shows/{show_id}/seatmap",
        "get",
        operation(
            "getSeatmap",
            "Geometry and labels; with `hash` the answer can be cached for ever.",
            "shows",
            [
                path_parameter("show_id"),
                query_parameter("hash", "of the map that is meant"),
                _IF_NONE_MATCH,
            ],
            {"200": json_answer("Seatmap", "the seat map"), "304": _NOT_MODIFIED},
        ),
        (404, 503),
    ),
    (
        "/v1/shows/{show_id}/availability.bin",
        "get",
        operation(
            "getPackedAvailability",
            "The status of every ticket as bytes; docs/api.md has their layout.",
            "shows",
            [path_parameter("show_id"), _IF_NONE_MATCH],
            {"200": _bytes_answer("version and packed statuses"), "304": _NOT_MODIFIED},
        ),
        (404, 503),
    ),
    (
        "/v1/shows/{show_id}/seatmap.bin",
        "get",
        operation(
            "getPackedSeatmap",
            "Geometry and labels as bytes; with `hash` (the ETag) the answer can be cached for ever.",
            "shows",
            [
                path_parameter("show_id"),
                query_parameter("hash", "of the map that is meant"),
                _IF_NONE_MATCH,
            ],
            {"200": _bytes_answer("the seat map"), "304": _NOT_MODIFIED},
        ),
        (404, 503),
    ),
    (
        "/v1/shows/{show_id}/stream",
        "get",
        operation(
            "streamSeats",
            "Live changes as server-sent events: `seats` with {changes:[{seat, status}]}, or `resync`.",
            "shows",
            [
                path_parameter("show_id"),
                header("Last-Event-ID", _RESUME),
                query_parameter("last_event_id", _RESUME),
            ],
            {
                "200": {
                    "description": "a stream",
                    "content": {"text/event-stream": {"schema": STRING}},
                }
            },
        ),
        (404, 422, 503),
    ),
    (
        "/healthz",
        "get",
        operation(
            "healthz", "The process answers.", "health", [], {"200": json_answer("Health", "alive")}
        ),
        (),
    ),
    (
        "/readyz",
        "get",
        operation(
            "readyz",
            "Journal, store and hosts answer.",
            "health",
            [],
            {
                "200": json_answer("Health", "ready"),
                "503": json_answer("Health", "not ready: which part is not"),
            },
        ),
        (),
    ),
]
