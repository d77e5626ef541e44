"""Is the process alive, and can it do its work?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors.client import HostUnavailable
from actors.journal import JournalUnavailable
from cluster.bootstrap import Runtime
from cluster.store.mongo import StoreUnavailable
from serve_app.runtime import runtime_of

CHECK_SECONDS_MAX = 3.0


async def healthz(request: Request) -> Response:
    """GET /healthz: the process answers."""
    return Response(b'{"status":"ok"}', media_type="application/json")


async def readyz(request: Request) -> Response:
    """GET /readyz: journal, store and hosts do their work; otherwise 503 and which of them does not, and why."""
    runtime = runtime_of(request)
    names = ("journal", "store", "hosts")
    checks = (runtime.journal_ready(), runtime.store_ready(), _hosts_ready(runtime))
    states = await asyncio.gather(*[_state(check) for check in checks])
    ready = all(state == "ok" for state in states)
    body = {"status": "ready" if ready else "not ready", **dict(zip(names, states, strict=True))}
    headers = {} if ready else {"Retry-After": "1"}
    return Response(msgspec.json.encode(body), 200 if ready else 503, headers, "application/json")


async def _hosts_ready(runtime: Runtime) -> None:
    names = runtime.placement().names()
    reports = await runtime.transport.reports(names)
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
    return "ok"
