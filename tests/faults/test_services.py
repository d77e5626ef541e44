"""The services of the running stack: expiry announced, the read model rebuilt, both after a kill."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.shop import Answer, Shop, grid, until
from tests.stack import RunningStack, frontrow


@pytest.fixture
def shop(stack: RunningStack) -> Iterator[Shop]:
    with Shop(stack.url, stack.admin_key) as shop:
        yield shop


def service(shop: Shop, name: str) -> Answer:
    return next(one for one in shop.services() if one["service"] == name)


def test_the_expiry_of_a_hold_is_announced_although_nobody_asks(shop: Shop) -> None:
    show_id = shop.show(grid(1, 1, 10), hold_seconds=1)
    assert shop.hold(show_id, "S0-R0-1", "S0-R0-2").status_code == 201
    until(lambda: shop.counts(show_id)["available"] == 10, "the seats show as available again")


def test_overdue_seats_can_be_had_while_the_expiration_service_stands_still(shop: Shop) -> None:
    show_id = shop.show(grid(1, 1, 10), hold_seconds=1)
    pid = service(shop, "expiration")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        first = shop.hold(show_id, "S0-R0-1", "S0-R0-2")
        assert first.status_code == 201
        until(
            lambda: shop.hold(show_id, "S0-R0-1").status_code == 201,
            "the overdue seat is held by somebody else",
        )
        assert shop.find(first.json()["hold_id"]).status_code == 410
        assert shop.counts(show_id)["held"] >= 1
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: shop.counts(show_id)["available"] == 10, "what was overdue is announced")


def test_a_killed_service_is_started_again_and_goes_on_where_it_was(shop: Shop) -> None:
    show_id = shop.show(grid(1, 1, 10), hold_seconds=1)
    before = service(shop, "expiration")
    os.kill(before["pid"], signal.SIGKILL)
    assert shop.hold(show_id, "S0-R0-1").status_code == 201
    until(lambda: shop.counts(show_id)["available"] == 10, "the seat shows as available again")
    assert service(shop, "expiration")["pid"] != before["pid"]


def test_the_read_model_is_rebuilt_from_nothing(shop: Shop, stack: RunningStack) -> None:
    show_id = shop.show(grid(2, 5, 20))
    assert shop.hold(show_id, "S0-R0-1", "S1-R4-19").status_code == 201
    rebuilt = frontrow("rebuild", "--data", str(stack.data), "--json")
    assert json.loads(rebuilt.stdout)["sequence"] > 0
    verified = json.loads(frontrow("verify", show_id, "--data", str(stack.data), "--json").stdout)
    assert verified["ok"] is True, verified
