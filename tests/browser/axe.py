"""What axe-core finds on a page of a browser."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

AXE = Axe().axe_script
EVERYTHING = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
LOOK = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "target-size"]}
"""The rules that depend on colours and width; the others see what is in the page, which stays the same."""


async def violations(page: Page, options: dict[str, Any]) -> list[str]:
    """What axe finds; the page has it (`AXE`). What Playwright evaluates no policy of the page forbids."""
    found = await page.evaluate("(options) => axe.run(options)", options)
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
