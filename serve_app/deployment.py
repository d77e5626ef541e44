"""The Ray Serve application. `build` is named by import path, as a RayService names it."""

from __future__ import annotations

from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.schema import LoggingConfig

from cluster.settings import read_settings
from serve_app.app import create_app

ONGOING_REQUESTS_MAX = 10_000
"""Requests and streams of one replica at a time. HAProxy does not queue; the replica answers 503 above it."""


def ingress() -> FastAPI:
    """Built inside the replica: an application object does not survive pickling."""
    return create_app()


def build() -> Application:
    """The Serve application of this process's settings."""

    @serve.deployment(
        name="frontrow",
        num_replicas=read_settings().replicas,
        max_ongoing_requests=ONGOING_REQUESTS_MAX,
        ray_actor_options={"num_cpus": 0},
        graceful_shutdown_timeout_s=5,
        logging_config=LoggingConfig(enable_access_log=False),
    )
    @serve.ingress(ingress)
    class Frontrow:
        """The stateless front: everything it knows is folded from the journal."""

    return Frontrow.bind()
