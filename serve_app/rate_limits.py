"""Rate limits: what one client may ask for in a while, told in every answer and refused with 429.

The fields are `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-11. A limit is one replica's.
Not limited: who has a valid key, the loopback address (unless told otherwise), and what must never be turned away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from starlette.types import Scope

from actors.metrics import RATE_LIMITED
from actors.telemetry import Meter
from cluster.settings import Settings
from serve_app.clients import LOOPBACK, client_of
from serve_app.problems import Problem
from serve_app.quotas import Quota, Use, Uses


class Policy(StrEnum):
    """Kinds of requests, each with a quota of its own."""

    READS = "reads"
    HOLDS = "holds"
    ORDERS = "orders"
    SIGN_INS = "sign_ins"


_UNLIMITED = ("/static/", "/webhooks/", "/healthz", "/readyz")
"""Files that are kept for ever, the payment provider, and who asks whether this replica works."""

_BY_LAST_WORD = {
    "holds": Policy.HOLDS,
    "extend": Policy.HOLDS,
    "orders": Policy.ORDERS,
    "order": Policy.ORDERS,
    "sign-in": Policy.SIGN_INS,
    "password": Policy.SIGN_INS,
    "link": Policy.SIGN_INS,
}
"""What a POST makes, by the last word of its address."""


def policy_of(method: str, path: str) -> Policy | None:
    """What a request counts as."""
    if path.startswith(_UNLIMITED):
        return None
    if method == "POST":
        return _BY_LAST_WORD.get(path.rpartition("/")[2], Policy.READS)
    return Policy.READS


@dataclass(frozen=True, slots=True)
class Limited:
    """One use of a policy by a client."""

    policy: Policy
    quota: Quota
    use: Use

    def fields(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Names and values."""
        name, quota, use = self.policy.value, self.quota, self.use
        return (
            ("RateLimit-Policy", f'"{name}";q={quota.units};w={quota.seconds}'),
            ("RateLimit", f'"{name}";r={use.remaining};t={use.seconds}'),
        )

    def problem(self) -> Problem:
        """`rate_limited`, with what the draft calls the violated policies."""
        return Problem(
            "rate_limited",
            f"{self.quota.units} {self.policy} in {self.quota.seconds} seconds are allowed",
            {"Retry-After": str(self.use.seconds), **dict(self.fields())},
            **{"violated-policies": [self.policy]},
        )


class RateLimits:
    """The limits of a replica. `own_hops`: proxies of the product itself in front of it."""

    def __init__(
        self,
        settings: Settings,
        meter: Meter,
        *,
        own_hops: int = 0,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._settings, self._meter = settings, meter
        self._hops = own_hops + settings.trusted_hops
        self._quotas = {policy: Quota.of(getattr(settings, f"rate_{policy}")) for policy in Policy}
        self._uses = {policy: Uses(quota, clock) for policy, quota in self._quotas.items()}

    def client(self, scope: Scope) -> str | None:
        """The client of a request; None when it is not limited."""
        client = None if self._settings.rate_limits == "off" else self.address(scope)
        if client == LOOPBACK and self._settings.rate_limits == "remote":
            return None
        return client

    def address(self, scope: Scope) -> str:
        """Where a request comes from, limited or not."""
        return client_of(scope, self._hops)

    def use(self, policy: Policy, client: str) -> Limited:
        """One use by a client."""
        limited = Limited(policy, self._quotas[policy], self._uses[policy].use(client))
        if not limited.use.allowed:
            self._meter.count(RATE_LIMITED, 1, policy)
        return limited
