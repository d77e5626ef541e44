"""The service levels of holds, and how fast their error budgets burn. Pure.

Multi-window, multi-burn-rate alerts as in "The Site Reliability Workbook" (Google, 2018), chapter 5: a long window says
that it matters, a short one that it still goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.metrics import CALL_SECONDS, HTTP_SECONDS
from cluster.dashboards.promql import rate, selector

HOLD = 'route="/v1/shows/{show_id}/holds",method="POST"'

ANSWERED = 0.999
"""Holds that are answered: with a hold or with a refusal, but not with a 5xx."""

FAST_SECONDS = 0.5
FAST = 0.99
"""Holds whose answer begins within FAST_SECONDS."""

assert FAST_SECONDS in CALL_SECONDS  # it is the border of a bucket


@dataclass(frozen=True, slots=True)
class Burn:
    """Alert when the budget burns `factor` times as fast as it may, in both windows."""

    factor: float
    long: str
    short: str
    lasting: str
    severity: str


BURNS = (
    Burn(14.4, "1h", "5m", "2m", "page"),
    Burn(6.0, "6h", "30m", "15m", "page"),
    Burn(1.0, "3d", "6h", "1h", "ticket"),
)
"""2 % of a month's budget in an hour, 5 % in six hours, 10 % in three days."""


def failed_ratio(window: str) -> str:
    failed = rate(HTTP_SECONDS, match=f'{HOLD},status="5xx"', window=window)
    # No 5xx is no series: then it is 0 of the others.
    return f"(({failed} or vector(0)) / {rate(HTTP_SECONDS, match=HOLD, window=window)})"


def slow_ratio(window: str) -> str:
    border = f'{HOLD},le="{FAST_SECONDS}"'
    fast = f"sum(rate({selector(HTTP_SECONDS, border, 'bucket')}[{window}]))"
    return f"(1 - {fast} / {rate(HTTP_SECONDS, match=HOLD, window=window)})"
