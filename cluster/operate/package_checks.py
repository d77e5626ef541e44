"""The Python packages that are installed, against those that this version was tested with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, requires, version

from cluster.operate.check import Check, State

PRODUCT = "frontrow"
SHOWN = ("ray", "nats-py", "motor", "fastapi", "stripe")
"""Packages with a line of their own, also when all is well."""

_PINNED = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;]+)\s*(?P<rest>;.*)?$"
)


def package_checks() -> list[Check]:
    try:
        wanted = requires(PRODUCT) or []
    except PackageNotFoundError:
        return [Check("packages", State.WARNING, f"{PRODUCT} is not installed as a package")]
    return compared(wanted, version)


def compared(wanted: Iterable[str], installed: Callable[[str], str]) -> list[Check]:
    """`wanted` as metadata has it (PEP 508); extras are left out. `installed` raises PackageNotFoundError."""
    checks, right = list[Check](), 0
    for requirement in wanted:
        found = _PINNED.match(requirement)
        if found is None or "extra ==" in (found["rest"] or ""):
            continue
        name, pinned = found["name"], found["version"]
        try:
            there = installed(name)
        except PackageNotFoundError:
            checks.append(Check(name, State.FAILED, f"not installed; {pinned} is needed"))
            continue
        if there != pinned:
            checks.append(Check(name, State.WARNING, f"{there}; tested with {pinned}"))
            continue
        right += 1
        if name in SHOWN:
            checks.append(Check(name, State.OK, there))
    checks.append(Check("packages", State.OK, f"{right} are as pinned"))
    return checks
