"""Where a request finds the parts that the composition root built for this replica."""

from __future__ import annotations

from starlette.requests import Request

from cluster.bootstrap import Runtime


def runtime_of(request: Request) -> Runtime:
    return request.app.state.runtime
