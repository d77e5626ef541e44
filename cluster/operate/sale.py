"""The demo's sale: shows created and loaded over HTTP, a crowd of buyers, and a host killed in the middle."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from rich.progress import Progress

from actors.domain.seat_files import SEAT_FILE_READERS, SeatFileError
from cluster.operate.client import Client, async_client
from cluster.operate.command import CommandError
from cluster.operate.crowd.browser import Browser
from cluster.operate.crowd.buyers import Crowd, LossCheck
from cluster.operate.crowd.checkout import Checkout
from cluster.operate.crowd.organizer import Refunds, refund_some
from cluster.operate.crowd.payers import Payers
from cluster.operate.crowd.pools import Pools
from cluster.operate.crowd.shop import Shop
from cluster.operate.crowd.show_map import ShowMap
from cluster.operate.crowd.tally import Tally
from cluster.operate.killing import HOSTS, Recovery, kill_host, seats_on
from cluster.operate.load import Loaded, load_file, media_type_of
from cluster.operate.target import Target
from cluster.venues.stadium import STADIUM_CATEGORIES, stadium_csv
from cluster.venues.theatre import ACCESSIBLE, PREMIUM, STANDARD, VALUE, theatre_plan

HOLD_SECONDS = 12
"""Short, so that holds are seen to expire within the demo, and some buyers pay too late."""

KILL_AT = 0.5
"""When a host is killed, as a part of the sale."""

THEATRE_WEIGHT, STADIUM_WEIGHT = 3.0, 2.0
PITCH, PITCH_CAPACITY = "Pitch", 4_000
PROBES_PER_BLOCK = 6
TIME_ZONE = "Europe/Berlin"
SEED = 1


@dataclass(frozen=True, slots=True)
class Offer:
    """A show to be created, with the file of its seats and how much of the crowd wants it."""

    show: dict[str, Any]
    file: Path
    weight: float


@dataclass(slots=True)
class Sale:
    """How it goes, for whoever looks. `started` is time.monotonic's."""

    seconds: float
    tally: Tally = field(default_factory=Tally)
    shows: list[ShowMap] = field(default_factory=list[ShowMap])
    loads: list[Loaded] = field(default_factory=list[Loaded])
    started: float = 0.0
    news: list[str] = field(default_factory=list[str])
    recovery: Recovery | None = None
    check: LossCheck | None = None
    refunds: Refunds | None = None

    @property
    def elapsed(self) -> float:
        return min(time.monotonic() - self.started, self.seconds) if self.started else 0.0


def house_offers(directory: Path) -> list[Offer]:
    """The project's own venues, their files written to `directory`: the theatre, and the stadium with its pitch."""
    theatre, stadium = directory / "theatre.json", directory / "stadium.csv"
    theatre.write_bytes(msgspec.json.encode(theatre_plan()))
    stadium.write_text(stadium_csv())
    prices = {PREMIUM: 9_500, STANDARD: 6_500, VALUE: 3_500, ACCESSIBLE: 4_000}
    tiers = dict(zip(STADIUM_CATEGORIES, (12_000, 8_000, 24_000, 6_000, 4_500), strict=True))
    pitch = {"area": PITCH, "category": PITCH, "capacity": PITCH_CAPACITY}
    return [
        Offer(
            show_body("An evening at the theatre", "The Frontrow Theatre", prices),
            theatre,
            THEATRE_WEIGHT,
        ),
        Offer(
            show_body(
                "A night at the stadium", "The Frontrow Stadium", {**tiers, PITCH: 7_500}, [pitch]
            ),
            stadium,
            STADIUM_WEIGHT,
        ),
    ]


def offer_of(file: Path) -> Offer:
    """Any seat file: its categories get prices, the first the highest. Raises CommandError."""
    try:
        seats = SEAT_FILE_READERS[media_type_of(file)](file.read_bytes())
    except SeatFileError as error:
        raise CommandError(f"{file}: {error.detail}", error.code) from None
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", "no_file") from None
    categories = list(dict.fromkeys(row.category for row in seats.rows if row.category))
    prices = {name: 1_000 * (len(categories) - rank + 2) for rank, name in enumerate(categories)}
    return Offer(show_body(f"A show at {file.stem}", file.stem, prices), file, 1.0)


def show_body(
    name: str, venue: str, prices: dict[str, int], areas: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The body of POST /v1/shows: on sale as soon as its seats are loaded, at eight in the evening a month from now."""
    evening = datetime.now(ZoneInfo(TIME_ZONE)) + timedelta(days=30)
    starts_at = evening.replace(hour=20, minute=0, second=0, microsecond=0)
    return {
        "name": name,
        "venue": venue,
        "starts_at": starts_at.isoformat(),
        "time_zone": TIME_ZONE,
        "currency": "EUR",
        "prices": prices,
        "areas": areas or [],
        "hold_seconds": HOLD_SECONDS,
    }


def put_on_sale(client: Client, offer: Offer, progress: Progress) -> tuple[ShowMap, Loaded]:
    """Create the show and load its seats. Raises CommandError when nothing could be loaded."""
    show = client.post("/v1/shows", offer.show)
    loaded = load_file(client, show["show_id"], offer.file, progress)
    if loaded.failed:
        reasons = "; ".join(error["detail"] for error in loaded.job["errors"][:3])
        raise CommandError(f"{offer.file} could not be loaded: {reasons}", "load_failed")
    return ShowMap(show["show_id"], show["venue"], show["max_per_order"]), loaded


def play_money(target: Target) -> str | None:
    """The address of the local Stripe that simulated buyers may pay at; None where a card would be a real one's."""
    return target.provider.api_base if target.provider is not None else None


async def run_sale(target: Target, sale: Sale, weights: list[float], buyers: int) -> None:
    """The crowd buys; in the middle a host dies; at the end the organizer gives some money back. Fills in `sale`."""
    api_base, tally = play_money(target), sale.tally
    async with AsyncExitStack() as opened:
        pools = await opened.enter_async_context(Pools(target.url, tally.retries))
        payers = None
        if api_base is not None:
            browser = await opened.enter_async_context(Browser(api_base))
            payers = Payers(Checkout(pools), browser, tally)
        shop = Shop(pools, tally)
        crowd = Crowd(shop, list(zip(sale.shows, weights, strict=True)), tally, payers)
        await crowd.draw()
        sale.started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(crowd.buy(buyers, sale.seconds))
            group.create_task(_kill_in_the_middle(target, sale))
        if payers is not None:
            await _close(target, sale, payers)
        for show in sale.shows:
            await shop.see(show)
        sale.check = await crowd.check()


async def _close(target: Target, sale: Sale, payers: Payers) -> None:
    """The last orders come to an end, and some are refunded."""
    sale.news.append("the sale is over: the last orders are looked at, some are refunded")
    await payers.settle()
    async with async_client(target) as http:
        sale.refunds = await refund_some(http, payers, random.Random(SEED))


async def _kill_in_the_middle(target: Target, sale: Sale) -> None:
    await asyncio.sleep(sale.seconds * KILL_AT)
    async with async_client(target) as http:
        items = (await http.get(HOSTS)).json()["items"]
        victim = max(
            (item for item in items if item["answers"]),
            key=lambda item: item["commands"],
            default=None,
        )
        if victim is None:
            raise CommandError("there is no shared host to kill (every block has its own)")
        probes = seats_on(
            victim["blocks"][::-1], lambda show, block: _free_seats(sale.shows, show, block)
        )
        sale.news.append(
            f"kill -9 {victim['name']} (pid {victim['pid']}, {victim['activations']} blocks)"
        )
        sale.recovery = await kill_host(http, victim, target.data_dir, probes)
    recovery = sale.recovery
    sale.news.append(
        f"{recovery.host} is back: new process {recovery.new_pid} after {recovery.process_seconds:.1f} s, "
        f"decides about its seats again after {recovery.hold_seconds:.1f} s"
    )


def _free_seats(shows: list[ShowMap], show_id: str, block: int) -> list[list[str]]:
    """Free single seats from the end of a block, where fewest buyers look; any seat when none is free."""
    show = next((show for show in shows if show.show_id == show_id), None)
    if show is None:
        return []
    rows = [row for row in show.rows[::-1] if row.block == block]
    free = [seats for row in rows if (seats := show.free_run(row, 1))]
    return free[:PROBES_PER_BLOCK] or [row.seats(0, 1) for row in rows[:1]]
