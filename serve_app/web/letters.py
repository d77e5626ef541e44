"""Mails with a link for whoever reads an address, in the language of the page that asked, sent after its answer.

Whether there is anything to send is nobody's business but the reader's: the page says the same, as soon, either way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, NamedTuple

import structlog
from starlette.requests import Request

from actors.domain.identity import token_of
from cluster.accounts.address import address_of, mailbox_of
from cluster.accounts.limits import LETTERS_PER_ADDRESS, LETTERS_PER_CLIENT
from cluster.accounts.links import SECONDS, Purpose
from cluster.bootstrap import Runtime
from cluster.store.mongo import StoreUnavailable
from cluster.ticketing.mail import ENCODING, AddressError, recipient_address
from cluster.ticketing.mailer import MailRefused, MailUnavailable, is_loopback
from serve_app.clients import LOOPBACK
from serve_app.problems import Problem, busy, unavailable
from serve_app.rate_limits import RateLimits
from serve_app.runtime import runtime_of
from serve_app.web.forms import Form
from serve_app.web.language import Language, language_of
from serve_app.web.refusals import N_
from serve_app.web.search_engines import origin_of

LETTERS_AT_ONCE_MAX = 100
"""Letters that one replica has in hand; who asks for one more is told to come again."""

PAUSES_SECONDS = (2.0, 15.0)
"""A mail system that is away is tried again after these."""

_log = structlog.get_logger()


class Words(NamedTuple):
    """Texts of the catalogs."""

    subject: str
    reason: str
    promise: str


WORDS = {
    Purpose.ORDERS: Words(
        N_("Your orders"),
        N_(
            "Somebody, probably you, asked for a link to the orders of this address. Here they are:"
        ),
        N_(
            "The link works for %(hours)s hours. Whoever has it sees the orders: keep it to yourself."
        ),
    ),
    Purpose.SIGN_UP: Words(
        N_("Your account"),
        N_("Somebody, probably you, wants an account for this address. Choose its password here:"),
        N_(
            "The link works for %(hours)s hours. Without it nobody gets an account for this address."
        ),
    ),
    Purpose.RESET: Words(
        N_("A new password"),
        N_("There is an account for this address. Choose another password for it here:"),
        N_("The link works once, for an hour. Until then the password stays as it is."),
    ),
}
NOT_YOU = N_("If it was not you, there is nothing that you have to do.")


class Letterbox:
    """The letters that this replica is sending."""

    def __init__(self) -> None:
        self._sending = set[asyncio.Task[None]]()

    def put(self, work: Coroutine[Any, Any, None]) -> None:
        """Goes on after the answer. 429 when there are too many already."""
        if len(self._sending) >= LETTERS_AT_ONCE_MAX:
            work.close()
            raise busy("too many letters at once")
        task = asyncio.create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def close(self) -> None:
        """Who still waits for a letter asks again."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)


Subject = Callable[[Runtime, str], Coroutine[Any, Any, tuple[Purpose, str] | None]]
"""What a link to this address is about: its purpose and its subject; None when there is nothing to send."""


async def send_letter(request: Request, form: Form, client: str | None, subject: Subject) -> None:
    """Send a link to the address in the form, if there is reason to. Raises InvalidAddress."""
    runtime, origin = runtime_of(request), _reachable_origin(request)
    address = address_of(form.one("email"))
    if client is not None:
        wait = await runtime.attempts.take(LETTERS_PER_CLIENT, client, runtime.clock())
        if wait is not None:
            seconds = str(-(-wait // 1000))
            raise Problem("too_many_requests", "too many letters", {"Retry-After": seconds})
    work = _send(runtime, address, language_of(request), origin, subject)
    request.app.state.letterbox.put(work)


async def _send(
    runtime: Runtime, address: str, language: Language, origin: str, subject: Subject
) -> None:
    try:
        found = await subject(runtime, address)
        if found is None:
            return
        (purpose, about), now = found, runtime.clock()
        # Of each kind: whoever asks for somebody's orders does not use up the letters with a new password.
        who = f"{purpose} {mailbox_of(address)}"
        if await runtime.attempts.take(LETTERS_PER_ADDRESS, who, now) is not None:
            return
        folder = "/orders/links/" if purpose is Purpose.ORDERS else "/account/links/"
        link = origin + folder + runtime.links.token(purpose, about, now)
        try:
            await _post(runtime, _composed(runtime, address, language, purpose, link, now))
        except MailUnavailable:
            await runtime.attempts.give_back(LETTERS_PER_ADDRESS, who)
            raise
    except (StoreUnavailable, MailUnavailable, MailRefused, AddressError) as error:
        _log.warning("letter.not_sent", reason=str(error))  # these name neither address nor link


async def _post(runtime: Runtime, message: EmailMessage) -> None:
    for pause in PAUSES_SECONDS:
        try:
            return await runtime.stationery.mailer.send(message)
        except MailUnavailable:
            await asyncio.sleep(pause)
    await runtime.stationery.mailer.send(message)


def _composed(
    runtime: Runtime, address: str, language: Language, purpose: Purpose, link: str, now: int
) -> EmailMessage:
    texts, words, sender = language.texts, WORDS[purpose], runtime.stationery.sender
    promise = texts.gettext(words.promise) % {"hours": SECONDS[purpose] // 3600}
    paragraphs = [texts.gettext(words.reason), link, promise, texts.gettext(NOT_YOU)]
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient_address("", address)
    message["Subject"] = texts.gettext(words.subject)
    message["Date"] = datetime.fromtimestamp(now / 1000, UTC)
    message["Message-ID"] = f"<{purpose}.{token_of(runtime.entropy(16))}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers by machines
    message["Content-Language"] = language.code
    message.set_content("\n\n".join(paragraphs) + "\n", cte=ENCODING)
    return message


def _reachable_origin(request: Request) -> str:
    """Where a mail's link leads: to where this installation is known to be, and never to where a request says it is,
    which anybody can make up; but for this very machine, when it is asked from there."""
    settings = runtime_of(request).settings
    limits: RateLimits = request.app.state.rate_limits
    here = is_loopback(request.url.hostname or "") and limits.address(request.scope) == LOOPBACK
    if settings.public_url is None and not here:
        raise unavailable("this installation does not know its own address (FRONTROW_PUBLIC_URL)")
    return origin_of(request)
