"""The port to the mail system, and its two adapters: a submission server (SMTP), and an outbox of files."""

from __future__ import annotations

import asyncio
import ipaddress
import smtplib
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from cluster.ticketing.objects import Objects, ObjectsUnavailable

SECONDS_MAX = 60.0
"""How long one message may take in all."""

SOCKET_SECONDS_MAX = 15.0
"""How long the server may be silent."""

THREADS_MAX = 4
"""Connections at once; more messages wait for their turn within their time."""

SUBMISSION_PORT = 587
"""RFC 6409."""

SUBMISSIONS_PORT = 465
"""RFC 8314: TLS from the first byte."""

TOO_LARGE = 552
"""RFC 1870: larger than any message that the server takes."""

CLOSING = 421
"""RFC 5321, 3.8: the server ends the connection, whatever it was asked."""


class MailUnavailable(Exception):
    """The mail system cannot be reached or does not take mail now; the message may or may not have been taken.

    Holds no address and no credentials, neither the server's nor the buyer's.
    """


class MailDelayed(MailUnavailable):
    """The mail system does not take this message now, which says nothing of any other."""


class MailRefused(Exception):
    """The mail system will never take this message: to send it again is useless. Holds no address."""


class Mailer(Protocol):
    """Raises MailUnavailable, MailDelayed and MailRefused. A message may arrive more than once, under the same
    Message-ID."""

    async def send(self, message: EmailMessage) -> None: ...

    def close(self) -> None: ...


class SmtpMailer:
    """Hands each message to the server of `smtp://user:password@host:port` or `smtps://...`, where user, password and
    port may be left out.

    Over `smtp` the connection is encrypted by STARTTLS (RFC 3207) or not used, but for a server on this very machine:
    there it is encrypted if the server offers it, under whatever certificate.
    """

    def __init__(self, url: str) -> None:
        """Connects with each message. Raises ValueError for another kind of URL."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or port == 0:
            raise ValueError("a mail server is smtp://user:password@host:port or smtps://...")
        self._host = parts.hostname
        self._implicit_tls = parts.scheme == "smtps"
        self._port = port or (SUBMISSIONS_PORT if self._implicit_tls else SUBMISSION_PORT)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._local = is_loopback(self._host)
        self._tls = ssl.create_default_context()
        if self._local:
            self._tls.check_hostname = False
            self._tls.verify_mode = ssl.CERT_NONE
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="mail")

    async def send(self, message: EmailMessage) -> None:
        with _translated():
            async with asyncio.timeout(SECONDS_MAX):
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._threads, self._send, message)

    def close(self) -> None:
        """Waits for nobody: a message that is under way may still be taken."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _send(self, message: EmailMessage) -> None:
        with self._connection(message["From"].addresses[0].domain) as server:
            try:
                server.send_message(message)
            except smtplib.SMTPNotSupportedError:
                raise MailRefused("the mail server does not take this address") from None

    def _connection(self, name: str) -> smtplib.SMTP:
        """Logged in, over TLS. `name` is how this side calls itself: its sender's domain, which needs no look-up."""
        if self._implicit_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, name, timeout=SOCKET_SECONDS_MAX, context=self._tls
            )
        else:
            server = smtplib.SMTP(self._host, self._port, name, timeout=SOCKET_SECONDS_MAX)
        try:
            server.ehlo_or_helo_if_needed()
            if not self._implicit_tls:
                self._encrypt(server)
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _encrypt(self, server: smtplib.SMTP) -> None:
        if server.has_extn("starttls"):
            server.starttls(context=self._tls)
        elif not self._local:
            raise MailUnavailable("the mail server does not offer TLS")


class OutboxMailer:
    """Writes each message to a file of its own, `<Message-ID's left part>.eml`, which only its owner can read."""

    def __init__(self, directory: Path) -> None:
        self._outbox = Objects(directory.absolute().as_uri())

    async def send(self, message: EmailMessage) -> None:
        name = message["Message-ID"].strip("<>").partition("@")[0]
        try:
            await self._outbox.put(f"{name}.eml", _rendered(message), "message/rfc822")
        except ObjectsUnavailable:
            raise MailUnavailable("the outbox cannot be written to") from None

    def close(self) -> None:
        self._outbox.close()


def _rendered(message: EmailMessage) -> bytes:
    """As it would be sent: headers in UTF-8 only if an address cannot do without (RFC 6532)."""
    ascii_only = all(one.addr_spec.isascii() for one in message["To"].addresses)
    return message.as_bytes(policy=policy.SMTP.clone(utf8=not ascii_only))


def is_loopback(host: str) -> bool:
    """Whether the name stands for this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _translated() -> Iterator[None]:
    """smtplib's errors as ours, without their texts: these quote addresses.

    An answer to the recipient or to the content is about this message: a 5xx is final, a 4xx is not (RFC 5321, 4.2.1).
    So is one to the sender that says how large a message may be. Any other answer to the login or to the sender is
    about the settings: the message can still be sent.
    """
    try:
        yield
    except smtplib.SMTPRecipientsRefused as refused:
        codes = [code for code, _ in refused.recipients.values()]
        raise _refusal(min(codes)) from None
    except smtplib.SMTPDataError as refused:
        raise _refusal(refused.smtp_code) from None
    except smtplib.SMTPResponseException as error:
        if error.smtp_code == TOO_LARGE:
            raise _refusal(error.smtp_code) from None
        raise MailUnavailable(f"the mail server answers {error.smtp_code}") from None
    except (smtplib.SMTPException, OSError) as error:  # a TimeoutError is an OSError
        raise MailUnavailable(f"the mail server does not answer ({type(error).__name__})") from None


def _refusal(code: int) -> Exception:
    if 500 <= code < 600:
        return MailRefused(f"the mail server refuses the message for good ({code})")
    if code == CLOSING:
        return MailUnavailable("the mail server is closing down (421)")
    return MailDelayed(f"the mail server does not take the message now ({code})")
