"""The Ray Serve application, by import path.

A RayService names `build`: on a Ray cluster that somebody else has started it starts the product as well, for nobody
runs `frontrow up` there. The embedded stack has done that by itself, and deploys `application`.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import LoggingConfig

from cluster.settings import Settings, read_settings
from cluster.starting import start_on_cluster
from serve_app.app import create_app

ONGOING_REQUESTS_MAX = 10_000
"""Requests and streams of one replica at a time. HAProxy does not queue; the replica answers 503 above it."""

ONGOING_REQUESTS_TARGET = 64
"""What one replica should have in hand: at 10 to 40 ms a request it is busy then. Open streams of events count too."""

UPSCALE_DELAY_SECONDS = 5.0
"""A rush begins at once, and a replica needs a few seconds to start."""

DOWNSCALE_DELAY_SECONDS = 300.0
"""An idle replica costs memory only; one that is missing costs buyers."""

LOOK_BACK_SECONDS = 10.0
METRICS_INTERVAL_SECONDS = 2.0
SHUTDOWN_SECONDS_MAX = 5.0

HAPROXY_HOPS = 1
"""Serve's HAProxy, told to by its wrapper, appends to X-Forwarded-For who is connected to it."""


def ingress() -> FastAPI:
    """Built inside the replica: an application object does not survive pickling."""
    return create_app(ids_echoed=True, own_hops=HAPROXY_HOPS)


def build(_arguments: dict[str, str]) -> Application:
    """Starts the hosts and the services on this Ray cluster; the Serve application in front of them.

    The parameter is Serve's: the `args` of its config, which has none. Raises JournalUnavailable or StoreUnavailable
    when NATS or MongoDB stays away.
    """
    start_on_cluster(read_settings())
    return application()


def application() -> Application:
    """The Serve application of this process's settings."""
    settings = read_settings()

    @serve.deployment(
        name="frontrow",
        **replicas(settings),
        max_ongoing_requests=ONGOING_REQUESTS_MAX,
        ray_actor_options={"num_cpus": settings.replica_cpus},
        graceful_shutdown_timeout_s=SHUTDOWN_SECONDS_MAX,
        logging_config=LoggingConfig(
            encoding="JSON", log_level=settings.log_level.upper(), enable_access_log=False
        ),
    )
    @serve.ingress(ingress)
    class Frontrow:
        """The stateless front: everything it knows is folded from the journal."""

    return Frontrow.bind()


def replicas(settings: Settings) -> dict[str, Any]:
    """Serve's options of how many replicas there are: a fixed number, or as many as the requests need."""
    least, most = settings.replicas, settings.replicas_max or settings.replicas
    if most == least:
        return {"num_replicas": least}
    scaling = AutoscalingConfig(
        min_replicas=least,
        max_replicas=most,
        target_ongoing_requests=ONGOING_REQUESTS_TARGET,
        upscale_delay_s=UPSCALE_DELAY_SECONDS,
        downscale_delay_s=DOWNSCALE_DELAY_SECONDS,
        look_back_period_s=LOOK_BACK_SECONDS,
        metrics_interval_s=METRICS_INTERVAL_SECONDS,
    )
    return {"autoscaling_config": scaling}
