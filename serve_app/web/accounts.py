"""Accounts: a link that proves an address, a password, signing in and out, and the end of an account."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from cluster.accounts.address import InvalidAddress, address_of
from cluster.accounts.authentication import TooManyTries
from cluster.accounts.hashing import TooManyHashes
from cluster.accounts.links import RESET_LINK_SECONDS, SIGN_UP_LINK_SECONDS, Purpose
from cluster.accounts.password import CHARS_MAX, CHARS_MIN, complaint_about, normal_password
from cluster.accounts.session import LIFETIME_MS
from cluster.bootstrap import Runtime
from serve_app.problems import Problem, unavailable
from serve_app.runtime import runtime_of
from serve_app.web.cookies import Cookie, cookie_of, dropped, kept
from serve_app.web.forms import Form, form_of
from serve_app.web.letters import send_letter
from serve_app.web.my_orders import QUIET
from serve_app.web.page import Page, SeeOther, page
from serve_app.web.signed_in import CHALLENGE, account_of, client_of, require_account


@page
async def account(request: Request) -> Page | SeeOther:
    """GET /account"""
    found = await account_of(request)
    if found is None:
        return SeeOther("/account/sign-in")
    return Page("account.html", {"account": found, "problem": ""})


@page
async def sign_in_form(request: Request) -> Page:
    """GET /account/sign-in"""
    return _sign_in_page()


def _sign_in_page(status: int = 200, problem: str = "", email: str = "", **fields: str) -> Page:
    context = {"account": None, "problem": problem, "email": email}
    return Page("sign_in.html", context, status, headers=fields)


@page
async def sign_in(request: Request) -> Page | SeeOther:
    """POST /account/sign-in: a new session, and the end of the one that the browser had."""
    runtime, form = runtime_of(request), await form_of(request)
    email, password = form.one("email"), _password(form)
    with _hashing():
        outcome = await runtime.authentication.sign_in(
            _address_or(email), password, client_of(request)
        )
    if outcome is None:
        return _sign_in_page(401, "wrong", email, **CHALLENGE)
    if isinstance(outcome, TooManyTries):
        return _sign_in_page(429, "tries", email, **{"Retry-After": str(outcome.seconds)})
    return await _begun(request, runtime, outcome)


async def _begun(request: Request, runtime: Runtime, token: str, *cookies: str) -> SeeOther:
    """To the orders, with a session."""
    former = cookie_of(request, Cookie.SESSION)
    if former is not None:
        await runtime.authentication.sign_out(former)
    session = kept(request, Cookie.SESSION, token, LIFETIME_MS // 1000)
    return SeeOther("/orders", cookies=(session, dropped(request, Cookie.ORDERS), *cookies))


@page
async def sign_out(request: Request) -> SeeOther:
    """POST /account/sign-out: ends the session, also here on the server."""
    await form_of(request)
    token = cookie_of(request, Cookie.SESSION)
    if token is not None:
        await runtime_of(request).authentication.sign_out(token)
    return SeeOther("/account/sign-in", cookies=_all_dropped(request))


def _all_dropped(request: Request) -> tuple[str, ...]:
    """Whoever sits down at this browser next finds nothing."""
    return tuple(dropped(request, cookie) for cookie in Cookie)


@page
async def sign_up_form(request: Request) -> Page:
    """GET /account/sign-up"""
    return _link_page("sign-up")


@page
async def forgotten_form(request: Request) -> Page:
    """GET /account/forgotten"""
    return _link_page("forgotten")


def _link_page(kind: str, status: int = 200, problem: str = "", email: str = "") -> Page:
    context = {"account": None, "kind": kind, "problem": problem, "email": email}
    return Page("link.html", context, status)


@page
async def mail_link(request: Request) -> Page | SeeOther:
    """POST /account/link: one letter for whoever wants an account and for whoever has one; the answer is the same."""
    form = await form_of(request)
    try:
        await send_letter(request, form, client_of(request), _account_of)
    except InvalidAddress:
        return _link_page(form.one("kind"), 422, "email", form.one("email"))
    return SeeOther("/account/mailed")


async def _account_of(runtime: Runtime, address: str) -> tuple[Purpose, str]:
    subject = await runtime.authentication.reset_subject(address)
    return (Purpose.SIGN_UP, address) if subject is None else (Purpose.RESET, subject)


@page
async def mailed(request: Request) -> Page:
    """GET /account/mailed"""
    return Page("mailed.html", {"account": await account_of(request), "kind": "account"})


@page
async def open_link(request: Request) -> SeeOther:
    """GET /account/links/{token}: changes nothing, for programs open links too; the token leaves the address bar."""
    token = request.path_params["token"]
    purpose, _, _ = await _linked(runtime_of(request), token)
    seconds = RESET_LINK_SECONDS if purpose is Purpose.RESET else SIGN_UP_LINK_SECONDS
    return SeeOther("/account/password", QUIET, (kept(request, Cookie.PASSWORD, token, seconds),))


async def _linked(runtime: Runtime, token: str | None) -> tuple[Purpose, str, str]:
    """What a link is for: purpose, subject and address. 410 when it is over."""
    found = await _opened(runtime, token)
    if found is None:
        raise Problem("link_over")
    return found


async def _opened(runtime: Runtime, token: str | None) -> tuple[Purpose, str, str] | None:
    if token is not None:
        address = runtime.links.subject(Purpose.SIGN_UP, token, runtime.clock())
        if address is not None:
            return Purpose.SIGN_UP, address, address
        subject = runtime.links.subject(Purpose.RESET, token, runtime.clock())
        found = None if subject is None else await runtime.authentication.resettable(subject)
        if subject is not None and found is not None:
            return Purpose.RESET, subject, found.address
    return None


@page
async def password_form(request: Request) -> Page:
    """GET /account/password"""
    _, _, address = await _linked(runtime_of(request), cookie_of(request, Cookie.PASSWORD))
    return _password_page(address)


def _password_page(address: str, status: int = 200, problem: str = "") -> Page:
    context = {
        "account": None,
        "address": address,
        "problem": problem,
        "least": CHARS_MIN,
        "most": CHARS_MAX,
    }
    return Page("password.html", context, status)


@page
async def set_password(request: Request) -> Page | SeeOther:
    """POST /account/password: makes the account, or gives it another password; either way somebody is signed in."""
    runtime, form = runtime_of(request), await form_of(request)
    link, password = cookie_of(request, Cookie.PASSWORD), _password(form)
    found = await _opened(runtime, link)
    if found is None:
        return await _sent_again(request, runtime, link, password)
    purpose, subject, address = found
    complaint = await asyncio.to_thread(complaint_about, password, address)
    if complaint is not None:
        return _password_page(address, 422, complaint)
    who = runtime.authentication
    with _hashing():
        if purpose is Purpose.SIGN_UP:
            token = await who.sign_up(subject, password)
        else:
            token = await who.reset(subject, password)
    if token is None:
        return await _sent_again(request, runtime, link, password)
    return await _begun(request, runtime, token, dropped(request, Cookie.PASSWORD))


async def _sent_again(
    request: Request, runtime: Runtime, link: str | None, password: str
) -> SeeOther:
    """Somebody was here before with this link. With the same form, if this is the password: its answer was lost."""
    address = await _owner(request, runtime, link)
    if address is None:
        raise Problem("link_over")
    with _hashing():
        outcome = await runtime.authentication.sign_in(address, password, client_of(request))
    if not isinstance(outcome, str):
        raise Problem("link_over")
    return await _begun(request, runtime, outcome, dropped(request, Cookie.PASSWORD))


async def _owner(request: Request, runtime: Runtime, link: str | None) -> str | None:
    """The address that a link was mailed to, or, when the browser has forgotten the link, that of who is signed in."""
    if link is None:
        account = await account_of(request)
        return account and account.address
    address = runtime.links.subject(Purpose.SIGN_UP, link, runtime.clock())
    if address is not None:
        return address
    subject = runtime.links.subject(Purpose.RESET, link, runtime.clock())
    account = None if subject is None else await runtime.authentication.owner(subject)
    return account and account.address


@page
async def delete(request: Request) -> Page | SeeOther:
    """POST /account/delete"""
    found, form = await require_account(request), await form_of(request)
    if form.one("sure") != "yes":
        return Page("account.html", {"account": found, "problem": "sure"}, 422)
    await runtime_of(request).authentication.delete(found)
    return SeeOther("/orders", cookies=_all_dropped(request))


@contextmanager
def _hashing() -> Iterator[None]:
    try:
        yield
    except TooManyHashes:
        raise unavailable("too many passwords at once") from None


def _password(form: Form) -> str:
    """As it was typed: a password may begin with a space."""
    return normal_password(next(iter(form.every("password")), ""))


def _address_or(text: str) -> str:
    """What is no address is an unknown one."""
    try:
        return address_of(text)
    except InvalidAddress:
        return text
