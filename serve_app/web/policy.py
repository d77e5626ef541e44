"""What the browser may do with a page, beside what every answer says of itself (serve_app/security_headers.py).

The Content-Security-Policy (CSP level 3) lets run what carries the nonce of this answer, and nothing inline. Forms are
protected against other sites by what the browser itself says of where a request comes from (Fetch Metadata, W3C; for
older browsers the Origin header, RFC 6454), which needs no token in the page, so that a page can be kept and shared.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from serve_app.problems import Problem

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

_SAME_SITE = ("same-origin", "none")

STRIPE_SCRIPT = "https://js.stripe.com"
_STRIPE_FRAMES = f"{STRIPE_SCRIPT} https://*.js.stripe.com https://hooks.stripe.com"
_STRIPE_CALLS = "https://api.stripe.com https://*.stripe.com"


def content_security_policy(nonce: str, *, payments: str = "") -> str:
    """The policy of one answer. `payments`: the origin of the payment provider's script on a page that takes cards."""
    scripts, frames, calls = f"'nonce-{nonce}'", "'none'", "'self'"
    if payments:
        stripe = payments == STRIPE_SCRIPT
        scripts += f" {payments}"
        frames = _STRIPE_FRAMES if stripe else f"{payments} 'self'"
        calls += f" {_STRIPE_CALLS if stripe else payments}"
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
        f"connect-src {calls}; frame-src {frames}; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def require_same_site(request: Request) -> None:
    """403 for a form that another site has made the browser send. What is no browser sends neither header, and has no
    cookie that could be abused."""
    if request.method in SAFE_METHODS:
        return
    fetched_from = request.headers.get("Sec-Fetch-Site")
    if fetched_from is not None:
        if fetched_from not in _SAME_SITE:
            raise Problem("foreign_form")
        return
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
        raise Problem("foreign_form")
