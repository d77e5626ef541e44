"""A host that was stopped until Ray had replaced it, and goes on (what is arranged: `tests.faults.zombie`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.zombie import zombie
from tests.stack import RunningStack


@pytest.mark.timeout(300)
def test_a_zombie_host_is_refused_by_the_journal_and_sells_nothing_twice(
    private_stack: Callable[..., RunningStack], tmp_path: Path
) -> None:
    figures = zombie(private_stack, tmp_path, seconds=0)
    assert figures.notes["conflicts of zombies"] > 0
