"""What a browser may do with an answer, in the headers of every one. Plain ASGI, for it is on every path.

Pages have a Content-Security-Policy of their own (serve_app/web/policy.py); what is no page loads nothing. Sources: the
Content Security Policy (level 3), Fetch (Cross-Origin-Resource-Policy), HTML (Cross-Origin-Opener-Policy), Permissions
Policy, Referrer Policy, RFC 6797.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cluster.settings import Settings

HSTS_SECONDS = 365 * 24 * 3600

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # The address of a hold or an order is its buyer's secret: no other site sees it.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")

_WITHOUT_POLICY = (b"application/pdf",)
"""A browser's own viewer is a page that loads parts, and would be held to the policy."""

Raw = tuple[tuple[bytes, bytes], ...]


def security_headers(settings: Settings) -> Raw:
    """Those of this installation, as ASGI has them: one that is reached by HTTPS is never asked without it again."""
    headers = dict(HEADERS)
    if (settings.public_url or "").startswith("https://"):
        headers["Strict-Transport-Security"] = f"max-age={HSTS_SECONDS}"
    return tuple((name.lower().encode(), value.encode()) for name, value in headers.items())


class SecurityHeaders:
    """The middleware; the application's state has `security_headers` once it has started. What an endpoint says itself
    counts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers: Raw = scope["app"].state.security_headers

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *missing_headers(message, headers)]
            await send(message)

        await self._app(scope, receive, told)


def missing_headers(message: Message, headers: Raw) -> list[tuple[bytes, bytes]]:
    """What the beginning of a response does not say yet."""
    given = dict(message["headers"])
    missing = [pair for pair in headers if pair[0] not in given]
    # A 304 has no policy: what the browser has keeps the one, and the nonce, that it came with.
    if message["status"] != 304 and given.get(b"content-type") not in _WITHOUT_POLICY:
        missing += [_POLICY] if _POLICY[0] not in given else []
    return missing
