"""How the plain (not FastAPI) routes are described in the OpenAPI document."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

SECURITY: Schema = {"bearer": {"type": "http", "scheme": "bearer"}}

STATUSES = ["available", "held", "sold", "withheld"]


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_STRING: Schema = {"type": "string"}
_INTEGER: Schema = {"type": "integer"}
_COUNT: Schema = {"type": "integer", "minimum": 1}
_TIME: Schema = {"type": "string", "format": "date-time"}

SCHEMAS: Schema = {
    "SeatConflict": _object(
        ["seat", "reason"],
        seat=_STRING,
        reason={"type": "string", "enum": ["held", "sold", "withheld", "unknown"]},
    ),
    "HoldRequest": {
        "description": "Exactly one of the three.",
        "oneOf": [
            {
                **_object(["seats"], seats={**_array(_STRING), "minItems": 1}),
                "additionalProperties": False,
            },
            {
                **_object(
                    ["best_available"],
                    best_available={
                        **_object(["quantity"], quantity=_COUNT, category=_STRING, section=_STRING),
                        "additionalProperties": False,
                    },
                ),
                "additionalProperties": False,
            },
            {
                **_object(
                    ["areas"],
                    areas={
                        **_array(
                            {
                                **_object(["area", "quantity"], area=_STRING, quantity=_COUNT),
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
    "Hold": _object(
        ["hold_id", "show_id", "seats", "amount", "currency", "expires_at", "state", "extended"],
        hold_id=_STRING,
        show_id=_STRING,
        seats=_array(_STRING),
        amount={**_INTEGER, "description": "minor units"},
        currency=_STRING,
        expires_at=_TIME,
        state={"type": "string", "enum": ["held", "sold"]},
        extended={"type": "boolean"},
    ),
    "Availability": _object(
        ["show_id", "version", "counts", "blocks"],
        show_id=_STRING,
        version={**_INTEGER, "description": "the journal sequence that this answer is as of"},
        counts={
            "type": "object",
            "additionalProperties": _object(STATUSES, **dict.fromkeys(STATUSES, _INTEGER)),
        },
        blocks=_array(
            _object(
                ["block", "tickets", "status"],
                block=_INTEGER,
                tickets=_INTEGER,
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
    "Seatmap": _object(
        ["hash", "show_id", "categories", "blocks"],
        hash=_STRING,
        show_id=_STRING,
        currency=_STRING,
        categories=_array(_object(["name", "price"], name=_STRING, price=_INTEGER)),
        blocks=_array(
            {
                "type": "object",
                "description": (
                    "Seats: section, rows (row, numbers), and per seat category, x, y in index order. "
                    "An area's pool: area, first_unit, tickets, category."
                ),
                "required": ["block"],
                "properties": {"block": _INTEGER},
            }
        ),
    ),
    "Health": {"type": "object", "properties": {"status": _STRING}},
}


def _json(name: str, described: str) -> Schema:
    return {"description": described, "content": {"application/json": {"schema": _ref(name)}}}


def _path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": _STRING}


def _header(name: str, described: str) -> Schema:
    return {"name": name, "in": "header", "schema": _STRING, "description": described}


def _query(name: str, described: str) -> Schema:
    return {"name": name, "in": "query", "schema": _STRING, "description": described}


_RESUME = "resume behind this event, or behind the `version` of an availability"
IDEMPOTENCY_KEY = _header(
    "Idempotency-Key", "the same key with the same body gives the same answer"
)
_IF_NONE_MATCH = _header("If-None-Match", "an ETag that the client has")
_NOT_MODIFIED: Schema = {"description": "the client has it already"}


def _operation(
    operation_id: str,
    summary: str,
    tag: str,
    parameters: list[Schema],
    responses: Schema,
    body: str = "",
) -> Schema:
    operation: Schema = {
        "operationId": operation_id,
        "summary": summary,
        "tags": [tag],
        "parameters": parameters,
        "responses": responses,
    }
    if body:
        content = {"application/json": {"schema": _ref(body)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


_HOLD = {"200": _json("Hold", "the hold")}

HOT_OPERATIONS: list[tuple[str, str, Schema, tuple[int, ...]]] = [
    (
        "/v1/shows/{show_id}/holds",
        "post",
        _operation(
            "createHold",
            "Hold seats: all of those asked for, or none.",
            "holds",
            [_path("show_id"), IDEMPOTENCY_KEY],
            {"201": _json("Hold", "the hold")},
            "HoldRequest",
        ),
        (403, 404, 409, 413, 415, 422, 429, 503),
    ),
    (
        "/v1/holds/{hold_id}",
        "get",
        _operation("getHold", "The hold as it stands.", "holds", [_path("hold_id")], _HOLD),
        (404, 410, 503),
    ),
    (
        "/v1/holds/{hold_id}",
        "delete",
        _operation(
            "releaseHold",
            "Give the seats back.",
            "holds",
            [_path("hold_id")],
            {"204": {"description": "the seats are available again"}},
        ),
        (404, 409, 410, 503),
    ),
    (
        "/v1/holds/{hold_id}/extend",
        "post",
        _operation(
            "extendHold",
            "Move the deadline, once, up to 30 minutes in all.",
            "holds",
            [_path("hold_id"), IDEMPOTENCY_KEY],
            _HOLD,
        ),
        (404, 409, 410, 422, 503),
    ),
    (
        "/v1/shows/{show_id}/availability",
        "get",
        _operation(
            "getAvailability",
            "What is to be had, now.",
            "shows",
            [_path("show_id"), _IF_NONE_MATCH],
            {"200": _json("Availability", "counts and packed statuses"), "304": _NOT_MODIFIED},
        ),
        (404, 503),
    ),
    (
        "/v1/shows/{show_id}/seatmap",
        "get",
        _operation(
            "getSeatmap",
            "Geometry and labels; with `hash` the answer can be cached for ever.",
            "shows",
            [_path("show_id"), _query("hash", "of the map that is meant"), _IF_NONE_MATCH],
            {"200": _json("Seatmap", "the seat map"), "304": _NOT_MODIFIED},
        ),
        (404, 503),
    ),
    (
        "/v1/shows/{show_id}/stream",
        "get",
        _operation(
            "streamSeats",
            "Live changes as server-sent events: `seats` with {changes:[{seat, status}]}, or `resync`.",
            "shows",
            [_path("show_id"), _header("Last-Event-ID", _RESUME), _query("last_event_id", _RESUME)],
            {
                "200": {
                    "description": "a stream",
                    "content": {"text/event-stream": {"schema": _STRING}},
                }
            },
        ),
        (404, 422, 503),
    ),
    (
        "/healthz",
        "get",
        _operation(
            "healthz", "The process answers.", "health", [], {"200": _json("Health", "alive")}
        ),
        (),
    ),
    (
        "/readyz",
        "get",
        _operation(
            "readyz",
            "Journal, store and hosts answer.",
            "health",
            [],
            {
                "200": _json("Health", "ready"),
                "503": _json("Health", "not ready: which part is not"),
            },
        ),
        (),
    ),
]
