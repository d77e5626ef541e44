"""The OpenAPI document: what FastAPI generates, and the plain routes described beside it. Every error is listed."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serve_app.describing import IDEMPOTENCY_KEY
from serve_app.problems import MEDIA_TYPE, PROBLEMS
from serve_app.rate_limits import policy_of
from serve_app.schemas import HOT_OPERATIONS, SCHEMAS, SECURITY

_REF = "#/components/schemas/{model}"

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": (
        "RFC 9457. `code` is stable; `request_id` is the answer's `X-Request-Id`; `conflicts` comes with "
        "seats_unavailable and block_frozen, `results` with seats to withhold or restore, `checked_in_at` with "
        "already_checked_in, `reason` with payment_refused, `violated-policies` with rate_limited."
    ),
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(PROBLEMS)},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "request_id": {"type": "string"},
        "conflicts": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/SeatConflict"},
        },
        "results": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/SeatResult"},
        },
        "checked_in_at": {"type": "string", "format": "date-time"},
        "reason": {"type": "string"},
        "violated-policies": {"type": "array", "items": {"type": "string"}},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}


def _header(described: str, kind: str = "string") -> dict[str, Any]:
    return {"schema": {"type": kind}, "description": described}


RATE_LIMIT_FIELDS = {
    "RateLimit-Policy": _header('`"holds";q=120;w=60`: 120 in 60 seconds for each client'),
    "RateLimit": _header('`"holds";r=3;t=1`: 3 are left, one more in a second'),
}
"""Of draft-ietf-httpapi-ratelimit-headers; every answer to who is limited has them."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation that can end with these statuses."""
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    codes = sorted(code for code, problem in PROBLEMS.items() if problem.status == status)
    answer: dict[str, Any] = {
        "description": " or ".join(f"`{code}`" for code in codes),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": _header("seconds", "integer")}
    if status == 429:
        answer["headers"] |= RATE_LIMIT_FIELDS
    return answer


_bodies: list[type[BaseModel]] = []


def json_request(model: type[BaseModel]) -> dict[str, Any]:
    """The request body of an operation that reads it by `json_body(model)`."""
    _bodies.append(model)
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def creating(operation: dict[str, Any]) -> dict[str, Any]:
    """An operation that takes an Idempotency-Key."""
    return {**operation, "parameters": [IDEMPOTENCY_KEY]}


def seat_file_body(media_types: list[str], bytes_max: int) -> dict[str, Any]:
    """The request body of a bulk load: a file in one of several formats."""
    described = f"At most {bytes_max // 2**20} MiB."
    file: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
    return {
        "requestBody": {
            "required": True,
            "description": described,
            "content": dict.fromkeys(media_types, file),
        }
    }


def document(app: FastAPI) -> dict[str, Any]:
    """Built once per application."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    schema = get_openapi(
        title=app.title,
        version=app.version,
        summary="Tickets for seats that exist once.",
        description=(
            "Errors are problem details (RFC 9457) with a stable `code`. Every POST that creates takes an "
            "`Idempotency-Key`. Amounts are integers in minor units; times are RFC 3339 in UTC."
        ),
        routes=app.routes,
    )
    components = schema.setdefault("components", {})
    _, bodies = models_json_schema([(body, "validation") for body in _bodies], ref_template=_REF)
    components.setdefault("schemas", {}).update(
        {**SCHEMAS, **bodies["$defs"], "Problem": PROBLEM_SCHEMA}
    )
    components["securitySchemes"] = SECURITY
    for path, method, operation, statuses in HOT_OPERATIONS:
        described = {**operation, "responses": {**operation["responses"]}}
        for status, problem in problems(*statuses).items():
            described["responses"][str(status)] = problem
        schema["paths"].setdefault(path, {})[method] = described
    _complete(schema)
    app.openapi_schema = schema
    return schema


def _complete(schema: dict[str, Any]) -> None:
    """Operations that can answer 401 need the bearer key; validation errors are problems as well; so are defects, and
    asking too often."""
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            if policy_of(method.upper(), path) is not None:
                responses["429"] = _problem(429)
            if "401" in responses:
                operation["security"] = [{"bearer": []}]
            if "422" in responses:
                responses["422"] = _problem(422)
            responses["500"] = _problem(500)
    for unused in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(unused, None)


def rendered(app: FastAPI) -> str:
    """The document as `docs/openapi.json` has it."""
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    from serve_app.app import create_app  # not at the top: the application imports this module

    print(rendered(create_app()), end="")
