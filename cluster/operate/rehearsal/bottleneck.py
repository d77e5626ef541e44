"""What a rehearsal was limited by, from what was measured. Pure; a hint, and says so."""

from __future__ import annotations

import math
from dataclasses import dataclass

BUSY = 0.85
"""A machine whose processors are busier than this has nothing to spare."""

SHARE = 0.5
RATE_REACHED = 0.9
SLOW_SECONDS = 0.25
"""Buyers do not notice less."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Rates are holds asked for a second; `hold_p50` is a buyer's median in seconds, `commit_p50` the hosts', 0 when
    nobody knows; `limited` counts requests that were more than one client may send, `turned_away` all others that were
    answered 429 or 503."""

    asked: float
    rate: float
    hold_p50: float
    commit_p50: float
    queue: int
    cpu: float | None
    limited: int
    turned_away: int


def bottleneck(measured: Measured) -> str:
    """One sentence."""
    if measured.turned_away:
        return (
            f"the server turned {measured.turned_away:,} requests away (429 or 503): "
            "look at `frontrow doctor` and the journal"
        )
    if measured.limited:
        return (
            f"the limit for one client turned {measured.limited:,} requests away (429): rehearse on the server's own "
            "machine, which has none, or with a lower --rate"
        )
    if measured.cpu is not None and measured.cpu > BUSY:
        return f"the processors of this machine ({measured.cpu:.0%} busy)"
    if math.isnan(measured.hold_p50):
        return "nobody asked for anything"
    if measured.hold_p50 > SLOW_SECONDS and measured.commit_p50 > SHARE * measured.hold_p50:
        return (
            f"the journal: a commit takes {measured.commit_p50 * 1000:.0f} of the "
            f"{measured.hold_p50 * 1000:.0f} ms of a hold"
        )
    if measured.hold_p50 > SLOW_SECONDS:
        return (
            "the HTTP side: most of a hold's time passes before and after its commit; add replicas"
        )
    if measured.asked >= RATE_REACHED * measured.rate:
        return f"none was met: the rehearsal asks for at most {measured.rate:g} holds a second (--rate)"
    return "none was met: more buyers would ask for more"
