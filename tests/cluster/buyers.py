"""Everybody who buys in a story: those who hold and want each other's seats, and those who pay for what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.ground import Ground
from tests.faults.crowd import Crowd, Hall
from tests.faults.judging import Figures, judge
from tests.faults.paying_crowd import PayingCrowd
from tests.shop import Shop, grid

HALL = Hall(sections=6)
PAID_HALL = (4, 20, 20)
HOLD_SECONDS = 20
"""Of the hall where nobody pays: holds end in every way that there is."""

BUYERS = 12
PAYING = 3


class Buyers:
    """Two shows, for those who pay are never refused: each has seats of its own. `url` is where all of them ask, and
    where Stripe's webhooks go."""

    def __init__(self, ground: Ground, shop: Shop, url: str, buyers: int = BUYERS) -> None:
        self._ground = ground
        seats = grid(HALL.sections, HALL.rows, HALL.seats)
        show_id = shop.show(seats, hold_seconds=HOLD_SECONDS)
        paid_id = shop.show(grid(*PAID_HALL))
        self.holding = Crowd(url, show_id, HALL, buyers)
        self.paying = PayingCrowd(url, ground.stripe_url, paid_id, PAYING)
        ground.webhooks_go_to(url)

    @contextmanager
    def running(self) -> Iterator[Buyers]:
        with self.holding.running(), self.paying.running():
            yield self

    def go_on(self, holds: int = 100) -> None:
        """Returns when so many more holds were asked for and granted, and when an order that was begun meanwhile has
        ended, paid or not."""
        ended = len(self.paying.orders)
        self.holding.goes_on(holds)
        # As many may have been begun before.
        self.paying.goes_on(max(1, ended + PAYING + 1 - len(self.paying.orders)))

    def judged(self, figures: Figures, url: str) -> Figures:
        """By all judges, who ask at `url`. Raises AssertionError."""
        stack = self._ground.stack(url)
        self.paying.settled(stack)
        assert self.paying.ends["paid"] > 0, self.paying.ends
        figures.notes["orders"] = ", ".join(
            f"{count} {state}" for state, count in sorted(self.paying.ends.items())
        )
        return judge(figures, stack, self.holding.show_id, self.holding.history)
