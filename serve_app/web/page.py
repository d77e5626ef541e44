"""An endpoint that answers people: a template filled in, or where to go next; what went wrong is a page as well."""

from __future__ import annotations

import gzip
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import structlog
from starlette.requests import Request
from starlette.responses import Response

from actors.journal import JournalUnavailable
from cluster.store.mongo import StoreUnavailable
from serve_app.conditional import matches, takes_gzip
from serve_app.problems import Problem, problem_response, unavailable
from serve_app.web.language import COOKIE, LANGUAGES, PARAMETER, Language, language_of
from serve_app.web.policy import SAFE_METHODS, content_security_policy, require_same_site
from serve_app.web.refusals import refusal_of
from serve_app.web.rendering import rendered
from serve_app.web.ways import ALL_SHOWS, way_of

_log = structlog.get_logger()

PUBLIC = "private, max-age=0, stale-while-revalidate=30"
"""Of a page that is the same for everybody, and changes with the sale: shown again at once, and asked for meanwhile."""

PRIVATE = "no-store"
"""Of a page that shows what belongs to one buyer."""

GZIP_LEVEL = 5
GZIP_FROM_BYTES = 1_000
LANGUAGE_SECONDS = 365 * 24 * 3600

_FOR_PROGRAMS = ("/v1", "/webhooks", "/problems", "/openapi.json", "/healthz", "/readyz")
"""What nobody opens in a browser begins like this."""

_NONCE = "nonce-" + secrets.token_hex(12)
"""Stands for the nonce while a page is rendered, so that its tag does not change with it. Nobody can guess it."""

_ONCE = "once-" + secrets.token_hex(12)
"""Stands for what tells a form that is sent twice from two forms, in the same way."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a template shows. `payments` is the origin of the provider's script, on a page that takes cards; `only` is
    the language of a page that there is in one."""

    template: str
    context: Mapping[str, object] = field(default_factory=dict[str, object])
    status: int = 200
    kept: str = PRIVATE
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    payments: str = ""
    only: Language | None = None


@dataclass(frozen=True, slots=True)
class SeeOther:
    """The answer to a form (RFC 9110, 15.4.4): the page to look at next, which may be loaded again without harm.
    `cookies` are Set-Cookie fields."""

    location: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    cookies: Sequence[str] = ()


Build = Callable[[Request], Awaitable[Page | SeeOther]]
Endpoint = Callable[[Request], Awaitable[Response]]


def page(build: Build) -> Endpoint:
    """The endpoint that answers with what `build` makes of a request."""

    @wraps(build)
    async def endpoint(request: Request) -> Response:
        language = language_of(request)
        try:
            require_same_site(request)
            made = await build(request)
        except Problem as problem:
            made = refused(request, problem)
        except (StoreUnavailable, JournalUnavailable):
            made = refused(request, unavailable())
        except Exception as error:  # a defect: its owners get the traceback, a person gets a page
            _log.error("request.failed", page=build.__name__, exc_info=error)
            made = refused(request, Problem("internal_error"))
        if isinstance(made, SeeOther):
            return _onwards(made)
        return answer(request, made, language)

    return endpoint


def _onwards(made: SeeOther) -> Response:
    response = Response(status_code=303, headers={**made.headers, "Location": made.location})
    for cookie in made.cookies:
        response.headers.append("Set-Cookie", cookie)
    return response


def refused(request: Request, problem: Problem) -> Page:
    """The page that says what a problem is about, in words for people, and leads on."""
    refusal = refusal_of(problem)
    way = way_of(problem.code, request.url.path, request.path_params)
    context = {"refusal": refusal, "ways": list(dict.fromkeys([way, ALL_SHOWS]))}
    return Page("refused.html", context, refusal.status, headers=problem.headers)


def told(request: Request, problem: Problem) -> Response:
    """The problem of a request that came to no endpoint: for people that page, for programs the problem itself."""
    if request.url.path.startswith(_FOR_PROGRAMS):
        return problem_response(problem, request.url.path)
    return answer(request, refused(request, problem), language_of(request))


def answer(request: Request, made: Page, language: Language) -> Response:
    """The page as this visitor gets it: language, nonce, tag, compression."""
    language = made.only or language
    context = {
        **made.context,
        "nonce": _NONCE,
        "once": _ONCE,
        "elsewhere": [] if made.only else _other_languages(request, language),
        "shop": made.only is None,
    }
    text = rendered(made.template, language, context)
    plain = text.replace(_NONCE, "").replace(_ONCE, "")
    tag = f'W/"{hashlib.blake2b(plain.encode(), digest_size=12).hexdigest()}"'
    headers = {
        "Cache-Control": made.kept,
        "Content-Language": language.code,
        "Vary": "Accept-Encoding, Accept-Language, Cookie",
        **made.headers,
    }
    if language.code == request.query_params.get(PARAMETER):
        headers["Set-Cookie"] = _language_cookie(language.code)
    if made.kept != PRIVATE:
        headers["ETag"] = tag
        if made.status == 200 and matches(request, tag.removeprefix("W/")):
            # Without a policy: the page that the browser has keeps the one, and the nonce, that it came with.
            return Response(status_code=304, headers=headers)
    nonce = secrets.token_urlsafe(16)
    headers["Content-Security-Policy"] = content_security_policy(nonce, payments=made.payments)
    body = text.replace(_NONCE, nonce).replace(_ONCE, secrets.token_urlsafe(16)).encode()
    if len(body) >= GZIP_FROM_BYTES and takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, GZIP_LEVEL, mtime=0)
    return Response(body, made.status, headers, "text/html")


def _other_languages(request: Request, language: Language) -> list[tuple[str, str]]:
    """The same page in the other languages: code and address. None of the answer to a form, which has no address."""
    if request.method not in SAFE_METHODS:
        return []
    kept = [(k, v) for k, v in request.query_params.multi_items() if k != PARAMETER]
    return [
        (code, f"{request.url.path}?{urlencode([*kept, (PARAMETER, code)])}")
        for code in LANGUAGES
        if code != language.code
    ]


def _language_cookie(code: str) -> str:
    cookie = SimpleCookie({COOKIE: code})
    cookie[COOKIE].update({"path": "/", "max-age": str(LANGUAGE_SECONDS), "samesite": "Lax"})
    return cookie[COOKIE].OutputString()
