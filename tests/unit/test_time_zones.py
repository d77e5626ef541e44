"""Moments by the clocks of a venue."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.time_zones import local, zone_name, zones
from serve_app.web.language import language

SUMMER = int(datetime(2031, 7, 1, 18, 30, tzinfo=UTC).timestamp() * 1000)


@given(st.integers(0, 4_000_000_000_000), st.sampled_from(sorted(zones())))
def test_a_moment_is_the_same_moment_by_all_clocks(milliseconds: int, zone: str) -> None:
    moment = local(milliseconds, zone)
    assert round(moment.timestamp() * 1000) == milliseconds
    assert moment.isoformat()[-6] in "+-"
    assert zone_name(moment)


@pytest.mark.parametrize("name", ["", "localtime", "Factory", "../UTC", "CEST", "europe/berlin"])
def test_what_names_no_place_is_no_zone(name: str) -> None:
    assert name not in zones()


@pytest.mark.parametrize(
    ("zone", "english", "german"),
    [
        ("UTC", "Tue 1 Jul 2031, 18:30 UTC", "Di., 1. Juli 2031, 18:30 UTC"),
        ("Europe/Berlin", "Tue 1 Jul 2031, 20:30 CEST", "Di., 1. Juli 2031, 20:30 MESZ"),
        ("America/New_York", "Tue 1 Jul 2031, 14:30 EDT", "Di., 1. Juli 2031, 14:30 EDT"),
        ("Asia/Dubai", "Tue 1 Jul 2031, 22:30 (UTC+04)", "Di., 1. Juli 2031, 22:30 (UTC+04)"),
        ("Asia/Tokyo", "Wed 2 Jul 2031, 03:30 JST", "Mi., 2. Juli 2031, 03:30 JST"),
    ],
)
def test_a_moment_is_told_by_the_clocks_of_its_zone(zone: str, english: str, german: str) -> None:
    assert language("en").moment(SUMMER, zone) == english
    assert language("de").moment(SUMMER, zone) == german
