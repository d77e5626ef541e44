"""When a session ends: both of its limits, at any moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.accounts.session import (
    IDLE_MS,
    LIFETIME_MS,
    NOTED_MS,
    Session,
    session_id_of,
)

NOW = 1_900_000_000_000


def begun(began_at: int = NOW, seen_at: int = NOW) -> Session:
    return Session("a", "g", began_at, seen_at)


@given(st.lists(st.integers(0, IDLE_MS - 1), max_size=200))
def test_a_session_that_is_used_lives_for_its_lifetime_and_no_longer(pauses: list[int]) -> None:
    session, now = begun(), NOW
    for pause in pauses:
        now += pause
        assert session.is_over(now) == (now - NOW >= LIFETIME_MS)
        session = begun(NOW, now)


@given(st.integers(0, LIFETIME_MS), st.integers(0, 2 * IDLE_MS))
def test_one_that_nobody_uses_ends(used_for: int, pause: int) -> None:
    session = begun(NOW, NOW + used_for)
    now = NOW + used_for + pause
    assert session.is_over(now) == (pause >= IDLE_MS or used_for + pause >= LIFETIME_MS)
    assert session.is_over(now) == (now >= session.ends_at)


@given(st.integers(0, 2 * NOTED_MS))
def test_a_use_is_written_down_now_and_then(pause: int) -> None:
    assert begun().is_news(NOW + pause) == (pause >= NOTED_MS)


def test_no_session_ends_because_its_uses_were_not_all_written_down() -> None:
    assert NOTED_MS < IDLE_MS < LIFETIME_MS


def test_what_is_stored_of_a_token_is_not_the_token() -> None:
    assert session_id_of("token") == session_id_of("token") != session_id_of("Token")
    assert "token" not in session_id_of("token")
