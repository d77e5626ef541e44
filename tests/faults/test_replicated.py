"""Three nats-servers: the death and the pause of the journal's leader stop the sale for a while and spoil nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.replicated import replicated
from tests.stack import RunningStack


@pytest.mark.timeout(300)
def test_a_journal_on_three_servers_outlives_the_death_and_the_pause_of_its_leader(
    private_stack: Callable[..., RunningStack], tmp_path: Path
) -> None:
    figures = replicated(private_stack, tmp_path / "nats", seconds=0)
    assert len(figures.faults) == 2
    assert figures.until_first_hold
