"""Reading a request's body: bounded, decoded, and with an error that names the place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from serve_app.problems import Problem

JSON_BYTES_MAX = 256 * 1024
"""The largest JSON body of an ordinary request."""

DRAINED_BYTES_MAX = 64 * 1024 * 1024
"""What is read past a limit before the refusal: a client that is still sending when the connection is closed may never
see the answer."""

ERRORS_SHOWN_MAX = 20

JSON = "application/json"

T = TypeVar("T")
Model = TypeVar("Model", bound=BaseModel)


def media_type(request: Request) -> str:
    """The media type of the body, without its parameters; empty when the client names none."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def read_json(request: Request, bytes_max: int = JSON_BYTES_MAX) -> bytes:
    """The body of a request, an ordinary one unless told otherwise; 415 when it says to be anything but JSON."""
    if media_type(request) not in ("", JSON):
        raise Problem("unsupported_media_type", f"send {JSON}")
    return await read_body(request, bytes_max)


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The whole body; 413 when it is over `bytes_max`, whatever its Content-Length says."""
    refusal = Problem("payload_too_large", f"at most {bytes_max} bytes")
    declared = request.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > bytes_max + DRAINED_BYTES_MAX:
        raise refusal
    chunks, size = list[bytes](), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= bytes_max:
            chunks.append(chunk)
        elif size <= bytes_max + DRAINED_BYTES_MAX:
            chunks.clear()
        else:
            raise refusal
    if size > bytes_max:
        raise refusal
    return b"".join(chunks)


def json_body(
    model: type[Model], bytes_max: int = JSON_BYTES_MAX
) -> Callable[[Request], Awaitable[Model]]:
    """A dependency: the body as `model`. FastAPI's own way reads any amount of it, and before the key is looked at."""

    async def read(request: Request) -> Model:
        body = await read_json(request, bytes_max)
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            raise invalid(
                error.errors(include_url=False, include_context=False, include_input=False)
            ) from None

    return read


def invalid(errors: Sequence[Any]) -> Problem:
    """What pydantic found wrong, by place."""
    if any(error["type"] == "json_invalid" for error in errors):
        return Problem("invalid_json", errors[0]["msg"])
    found = [
        {"pointer": "/" + "/".join(map(str, e["loc"])), "detail": e["msg"]}
        for e in errors[:ERRORS_SHOWN_MAX]
    ]
    detail = "; ".join(f"{one['pointer']}: {one['detail']}" for one in found[:5])
    return Problem("invalid_request", detail, errors=found)


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The body as the decoder's type; 422 with what is wrong and where."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Problem("invalid_request", str(error)) from None
    except msgspec.DecodeError as error:
        raise Problem("invalid_json", str(error)) from None
    except UnicodeDecodeError:
        raise Problem("invalid_json", "the body is not UTF-8") from None
