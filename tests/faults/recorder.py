"""A client of the public API that writes down what it asked and what it was told, for the judges of a run."""

from __future__ import annotations

import time
from typing import Any

import httpx

from tests.history import Operation, Request

PATIENCE_SECONDS = 30.0
"""Longer than the product itself may take to give up."""


def now() -> float:
    """The clock of a history: ms since the epoch, the one by which the hosts decide."""
    return time.time() * 1000


class Recorder:
    """Sends requests over `http`; every one of them is in `history`, also those without an answer."""

    def __init__(self, http: httpx.AsyncClient, history: list[Operation]) -> None:
        self.http = http
        self.history = history

    async def send(
        self, client: str, request: Request, patience: float = PATIENCE_SECONDS
    ) -> Operation:
        """One request; a client that runs out of patience hangs up, and one that is cut off knows as little."""
        operation = Operation(client, request, now())
        self.history.append(operation)
        method, path, body = _http_request(request)
        headers = {"Idempotency-Key": request.key} if request.key else {}
        try:
            answer = await self.http.request(
                method, path, json=body, headers=headers, timeout=patience
            )
        except httpx.HTTPError:
            return operation
        operation.status, operation.body = answer.status_code, _body(answer)
        operation.returned = now()
        return operation


def _http_request(request: Request) -> tuple[str, str, dict[str, Any] | None]:
    match request.kind:
        case "hold":
            wish: dict[str, Any] = {"best_available": {"quantity": request.quantity}}
            if request.seats:
                wish = {"seats": list(request.seats)}
            return "POST", f"/v1/shows/{request.show_id}/holds", wish
        case "find":
            return "GET", f"/v1/holds/{request.hold_id}", None
        case "release":
            return "DELETE", f"/v1/holds/{request.hold_id}", None
        case "extend":
            return "POST", f"/v1/holds/{request.hold_id}/extend", None


def _body(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer; nothing for 204 and for what a proxy may say in its own words."""
    if "json" not in answer.headers.get("content-type", ""):
        return {}
    return answer.json()
