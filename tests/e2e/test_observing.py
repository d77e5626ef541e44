"""Request ids, what is measured of requests, and traces from HTTP to the commit and its consumer, over real NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from actors.metrics import (
    APPENDS,
    CONSUMER_DELAY,
    CONSUMER_LAG,
    HOST_CALL_SECONDS,
    HTTP_SECONDS,
    ORDER_TRANSITIONS,
)
from cluster.embedded.nats import NatsServer
from cluster.journal.consumer import Delivery
from serve_app.api import health
from tests.local_server import LocalServer, local_server
from tests.meters import Recorder, context_of

CSV = "section,row,seat,category\nS,A,1,A\nS,A,2,A\n"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def observed(
    nats_server: NatsServer, mongodb_url: str, recorder: Recorder
) -> AsyncIterator[LocalServer]:
    """A server whose telemetry is remembered; everything is traced."""
    async with local_server(
        nats_server.url,
        mongodb_url,
        telemetry=recorder.telemetry,
        mongodb_database="observing",
        traces_url="file:///nowhere",
    ) as running:
        yield running


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("given", ["abc-123.XYZ_~", "a" * 64])
async def test_a_sane_request_id_is_taken_over(observed: LocalServer, given: str) -> None:
    answer = await observed.http.get("/healthz", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("given", [b"", b"a" * 65, b"a b", b'x"y', b"\xe9"])
async def test_any_other_is_replaced_and_is_in_the_problem(
    observed: LocalServer, given: bytes
) -> None:
    answer = await observed.http.get(
        "/v1/shows/s-none/availability", headers=[(b"X-Request-Id", given)]
    )
    assert answer.status_code == 404
    assert len(answer.headers["X-Request-Id"]) == 16
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_defect_has_an_id_and_is_counted_as_one(
    observed: LocalServer, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(health, "runtime_of", broken)
    answer = await observed.http.get("/readyz", headers={"X-Request-Id": "mine"})
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] == "mine"
    assert answer.json()["request_id"] == "mine"
    assert recorder.meter.observed[HTTP_SECONDS, ("GET", "/readyz", "5xx")]


@pytest.mark.asyncio(loop_scope="session")
async def test_requests_are_measured_by_route_template_and_never_by_path(
    observed: LocalServer, recorder: Recorder
) -> None:
    show_id = await observed.show()
    await observed.load(show_id, CSV)
    held = await observed.http.post(f"/v1/shows/{show_id}/holds", json={"seats": ["S-A-1"]})
    assert held.status_code == 201
    await observed.http.get("/no/such/address")
    await observed.http.request("BREW", "/healthz")
    labels = {labels for metric, labels in recorder.meter.observed if metric is HTTP_SECONDS}
    assert ("POST", "/v1/shows/{show_id}/holds", "2xx") in labels
    assert ("POST", "/v1/shows", "2xx") in labels
    assert ("GET", "/v1/jobs/{job_id}", "2xx") in labels
    assert ("GET", "unmatched", "4xx") in labels
    assert not [method for method, _, _ in labels if method == "BREW"]
    assert not [route for _, route, _ in labels if show_id in route]
    assert recorder.meter.counted[APPENDS, ("stored",)] > 0
    assert recorder.meter.observed[HOST_CALL_SECONDS, ()]
    assert not [m for m, _ in recorder.meter.counted if m is ORDER_TRANSITIONS]


@pytest.mark.asyncio(loop_scope="session")
async def test_one_trace_from_the_request_to_the_commits_consumer(
    observed: LocalServer, recorder: Recorder
) -> None:
    show_id = await observed.show()
    await observed.load(show_id, CSV)
    heard = asyncio.Event()

    async def handler(deliveries: list[Delivery]) -> None:
        if any(one.trace[3:35] == PARENT[3:35] for one in deliveries):
            heard.set()

    name = f"observing-{show_id}"
    consumer = observed.runtime.consumer("JOURNAL", name, f"journal.{show_id}.*", handler)
    consumer.start()
    async with asyncio.timeout(30):
        while not consumer.consuming or await consumer.lag():  # what was before is traced too
            await asyncio.sleep(0.01)
    held = await observed.http.post(
        f"/v1/shows/{show_id}/holds", json={"seats": ["S-A-2"]}, headers={"traceparent": PARENT}
    )
    assert held.status_code == 201
    async with asyncio.timeout(30):
        await heard.wait()
        while not recorder.named(f"JOURNAL {name}"):
            await asyncio.sleep(0.01)
    await consumer.stop()
    ours = [span for span in recorder.spans if context_of(span).trace_id == TRACE_ID]
    names = {span.name for span in ours}
    request = "POST /v1/shows/{show_id}/holds"
    assert {request, "hold_tickets", "commit", f"JOURNAL {name}"} <= names
    by_name = {span.name: span for span in ours}
    parents = {span.name: span.parent.span_id for span in ours if span.parent is not None}
    assert parents["hold_tickets"] == context_of(by_name[request]).span_id
    assert parents["commit"] == context_of(by_name["hold_tickets"]).span_id
    assert parents[f"JOURNAL {name}"] == context_of(by_name["commit"]).span_id
    assert held.json()["hold_id"] not in str([span.to_json() for span in ours])
    assert recorder.meter.observed[CONSUMER_DELAY, ("JOURNAL", name)]
    await observed.runtime.sampler.sample()
    assert recorder.meter.gauge(CONSUMER_LAG, "JOURNAL", name) == 0


@pytest.mark.asyncio(loop_scope="session")
async def test_a_request_that_is_not_sampled_leaves_no_trace(
    observed: LocalServer, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(recorder.spans)
    monkeypatch.setattr("serve_app.observing.random.random", lambda: 1.0)
    await observed.http.get("/healthz", headers={"traceparent": PARENT})
    assert len(recorder.spans) == before
