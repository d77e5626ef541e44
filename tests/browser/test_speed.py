"""How fast the seat map of 50,000 seats is, with software rendering. The figures are printed (`pytest -s`) and kept in
docs/performance.md; the bounds here are for a machine that is busy with other things, and hold off mistakes."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import PAGE_MS_MAX, Open
from tests.browser.seat_map import live
from tests.e2e.venue import hall
from tests.local_server import AUTH, LocalServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECTIONS, ROWS, SEATS = 50, 25, 40
CHANGED = 1_000
PAINT_MS_MAX = 10_000
FRAME_MS_MAX = 200
TRANSFER_BYTES_MAX = 600_000

ANY_CHANGE = re.compile(r"\d+ ")

PAINTED = "performance.getEntriesByName('seatmap-painted')[0]?.startTime"

FRAMES = """() => new Promise((resolve) => {
    const frames = [];
    let last = performance.now();
    const end = last + 3000;
    requestAnimationFrame(function frame() {
        const now = performance.now();
        frames.push(now - last);
        last = now;
        if (now < end) requestAnimationFrame(frame);
        else resolve(frames);
    });
})"""
"""Milliseconds between frames, for three seconds."""


def stadium() -> str:
    """Curved rows with coordinates of their own, as a plan from a drawing has them."""
    lines = ["section,row,seat,category,x,y"]
    for section in range(SECTIONS):
        left, top = section % 10 * 34, section // 10 * 36
        for row in range(ROWS):
            for seat in range(SEATS):
                x, y = left + seat * 0.75, top + row + (seat - SEATS / 2) ** 2 * 0.006
                category = "AB"[section // 20 % 2]
                lines.append(f"Block {section + 1},{row + 1},{seat + 1},{category},{x},{y:.3f}")
    return "\n".join(lines)


def told(what: str, **figures: Any) -> None:
    print(f"{what}: {json.dumps(figures)}")


def quantile(values: list[float], share: float) -> float:
    return round(sorted(values)[int(share * (len(values) - 1))], 1)


async def painted(page: Page) -> float:
    """When the map was painted first, in milliseconds after the navigation began."""
    await live(page)
    end = time.monotonic() + PAGE_MS_MAX / 1000
    while time.monotonic() < end:
        if (at := await page.evaluate(PAINTED)) is not None:
            return at
    raise AssertionError("the map was not painted")


async def test_a_map_of_50_000_seats_is_fast(server: LocalServer, open_page: Open) -> None:
    show_id = await hall(server, stadium(), max_per_order=1)
    page = await open_page(f"{server.url}/shows/{show_id}", viewport={"width": 1280, "height": 800})
    first = await painted(page)
    transferred = await page.evaluate(
        """() => performance.getEntriesByType('resource')
            .filter(({name}) => name.includes('.bin'))
            .map(({name, transferSize}) => [name.split('/').at(-1), transferSize])"""
    )
    told("transfer", **dict(transferred))
    assert len(transferred) == 2
    assert sum(size for _, size in transferred) < TRANSFER_BYTES_MAX
    await page.reload()
    told("first paint, ms", first=round(first), again=round(await painted(page)))
    assert first < PAINT_MS_MAX

    await page.locator("#map").scroll_into_view_if_needed()
    box = await page.locator("#map canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for what, gesture in (("zoom", zoomed), ("pan", panned)):
        frames, _ = await asyncio.gather(page.evaluate(FRAMES), gesture(page, x, y))
        told(f"{what}, ms a frame", p50=quantile(frames, 0.5), p95=quantile(frames, 0.95))
        assert quantile(frames, 0.5) < FRAME_MS_MAX

    await page.get_by_role("button", name="Whole hall").click()
    await page.locator("#map canvas").click(position={"x": 150, "y": 60})
    canvas = page.locator("#map canvas")
    await expect(canvas).not_to_have_class("whole")  # the first section is open, all its seats seen
    body = {"seats": [f"Block 1-{1 + n // SEATS}-{1 + n % SEATS}" for n in range(CHANGED)]}
    frames, answer = await asyncio.gather(
        page.evaluate(FRAMES),
        server.http.post(
            f"/v1/shows/{show_id}/withhold", json={**body, "reason": "measured"}, headers=AUTH
        ),
    )
    assert answer.status_code == 200, answer.text
    await expect(canvas).to_have_attribute("data-changed", ANY_CHANGE, timeout=PAGE_MS_MAX)
    seats, milliseconds = (await canvas.get_attribute("data-changed") or "").split()
    told("changes", seats=int(seats), ms=float(milliseconds), longest_frame_ms=round(max(frames)))
    assert int(seats) == CHANGED  # in one frame
    assert float(milliseconds) < FRAME_MS_MAX


async def zoomed(page: Page, x: float, y: float) -> None:
    """In and out again, from the whole hall to single seats."""
    await page.mouse.move(x, y)
    for pixels in [-60] * 25 + [60] * 20:
        await page.mouse.wheel(0, pixels)
        await asyncio.sleep(0.02)


async def panned(page: Page, x: float, y: float) -> None:
    """A long drag about the hall, at the scale that zooming has left."""
    await page.mouse.move(x, y)
    await page.mouse.wheel(0, -600)
    await page.mouse.down()
    for step in range(100):
        turn = step / 8
        await page.mouse.move(x + 250 * math.sin(turn), y + 150 * math.cos(turn))
        await asyncio.sleep(0.01)
    await page.mouse.up()
