"""A small SMTP server (RFC 5321) in the test's loop, with STARTTLS (RFC 3207) and AUTH PLAIN (RFC 4616), that can be
told to answer otherwise."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Received:
    """One message as it came; `name` is what the client calls itself, `user` is empty without a login."""

    name: str
    secure: bool
    user: str
    sender: str
    recipients: list[str]
    content: bytes


@dataclass
class SmtpServer:
    """`answers` replaces the answer to a command by this line; `silent` lets every client wait."""

    tls: ssl.SSLContext | None = None
    extensions: tuple[str, ...] = ("8BITMIME", "SMTPUTF8")
    passwords: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    port: int = 0
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await _Session(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the client went away
        finally:
            writer.close()


class _Session:
    def __init__(
        self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._name = self._user = self._sender = ""
        self._recipients = list[str]()
        self._secure = writer.get_extra_info("ssl_object") is not None

    async def run(self) -> None:
        if self._server.silent:
            await self._reader.read()
            return
        await self._say("220 smtp.test ready")
        while line := (await self._reader.readline()).decode().rstrip("\r\n"):
            verb, _, argument = line.partition(" ")
            verb = verb.upper()
            if verb in self._server.answers:
                await self._say(self._server.answers[verb])
            elif verb == "QUIT":
                await self._say("221 bye")
                return
            else:
                await self._obey(verb, argument)

    async def _obey(self, verb: str, argument: str) -> None:
        match verb:
            case "EHLO":
                self._name = argument
                offered = [*self._server.extensions]
                offered += ["STARTTLS"] if self._server.tls and not self._secure else []
                offered += ["AUTH PLAIN"] if self._server.passwords else []
                lines = ["smtp.test", *offered]
                await self._say(*[f"250-{line}" for line in lines[:-1]], f"250 {lines[-1]}")
            case "STARTTLS":
                await self._say("220 go ahead")
                assert self._server.tls is not None
                await self._writer.start_tls(self._server.tls)
                self._secure = True
            case "AUTH":
                await self._log_in(argument)
            case "MAIL":
                self._sender, self._recipients = _path(argument), []
                await self._say("250 ok")
            case "RCPT":
                self._recipients.append(_path(argument))
                await self._say("250 ok")
            case "DATA":
                await self._take()
            case _:
                await self._say("250 ok")

    async def _log_in(self, argument: str) -> None:
        _, user, password = base64.b64decode(argument.split()[1]).decode().split("\0")
        if self._server.passwords.get(user) == password:
            self._user = user
            await self._say("235 welcome")
        else:
            await self._say(f"535 {user} is not known here with {password}")

    async def _take(self) -> None:
        await self._say("354 go on")
        text = await self._reader.readuntil(b"\r\n.\r\n")
        content = text[:-3].replace(b"\r\n..", b"\r\n.")
        self._server.received.append(
            Received(
                *(self._name, self._secure, self._user, self._sender, self._recipients, content)
            )
        )
        await self._say(self._server.answers.get("CONTENT", "250 taken"))

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self._writer.drain()


def _path(argument: str) -> str:
    return argument[argument.index("<") + 1 : argument.index(">")]


@asynccontextmanager
async def smtp_server(
    server: SmtpServer, *, implicit_tls: bool = False
) -> AsyncIterator[SmtpServer]:
    """The server on loopback and a port of its own; its connections end with it."""
    context = server.tls if implicit_tls else None
    sessions = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        sessions.add(task)
        await server.serve(reader, writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, limit=2**24)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for session in sessions:
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)
