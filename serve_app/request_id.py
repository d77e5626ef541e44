"""The id of a request: in its answer, in its problem if it has one, and in every line that is logged for it."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

HEADER = "X-Request-Id"
SANE = re.compile(r"[A-Za-z0-9._~-]{1,64}")
"""What is taken over from a client or a proxy: nothing that could break a header or a log, or fill it."""

REQUEST_ID: ContextVar[str] = ContextVar("frontrow_request_id", default="")
"""The request that this task works for; empty outside of one."""

TO_ANSWER: ContextVar[str] = ContextVar("frontrow_answered_request_id", default="")
"""What the answer is to have as its header; empty when somebody before us answers with it anyway."""


def request_id_of(given: str) -> str:
    """The one that came with the request, if it is a sane one; else a new one."""
    return given if SANE.fullmatch(given) else secrets.token_hex(8)
