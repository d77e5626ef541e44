"""Problem details (RFC 9457): one registry of codes, the rejections of the core and those of the edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors.domain.rejections import REGISTRY, Code, Kind
from serve_app.request_id import REQUEST_ID

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1

STATUS_OF_KIND = {
    Kind.CONFLICT: 409,
    Kind.FORBIDDEN: 403,
    Kind.GONE: 410,
    Kind.INVALID: 422,
    Kind.NOT_FOUND: 404,
}


@dataclass(frozen=True, slots=True)
class ProblemType:
    """What a code stands for at the edge."""

    status: int
    title: str


PROBLEMS: dict[str, ProblemType] = {
    **{code.value: ProblemType(STATUS_OF_KIND[m.kind], m.title) for code, m in REGISTRY.items()},
    "invalid_signature": ProblemType(400, "The signature is not valid here and now"),
    "invalid_notice": ProblemType(400, "The body is not an event of the payment provider"),
    "unauthenticated": ProblemType(401, "A bearer key is needed"),
    "not_signed_in": ProblemType(401, "Nobody is signed in"),
    "forbidden": ProblemType(403, "This key does not allow that"),
    "foreign_form": ProblemType(403, "The form was sent from another site"),
    "not_found": ProblemType(404, "There is nothing at this address"),
    "show_not_found": ProblemType(404, "There is no such show"),
    "ticket_not_found": ProblemType(404, "The order has no such ticket"),
    "job_not_found": ProblemType(404, "There is no such job"),
    "host_not_found": ProblemType(404, "There is no such host"),
    "method_not_allowed": ProblemType(405, "This address does not take this method"),
    "already_checked_in": ProblemType(409, "This ticket has been checked in"),
    "host_drained": ProblemType(409, "Nothing is placed on a drained host"),
    "host_pinned": ProblemType(409, "A block is pinned to a host that would go"),
    "no_host_left": ProblemType(409, "No host would be left to place blocks on"),
    "too_many_pins": ProblemType(409, "Too many blocks are pinned"),
    "link_over": ProblemType(410, "This link is over, or was never one of ours"),
    "payload_too_large": ProblemType(413, "The body is over the limit"),
    "unsupported_media_type": ProblemType(415, "This media type is not taken here"),
    "invalid_json": ProblemType(422, "The body is not the JSON that is expected here"),
    "invalid_request": ProblemType(422, "The request does not fit its description"),
    "invalid_idempotency_key": ProblemType(422, "The Idempotency-Key cannot be used"),
    "invalid_cursor": ProblemType(422, "The cursor is not one of ours"),
    "duplicate_seats": ProblemType(422, "A seat is asked for twice"),
    "payment_refused": ProblemType(422, "The payment provider does not take this payment"),
    "invalid_code": ProblemType(422, "This is not the code of a valid ticket"),
    "missing_column": ProblemType(422, "The file lacks a column"),
    "unknown_column": ProblemType(422, "The file has a column that is not known"),
    "invalid_encoding": ProblemType(422, "The file is not UTF-8"),
    "invalid_plan": ProblemType(422, "The file is not a seating plan"),
    "empty_file": ProblemType(422, "The file has no seats"),
    "too_many_rows": ProblemType(422, "The file has more seats than one load takes"),
    "automated_form": ProblemType(422, "A field that must stay empty was filled in"),
    "too_many_requests": ProblemType(429, "Too many requests at once"),
    "rate_limited": ProblemType(429, "Too many requests from one address"),
    "internal_error": ProblemType(500, "Something unexpected happened"),
    "unavailable": ProblemType(503, "A part that this needs is not available"),
}


class Problem(Exception):
    """A request that ends with a problem. `code` is in PROBLEMS."""

    def __init__(
        self, code: str, detail: str = "", headers: dict[str, str] | None = None, **extensions: Any
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.headers = headers or {}
        self.extensions = extensions


def unavailable(detail: str = "", retry_after_seconds: int = RETRY_AFTER_SECONDS) -> Problem:
    """503 with Retry-After."""
    return Problem("unavailable", detail, {"Retry-After": str(retry_after_seconds)})


def busy(detail: str) -> Problem:
    """429 with Retry-After."""
    return Problem("too_many_requests", detail, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def problem_response(problem: Problem, instance: str) -> Response:
    kind = PROBLEMS[problem.code]
    body: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "code": problem.code,
        "detail": problem.detail or kind.title,
        "instance": instance,
        **problem.extensions,
    }
    if request_id := REQUEST_ID.get():
        body["request_id"] = request_id
    headers = dict(problem.headers)
    if kind.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(body), kind.status, headers, MEDIA_TYPE)


async def on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error, request.url.path)


def rejection_problem(code: Code, detail: str = "", **extensions: Any) -> Problem:
    """The problem of a refusal of the core."""
    return Problem(code.value, detail, **extensions)
