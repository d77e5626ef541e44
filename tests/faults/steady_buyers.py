"""Buyers each of whom holds one seat and gives it back, over and over: nobody else wants it, so each is to hear yes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.shop import until

JOIN_SECONDS_MAX = 90.0
PATIENCE_SECONDS = 30.0


@dataclass
class SteadyBuyers:
    """One for each of `seats`, which are pairs of a show's id and a seat. `refusals` are all answers but a yes; nothing
    is asked again."""

    url: str
    seats: Sequence[tuple[str, str]]
    holds: int = 0
    stopped: bool = False
    refusals: list[str] = field(default_factory=list[str])

    @contextmanager
    def running(self) -> Iterator[SteadyBuyers]:
        """They buy in another thread while the block runs."""
        thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stopped = True
            thread.join(JOIN_SECONDS_MAX)
        assert not thread.is_alive()

    def go_on(self, holds: int = 200) -> None:
        """Returns when so many more holds were granted."""
        wanted = self.holds + holds
        until(lambda: self.refusals or self.holds >= wanted, f"{holds} more holds")

    async def _all(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_SECONDS) as http:
            await asyncio.gather(*[self._buyer(http, *seat) for seat in self.seats])

    async def _buyer(self, http: httpx.AsyncClient, show_id: str, seat: str) -> None:
        while not self.stopped:
            try:
                made = await http.post(f"/v1/shows/{show_id}/holds", json={"seats": [seat]})
                if made.status_code != 201:
                    self.refusals.append(f"{seat}: {made.status_code} {made.text}")
                    return
                self.holds += 1
                back = await http.delete(f"/v1/holds/{made.json()['hold_id']}")
                if back.status_code != 204:
                    self.refusals.append(f"{seat} back: {back.status_code} {back.text}")
                    return
            except httpx.HTTPError as error:
                self.refusals.append(f"{seat}: {type(error).__name__} {error}")
                return
