"""Is the process alive, and can it do its work?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors.client import HostUnavailable
from actors.journal import JournalUnavailable
from cluster.bootstrap import Runtime
from cluster.store.mongo import StoreUnavailable
from serve_app.runtime import runtime_of

CHECK_SECONDS_MAX = 3.0
OK = "ok"


async def healthz(request: Request) -> Response:
    """GET /healthz: the process answers."""
    return Response(b'{"status":"ok"}', media_type="application/json")


async def readyz(request: Request) -> Response:
    """GET /readyz: journal, store and hosts do their work; otherwise 503 and which of them does not, and why."""
    runtime = runtime_of(request)
    names, reports = ("journal", "store", "hosts"), list[dict[str, Any]]()
    checks = (runtime.journal_ready(), runtime.store_ready(), _hosts_ready(runtime, reports))
    states = await asyncio.gather(*[_state(check) for check in checks])
    if states[0] == OK and (left := left_unsettled(reports)):
        states[0] = f"unavailable ({left})"
    ready = all(state == OK for state in states)
    body = {"status": "ready" if ready else "not ready", **dict(zip(names, states, strict=True))}
    headers = {} if ready else {"Retry-After": "1"}
    return Response(msgspec.json.encode(body), 200 if ready else 503, headers, "application/json")


def left_unsettled(reports: Sequence[dict[str, Any]]) -> str:
    """Whose latest commit had no definite answer: the journal can be asked, and stores nothing. Empty when all is well.

    What the journal answers to questions does not tell it (see `cluster.journal.unsettled`).
    """
    left = [report["name"] for report in reports if report.get("unsettled_seconds") is not None]
    return f"no definite answer to the last commit of {', '.join(left)}" if left else ""


async def _hosts_ready(runtime: Runtime, found: list[dict[str, Any]]) -> None:
    """The reports of those that answer are left in `found`."""
    names = (
        runtime.placement().serving()
    )  # nothing is placed on a drained one, whether it answers or not
    reports = await runtime.transport.reports(names)
    found += [report for report in reports if report is not None]
    silent = [name for name, report in zip(names, reports, strict=True) if report is None]
    if silent:
        raise HostUnavailable(f"no answer from {', '.join(silent)}")


async def _state(check: Awaitable[None]) -> str:
    try:
        await asyncio.wait_for(check, CHECK_SECONDS_MAX)
    except (JournalUnavailable, StoreUnavailable, HostUnavailable) as error:
        return f"unavailable ({error})"
    except TimeoutError:
        return f"unavailable (no answer in {CHECK_SECONDS_MAX:.0f} s)"
    except (
        Exception
    ) as error:  # whatever it is, the part is not ready; its text may hold an address
        return f"unavailable ({type(error).__name__})"
    return OK
