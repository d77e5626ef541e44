"""Each check of the coordinator of holds, taken out by hand: the test that tells its story fails.

A test of the tests, like its neighbour; the stories pass with all checks in place, or the unit tests would be red.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actors import holding
from actors.domain import tickets
from tests.guards.without import Guard, without
from tests.unit import test_holding_epochs as stories

MUTANTS: dict[str, tuple[Guard, Callable[[], None]]] = {
    "a part of an earlier epoch is not given back first": (
        Guard(
            holding,
            "if outcome.hold.ending is not Ending.LIVE or outcome.hold.epoch >= attempt.epoch:",
            "if outcome.hold is not None:",
        ),
        stories.test_parts_left_from_an_earlier_epoch_do_not_cost_an_epoch_each,
    ),
    "a part of any epoch will do": (
        Guard(holding, " and hold.epoch == attempt.epoch", ""),
        stories.test_a_part_of_an_epoch_in_between_does_not_stand_for_this_one,
    ),
    "epochs between this one and the next are not ended": (
        Guard(holding, "over = max(over, outcome.epoch - 1)", "pass"),
        stories.test_an_attempt_that_goes_on_in_a_later_epoch_has_ended_all_before_it,
    ),
    "a part of any size will do": (
        Guard(holding, " and len(hold.tickets) == pick.size", ""),
        stories.test_a_part_of_another_size_is_not_what_was_wanted,
    ),
    "a hold that has ended is the answer without a key, too": (
        Guard(holding, " and (attempt.request.keyed or hold.ending is Ending.LIVE)", ""),
        stories.test_a_buyer_without_a_key_is_never_given_a_hold_that_has_ended,
    ),
    "with nothing taken the epoch is not ended before the next": (
        Guard(holding, "if taken or superseded\n", "if taken\n"),
        stories.test_an_epoch_that_a_part_refused_is_over_at_the_primary_before_the_next_one_begins,
    ),
    "where anything has ended no epoch can be given up": (
        Guard(
            tickets,
            "if known is not None and not _superseded(known, epoch):",
            "if known is not None:",
        ),
        stories.test_a_late_commit_is_refused_although_its_block_remembers_an_older_part,
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_missing_check_fails_its_story(name: str) -> None:
    guard, story = MUTANTS[name]
    with without(guard), pytest.raises(AssertionError):
        story()
