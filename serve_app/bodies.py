"""Reading a request's body: bounded, decoded, and with an error that names the place."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from starlette.requests import Request

from serve_app.problems import Problem

JSON_BYTES_MAX = 256 * 1024
"""The largest JSON body of an ordinary request."""

T = TypeVar("T")


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The whole body; 413 as soon as it is known to be over `bytes_max`."""
    declared = request.headers.get("Content-Length", "")
    if declared.isdigit() and int(declared) > bytes_max:
        raise Problem("payload_too_large", f"at most {bytes_max} bytes")
    chunks, size = list[bytes](), 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > bytes_max:
            raise Problem("payload_too_large", f"at most {bytes_max} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


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
