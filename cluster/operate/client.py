"""The public API as a client sees it: JSON in and out, problems (RFC 9457) as one error class."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from cluster.operate.command import CommandError
from cluster.operate.target import Target

CONNECT_SECONDS_MAX = 5.0
ANSWER_SECONDS_MAX = 90.0
"""Scaling answers when the new hosts do."""

ASYNC_ANSWER_SECONDS_MAX = 30.0
UPLOAD_CHUNK_BYTES = 256 * 1024
RETRIES_MAX = 3
"""Further attempts at a request that was answered 429 or 503, after the pause that the server names."""

RETRY_AFTER_SECONDS_MAX = 10.0
UNAVAILABLE = (429, 503)

OnBytes = Callable[[int], None]
Content = Callable[[], Iterator[bytes]]
"""A body made anew for every attempt."""


class ApiError(CommandError):
    """The server answered with a problem. `status` is HTTP's, `code` the problem's, `body` the whole document."""

    def __init__(
        self, status: int, code: str, title: str, detail: str, body: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {detail or title} (HTTP {status})", code)
        self.status = status
        self.body = body or {}


class ServerUnreachable(CommandError):
    """Nothing answers at the server's address, or the answer broke off."""


def problem_of(response: httpx.Response) -> ApiError:
    """The error of an answer that is none of success; anything that is no problem document is named as such."""
    try:
        body = response.json()
        code, title = body["code"], body["title"]
        return ApiError(response.status_code, code, title, body.get("detail", ""), body)
    except (ValueError, KeyError, TypeError):
        return ApiError(response.status_code, "no_problem_document", response.reason_phrase, "")


class Client:
    """A connection to one installation, for one thread. Requests are safe to repeat: those that create have keys."""

    def __init__(self, target: Target, answer_seconds: float = ANSWER_SECONDS_MAX) -> None:
        self.url = target.url
        self._http = httpx.Client(
            base_url=target.url,
            headers=_authority(target),
            timeout=httpx.Timeout(answer_seconds, connect=CONNECT_SECONDS_MAX),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        return self.request("GET", path, params=params).json()

    def put(self, path: str, body: Any) -> Any:
        return self.request("PUT", path, json=body).json()

    def once(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, asked for once: where the server itself waits, a 503 says that it has waited long enough."""
        return _told(self._once(method, path, None, {} if body is None else {"json": body})).json()

    def post(self, path: str, body: Any, key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.request("POST", path, json=body, headers=headers).json()

    def upload(
        self,
        path: str,
        file: Path,
        media_type: str,
        key: str | None,
        on_bytes: OnBytes,
        **params: Any,
    ) -> httpx.Response:
        """Send a file piece by piece; `on_bytes` hears how many went."""
        headers = {"Content-Type": media_type, "Content-Length": str(file.stat().st_size)}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.request(
            "POST", path, headers=headers, params=params, content=lambda: _pieces(file, on_bytes)
        )

    def look(self, path: str) -> httpx.Response:
        """The answer of a GET as it is, whatever its status; asked once. Raises ServerUnreachable."""
        return self._once("GET", path, None, {})

    def request(
        self, method: str, path: str, *, content: Content | None = None, **options: Any
    ) -> httpx.Response:
        """The answer, if it is a success. Raises ApiError, ServerUnreachable."""
        for _ in range(RETRIES_MAX):
            response = self._once(method, path, content, options)
            if response.status_code not in UNAVAILABLE:
                break
            time.sleep(retry_after(response))
        else:
            response = self._once(method, path, content, options)
        return _told(response)

    def _once(
        self, method: str, path: str, content: Content | None, options: dict[str, Any]
    ) -> httpx.Response:
        try:
            body = content() if content is not None else None
            return self._http.request(method, path, content=body, **options)
        except httpx.InvalidURL as error:
            raise ServerUnreachable(f"{self.url} is no URL: {error}", "invalid_url") from None
        except httpx.TransportError as error:
            raise unreachable(self.url, error) from None


def _told(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    raise problem_of(response)


def async_client(target: Target) -> httpx.AsyncClient:
    """The same connection for many requests at a time; httpx's own errors come through."""
    return httpx.AsyncClient(
        base_url=target.url, headers=_authority(target), timeout=ASYNC_ANSWER_SECONDS_MAX
    )


def unreachable(url: str, error: httpx.TransportError) -> ServerUnreachable:
    return ServerUnreachable(f"no answer from {url} ({type(error).__name__})", "unreachable")


def _authority(target: Target) -> dict[str, str]:
    return {"Authorization": f"Bearer {target.admin_key}"} if target.admin_key else {}


def retry_after(response: httpx.Response) -> float:
    """The pause that the server asks for, seconds, within reason."""
    asked = response.headers.get("Retry-After", "1")
    return min(float(asked) if asked.isdigit() else 1.0, RETRY_AFTER_SECONDS_MAX)


def _pieces(file: Path, on_bytes: OnBytes) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(UPLOAD_CHUNK_BYTES):
            yield piece
            on_bytes(len(piece))
