"""The rate limits in front of everything. Plain ASGI, for it is on every path."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.auth import has_key
from serve_app.rate_limits import Limited, policy_of
from serve_app.web.page import told


class RateLimiting:
    """The middleware; the application's state has the limits and the runtime once it has started."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limited = _limited(scope) if scope["type"] == "http" else None
        if limited is None:
            return await self._app(scope, receive, send)
        if not limited.use.allowed:
            return await told(Request(scope), limited.problem())(scope, receive, send)
        fields = [(name.lower().encode(), value.encode()) for name, value in limited.fields()]

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message["headers"]
                # Unless the endpoint tells of another policy that it has used, and that turns away.
                if not any(name == fields[0][0] for name, _ in given):
                    message["headers"] = [*given, *fields]
            await send(message)

        await self._app(scope, receive, counted)


def _limited(scope: Scope) -> Limited | None:
    """The use that a request is; None when nothing is counted."""
    state, policy = scope["app"].state, policy_of(scope["method"], scope["path"])
    client = None if policy is None else state.rate_limits.client(scope)
    if policy is None or client is None or has_key(scope, state.runtime.settings):
        return None
    return state.rate_limits.use(policy, client)
