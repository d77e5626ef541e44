"""Who is signed in. Only pages that are nobody else's ask: what is shown to everybody can be kept and shared."""

from __future__ import annotations

from starlette.requests import Request

from cluster.store.accounts import Account
from serve_app.problems import Problem
from serve_app.rate_limits import RateLimits
from serve_app.runtime import runtime_of
from serve_app.web.cookies import Cookie, cookie_of

CHALLENGE = {"WWW-Authenticate": 'Cookie realm="account", form-action="/account/sign-in"'}
"""Of 401, which must name a scheme (RFC 9110, 15.5.2): that of draft-broyer-http-cookie-auth-00, which makes no browser
ask by itself."""


async def account_of(request: Request) -> Account | None:
    """The account whose session the browser has; None without one that is not over. Raises StoreUnavailable."""
    token = cookie_of(request, Cookie.SESSION)
    return None if token is None else await runtime_of(request).authentication.account_of(token)


def client_of(request: Request) -> str | None:
    """Whose tries are counted together; None for who is not limited."""
    limits: RateLimits = request.app.state.rate_limits
    return limits.client(request.scope)


async def require_account(request: Request) -> Account:
    """401 for whoever is not signed in."""
    account = await account_of(request)
    if account is None:
        raise Problem("not_signed_in", headers=CHALLENGE)
    return account
