"""How many replicas Serve is asked for."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

from cluster.settings import Settings

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # Ray Serve's own models, when it is imported


@pytest.fixture
def deployment() -> Any:
    return importlib.import_module("serve_app.deployment")


def test_the_builder_is_one_that_serve_takes(deployment: Any) -> None:
    """Serve calls it with a dictionary, and with nothing else (ray.serve._private.api)."""
    assert len(inspect.signature(deployment.build).parameters) == 1


def test_without_a_most_the_number_is_fixed(deployment: Any) -> None:
    assert deployment.replicas(Settings(replicas=3)) == {"num_replicas": 3}


def test_a_most_that_is_the_least_is_fixed(deployment: Any) -> None:
    assert deployment.replicas(Settings(replicas=3, replicas_max=3)) == {"num_replicas": 3}


def test_between_the_two_serve_decides(deployment: Any) -> None:
    scaling = deployment.replicas(Settings(replicas=2, replicas_max=5))["autoscaling_config"]
    assert (scaling.min_replicas, scaling.max_replicas) == (2, 5)
    assert scaling.target_ongoing_requests == deployment.ONGOING_REQUESTS_TARGET
    assert scaling.target_ongoing_requests < deployment.ONGOING_REQUESTS_MAX
    assert scaling.upscale_delay_s < scaling.downscale_delay_s
