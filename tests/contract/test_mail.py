"""What every mailer does with a confirmation, over real SMTP and into an outbox; and what only SMTP can do."""

from __future__ import annotations

import asyncio
import email
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from actors.domain.money import Money
from cluster.ticketing import mailer as module
from cluster.ticketing.document import OrderDocument, ShowDocument, TicketDocument, order_reference
from cluster.ticketing.mail import AddressError, confirmation, sender_address
from cluster.ticketing.mailer import (
    MailDelayed,
    Mailer,
    MailRefused,
    MailUnavailable,
    OutboxMailer,
    SmtpMailer,
    is_loopback,
)
from tests.fakes.smtp_server import SmtpServer, smtp_server

SENDER = Address("Große Halle", "tickets", "halle.example.org")
PDF = b"%PDF-1.7 \x00\xff" * 5_000
CALENDAR = "BEGIN:VCALENDAR\r\nSUMMARY:Große Halle\r\nEND:VCALENDAR\r\n".encode()

ORDER = OrderDocument(
    reference=order_reference("order-1"),
    show=ShowDocument(
        "saaaaaaaaaaaa", "Faust <I> & Травиата", "Große Halle", 2_000_000_000_000, "Europe/Vienna"
    ),
    tickets=(
        TicketDocument("a" * 26, "FR1.CODE", "Parkett-A-14", "Süd", Money(4500, "EUR")),
        TicketDocument("b" * 26, "FR1.CODE", "Parkett-A-15", "Süd", Money(4550, "EUR")),
    ),
    holder="Zoë Łukasiewicz",
    paid_at=1_900_000_000_000,
)


def a_message(
    order: OrderDocument = ORDER, recipient: str = "zoe@example.com", **options: Any
) -> EmailMessage:
    return confirmation(order, SENDER, recipient, pdf=PDF, calendar=CALENDAR, **options)


@dataclass
class Delivery:
    """A mailer, and a way to see what it delivered."""

    mailer: Mailer
    delivered: Callable[[], list[EmailMessage]]


def parsed(content: bytes) -> EmailMessage:
    message = email.message_from_string(content.decode(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.fixture(params=["smtp", "outbox"])
async def delivery(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Delivery]:
    if request.param == "outbox":
        outbox = OutboxMailer(tmp_path / "outbox")
        files = (tmp_path / "outbox").glob
        yield Delivery(outbox, lambda: [parsed(file.read_bytes()) for file in files("*.eml")])
        outbox.close()
        return
    async with smtp_server(SmtpServer()) as server:
        smtp = SmtpMailer(f"smtp://127.0.0.1:{server.port}")
        yield Delivery(smtp, lambda: [parsed(one.content) for one in server.received])
        smtp.close()


async def test_a_message_arrives_with_its_texts_and_its_attachments_as_they_were(
    delivery: Delivery,
) -> None:
    await delivery.mailer.send(a_message(order_url="https://tickets.example.org/o/1?a=1&b=2"))
    (message,) = delivery.delivered()
    assert message["From"].addresses == (SENDER,)
    assert message["To"].addresses[0].display_name == "Zoë Łukasiewicz"
    assert message["To"].addresses[0].addr_spec == "zoe@example.com"
    assert message["Subject"] == "Your tickets: Faust <I> & Травиата"
    assert message["Date"].datetime == datetime.fromtimestamp(1_900_000_000, UTC)
    text = message.get_body(("plain",))
    assert text is not None
    for said in (
        "Zoë Łukasiewicz",
        "Faust <I> & Травиата",
        "Große Halle",
        "05:33 CEST",
        "?a=1&b=2",
    ):
        assert said in text.get_content()
    for said in ("Parkett-A-14, Süd, 45.00 EUR", "Total: 90.50 EUR", ORDER.reference):
        assert said in text.get_content()
    pdf, calendar = message.iter_attachments()
    assert (pdf.get_content_type(), pdf.get_content()) == ("application/pdf", PDF)
    assert pdf.get_filename() == f"tickets-{ORDER.reference.lower()}.pdf"
    assert calendar.get_content_type() == "text/calendar"
    assert calendar.get_param("method") == "PUBLISH"
    assert calendar.get_payload(decode=True) == CALENDAR


async def test_the_html_says_the_same_and_names_are_no_markup(delivery: Delivery) -> None:
    order = replace(ORDER, holder="<script>alert(1)</script>")
    await delivery.mailer.send(a_message(order, order_url='https://x.example.org/"><i>'))
    html = delivery.delivered()[0].get_body(("html",))
    assert html is not None
    said, tags, links = list[str](), set[str](), list[str | None]()

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            said.append(data)

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.add(tag)
            links.extend(value for name, value in attrs if name == "href")

    Reader().feed(html.get_content())
    assert not tags & {"script", "i"}
    assert links == ['https://x.example.org/"><i>']
    for text in ("Faust <I> & Травиата", "Parkett-A-15", "90.50 EUR", ORDER.reference):
        assert text in said


async def test_a_mail_that_is_sent_again_is_recognised_and_another_orders_is_not(
    delivery: Delivery,
) -> None:
    other = replace(ORDER, reference=order_reference("order-2"))
    for order in (ORDER, ORDER, other):
        await delivery.mailer.send(a_message(order))
    ids = {message["Message-ID"] for message in delivery.delivered()}
    assert len(ids) == 2
    assert all(one.endswith("@halle.example.org>") for one in ids)


async def test_a_name_with_line_breaks_adds_no_header(delivery: Delivery) -> None:
    evil = "Ann\r\nBcc: thief@example.net\r\n\r\nbody"
    show = replace(ORDER.show, name=f"Faust {evil}", venue=evil)
    await delivery.mailer.send(a_message(replace(ORDER, show=show, holder=evil)))
    (message,) = delivery.delivered()
    assert message["Bcc"] is None
    assert [one.addr_spec for one in message["To"].addresses] == ["zoe@example.com"]
    assert message["To"].addresses[0].display_name == "Ann Bcc: thief@example.net body"
    assert message["Subject"] == "Your tickets: Faust Ann Bcc: thief@example.net body"


async def test_an_address_beyond_ascii_is_kept(delivery: Delivery) -> None:
    await delivery.mailer.send(a_message(recipient="zoë@exämple.com"))
    (message,) = delivery.delivered()
    assert message["To"].addresses[0].addr_spec == "zoë@exämple.com"


async def test_twenty_messages_at_once_all_arrive(delivery: Delivery) -> None:
    orders = [replace(ORDER, reference=order_reference(f"order-{n}")) for n in range(20)]
    await asyncio.gather(*[delivery.mailer.send(a_message(order)) for order in orders])
    assert len({message["Message-ID"] for message in delivery.delivered()}) == 20


@pytest.mark.parametrize(
    "recipient",
    [
        *("", "zoe", "zoe@", "@example.com", "zoe@example.com\r\nBcc: a@example.com"),
        *("a@example.com, b@example.com", "zoe@example.com>", "zo e@example.com", "z\x00@e.com"),
    ],
)
def test_what_is_no_address_gets_no_mail_and_is_not_repeated(recipient: str) -> None:
    with pytest.raises(AddressError) as caught:
        a_message(recipient=recipient)
    assert not recipient or recipient not in str(caught.value)


def test_a_domain_beyond_ascii_is_written_for_servers_that_know_ascii_only() -> None:
    message = a_message(recipient="zoe@exämple.com")
    assert message["To"].addresses[0].addr_spec == "zoe@xn--exmple-cua.com"


def test_a_sender_may_have_a_name() -> None:
    assert sender_address("tickets@example.org") == Address("", "tickets", "example.org")
    named = Address("Hall, Great", "tickets", "localhost")
    assert sender_address('"Hall, Great" <tickets@localhost>') == named


@pytest.mark.parametrize("text", ["", "Hall", "Hall <nobody>", "a@b@c", "a@b <c@d> e@f", "a b@c"])
def test_what_is_no_sender_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        sender_address(text)


def test_the_texts_are_sent_as_ascii_bytes() -> None:
    assert a_message().as_bytes(policy=policy.SMTP).isascii()


async def test_the_outbox_is_its_owners_alone(tmp_path: Path) -> None:
    outbox = OutboxMailer(tmp_path / "outbox")
    await outbox.send(a_message())
    outbox.close()
    (file,) = (tmp_path / "outbox").iterdir()
    assert file.name == f"confirmation.{ORDER.reference.lower()}.eml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "outbox").stat().st_mode & 0o777 == 0o700


async def test_an_outbox_that_cannot_be_written_to_says_so(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where the directory should be")
    outbox = OutboxMailer(tmp_path / "outbox")
    with pytest.raises(MailUnavailable):
        await outbox.send(a_message())
    outbox.close()


# SMTP


def certificate(directory: Path) -> ssl.SSLContext:
    """A server's context with a certificate that nobody has vouched for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "smtp.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "smtp.pem").write_bytes(secret + made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "smtp.pem")
    return context


async def sent(mailer: SmtpMailer, message: EmailMessage | None = None) -> None:
    try:
        await mailer.send(message or a_message())
    finally:
        mailer.close()


async def refusal(url: str, message: EmailMessage | None = None) -> MailUnavailable | MailRefused:
    """How a send failed, with nothing secret in its text."""
    with pytest.raises((MailUnavailable, MailRefused)) as caught:
        await sent(SmtpMailer(url), message)
    text = str(caught.value)
    assert not any(secret in text for secret in ("zoe", "hunter2", "mister", "127.0.0.1"))
    assert caught.value.__cause__ is None
    return caught.value


async def test_the_envelope_and_the_greeting_are_the_messages_own() -> None:
    async with smtp_server(SmtpServer()) as server:
        await sent(SmtpMailer(f"smtp://127.0.0.1:{server.port}"))
    (received,) = server.received
    assert received.name == "halle.example.org"
    assert received.sender == "tickets@halle.example.org"
    assert received.recipients == ["zoe@example.com"]


async def test_tls_is_used_when_it_is_offered_and_the_login_comes_after_it(tmp_path: Path) -> None:
    server = SmtpServer(tls=certificate(tmp_path), passwords={"mister@x": "hunter2:/"})
    async with smtp_server(server):
        await sent(SmtpMailer(f"smtp://mister%40x:hunter2%3A%2F@localhost:{server.port}"))
    (received,) = server.received
    assert received.secure
    assert received.user == "mister@x"


async def test_smtps_is_encrypted_from_the_start(tmp_path: Path) -> None:
    async with smtp_server(SmtpServer(tls=certificate(tmp_path)), implicit_tls=True) as server:
        await sent(SmtpMailer(f"smtps://127.0.0.1:{server.port}"))
    assert server.received[0].secure


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback counts as another machine."""
    monkeypatch.setattr(module, "is_loopback", lambda _: False)


@pytest.mark.usefixtures("far_away")
async def test_another_machine_gets_no_mail_and_no_password_without_tls() -> None:
    server = SmtpServer(passwords={"mister": "hunter2"})
    async with smtp_server(server):
        error = await refusal(f"smtp://mister:hunter2@127.0.0.1:{server.port}")
    assert isinstance(error, MailUnavailable)
    assert not server.received


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_another_machine_needs_a_certificate_that_somebody_vouches_for(
    tmp_path: Path, scheme: str
) -> None:
    server = SmtpServer(tls=certificate(tmp_path))
    async with smtp_server(server, implicit_tls=scheme == "smtps"):
        error = await refusal(f"{scheme}://127.0.0.1:{server.port}")
    assert isinstance(error, MailUnavailable)
    assert not server.received


@pytest.mark.parametrize(
    ("verb", "answer", "kind"),
    [
        ("RCPT", "550 zoe@example.com is not known", MailRefused),
        ("RCPT", "450 4.1.2 zoe@example.com: domain not found", MailDelayed),
        ("RCPT", "452 zoe@example.com has no room", MailDelayed),
        ("RCPT", "421 closing", MailUnavailable),
        ("CONTENT", "554 zoe@example.com would not like it", MailRefused),
        ("CONTENT", "451 try again", MailDelayed),
        ("CONTENT", "421 closing", MailUnavailable),
        ("MAIL", "552 5.3.4 larger than is allowed", MailRefused),
        ("MAIL", "452 the disk is full", MailUnavailable),
        ("MAIL", "550 tickets@halle.example.org may not send", MailUnavailable),
        ("EHLO", "421 closing", MailUnavailable),
    ],
)
async def test_a_final_refusal_is_told_from_one_that_may_pass(
    verb: str, answer: str, kind: type[Exception]
) -> None:
    async with smtp_server(SmtpServer(answers={verb: answer, "HELO": "421 closing"})) as server:
        error = await refusal(f"smtp://127.0.0.1:{server.port}")
    assert type(error) is kind


async def test_a_wrong_password_is_an_outage_and_is_not_repeated() -> None:
    async with smtp_server(SmtpServer(passwords={"mister": "other"})) as server:
        error = await refusal(f"smtp://mister:hunter2@127.0.0.1:{server.port}")
    assert isinstance(error, MailUnavailable)


async def test_an_address_beyond_ascii_is_refused_by_a_server_that_does_not_know_them() -> None:
    async with smtp_server(SmtpServer(extensions=("PIPELINING",))) as server:
        message = a_message(recipient="zoë@example.com")
        error = await refusal(f"smtp://127.0.0.1:{server.port}", message)
    assert isinstance(error, MailRefused)


async def test_a_server_that_is_down_is_told_soon() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        error = await refusal(f"smtp://127.0.0.1:{taken.getsockname()[1]}")
    assert isinstance(error, MailUnavailable)


async def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOCKET_SECONDS_MAX", 0.1)
    async with smtp_server(SmtpServer(silent=True)) as server:
        error = await refusal(f"smtp://127.0.0.1:{server.port}")
    assert isinstance(error, MailUnavailable)


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:25", "http://h", "smtp://", "smtp://h:port", "smtp://a:hunter2@h:99999"],
)
def test_another_kind_of_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="a mail server is") as caught:
        SmtpMailer(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_loopback_is_this_machine_and_nothing_that_looks_like_it() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("localhost.example.org", "10.0.0.1", "127.0.0.1.example.org")))
