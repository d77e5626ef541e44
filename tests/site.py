"""The pages of a server and the mails that it sends, for visitors with cookies of their own."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from tests.local_server import LocalServer, local_server
from tests.mailing import Mails
from tests.unit.orders import ORDERS

PASSWORD = "correct horse"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Site:
    server: LocalServer
    mails: Mails

    def visitor(self) -> httpx.AsyncClient:
        """A browser of its own."""
        return httpx.AsyncClient(base_url=self.server.url, timeout=60)

    def stranger(self) -> str:
        """An address that nobody has used here."""
        return f"buyer{next(_numbers)}@example.com"

    async def ordered(self, address: str, created_at: int = 1_900_000_000_000) -> str:
        """An order that a guest has made with this address; its id."""
        order_id = f"o{next(_numbers):026d}"
        order = replace(ORDERS["sold"], order_id=order_id, token=order_id, email=address)
        await self.server.runtime.orders.create(replace(order, created_at=created_at))
        return order_id

    async def signed_up(self, visitor: httpx.AsyncClient, address: str) -> None:
        """An account with PASSWORD, and its session in the visitor."""
        await visitor.post("/account/link", data={"email": address})
        await visitor.get(await self.mails.link_to(address))
        saved = await visitor.post("/account/password", data={"password": PASSWORD})
        assert (saved.status_code, saved.headers["location"]) == (303, "/orders"), saved.text


def heading(page: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    assert found is not None, page.text
    return found[1]


@asynccontextmanager
async def open_site(
    nats_url: str, mongodb_url: str, data: Path, database: str
) -> AsyncIterator[Site]:
    async with local_server(
        nats_url, mongodb_url, mongodb_database=database, data_dir=data
    ) as server:
        yield Site(server, Mails(data))
