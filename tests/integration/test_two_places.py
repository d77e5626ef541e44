"""What Ray does with hosts for which there is no room, and with handles of hosts that are gone."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

SECONDS_MAX = 500


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("places")
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.two_places", str(directory)],
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


pytestmark = pytest.mark.timeout(SECONDS_MAX + 20)


def test_a_host_without_room_is_known_and_can_be_ended(found: dict[str, Any]) -> None:
    """It does not answer and is not of the fleet; only its name tells that it waits."""
    assert found["answered"]
    assert not found["third answers"]
    assert found["there"] == ["host-0", "host-1", "host-2"]
    assert found["third gone"]


def test_the_name_of_a_host_that_somebody_has_ended_gets_a_new_one(found: dict[str, Any]) -> None:
    """In a process that has called the old one before."""
    assert found["another process"]
