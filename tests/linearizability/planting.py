"""Violations planted into valid histories: each kind adds answers that no correct system can have given.

A kind gets a `Plot` and says at which seats the checker has to find it. Most of them pick a hold that somebody was
granted and nobody asked about again (the victim), at a random time of its life.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.history import Kind, Operation
from tests.linearizability.plot import HOLD_MS, Plot, Victim
from tests.linearizability.written import asked, granted, held_body, refused

LONG_AFTER = 200_000.0

Seats = set[str]
Planting = Callable[[Plot], Seats]
KINDS: dict[str, Planting] = {}


def _kind(planting: Planting) -> Planting:
    KINDS[planting.__name__.replace("_", " ").strip()] = planting
    return planting


def _taken_again(plot: Plot, **how: Any) -> Seats:
    victim = plot.victim()
    seat = plot.dice.choice(victim.seats)
    others = [plot.fresh() for _ in range(how.pop("others", 0))]
    plot.add(granted(*victim.at(), "thief", seat, *others, deadline=LONG_AFTER, **how))
    return {seat}


@_kind
def _a_seat_held_twice(plot: Plot) -> Seats:
    return _taken_again(plot)


@_kind
def _a_seat_held_twice_with_a_key(plot: Plot) -> Seats:
    return _taken_again(plot, key="thief's")


@_kind
def _a_seat_held_twice_among_others(plot: Plot) -> Seats:
    return _taken_again(plot, others=2)


@_kind
def _a_seat_held_twice_by_best_available(plot: Plot) -> Seats:
    return _taken_again(plot, quantity=1)


def _told(plot: Plot, kind: Kind, status: int, least: float = 0.0) -> Seats:
    victim = plot.victim()
    plot.ask(victim, kind, status, least)
    return set(victim.seats)


@_kind
def _find_says_404_of_a_live_hold(plot: Plot) -> Seats:
    return _told(plot, "find", 404)


@_kind
def _find_says_410_long_before_the_deadline(plot: Plot) -> Seats:
    return _told(plot, "find", 410)


@_kind
def _release_says_404_of_a_live_hold(plot: Plot) -> Seats:
    return _told(plot, "release", 404)


@_kind
def _release_says_410_before_the_deadline(plot: Plot) -> Seats:
    return _told(plot, "release", 410)


@_kind
def _extend_says_404_of_a_live_hold(plot: Plot) -> Seats:
    return _told(plot, "extend", 404)


@_kind
def _extend_says_410_before_the_deadline(plot: Plot) -> Seats:
    return _told(plot, "extend", 410)


@_kind
def _extend_says_already_though_nobody_did(plot: Plot) -> Seats:
    return _told(plot, "extend", 409)


@_kind
def _find_says_200_long_after_the_deadline(plot: Plot) -> Seats:
    return _told(plot, "find", 200, LONG_AFTER)


@_kind
def _released_long_after_the_deadline(plot: Plot) -> Seats:
    return _told(plot, "release", 204, LONG_AFTER)


@_kind
def _extended_long_after_the_deadline(plot: Plot) -> Seats:
    victim = plot.victim()
    plot.add(asked("extend", *victim.at(LONG_AFTER), victim.hold_id, 200, plot.extended(victim)))
    return set(victim.seats)


@_kind
def _a_stale_read_after_release(plot: Plot) -> Seats:
    victim = plot.victim()
    plot.ask(victim, "release", 204)
    plot.ask(victim, "find", 200)
    return set(victim.seats)


@_kind
def _a_release_undone(plot: Plot) -> Seats:
    victim = plot.victim()
    plot.add(asked("release", victim.at()[0], None, victim.hold_id))
    plot.ask(victim, "find", 404)
    plot.ask(victim, "find", 200)
    return set(victim.seats)


@_kind
def _gone_before_its_release_was_asked_for(plot: Plot) -> Seats:
    victim = plot.victim()
    plot.ask(victim, "find", 404)
    plot.add(asked("release", victim.at()[0], None, victim.hold_id))
    return set(victim.seats)


@_kind
def _expired_then_live_again(plot: Plot) -> Seats:
    victim = plot.victim()
    plot.ask(victim, "find", 410, LONG_AFTER)
    plot.add(asked("extend", *victim.at(), victim.hold_id, 200, plot.extended(victim)))
    return set(victim.seats)


def _extend(plot: Plot, victim: Victim, by: float = HOLD_MS, key: str = "") -> None:
    body = plot.extended(victim, by)
    plot.add(asked("extend", *victim.at(), victim.hold_id, 200, body, key))


@_kind
def _an_extension_lost_and_the_seat_given_away(plot: Plot) -> Seats:
    victim = plot.victim()
    _extend(plot, victim, LONG_AFTER)
    seat = plot.dice.choice(victim.seats)
    after = victim.at(victim.deadline + 1000)
    plot.add(granted(*after, "thief", seat, deadline=2 * LONG_AFTER))
    return {seat}


@_kind
def _an_extension_that_find_does_not_know(plot: Plot) -> Seats:
    victim = plot.victim()
    _extend(plot, victim)
    plot.ask(victim, "find", 200)
    return set(victim.seats)


@_kind
def _extended_twice(plot: Plot) -> Seats:
    victim = plot.victim()
    _extend(plot, victim, key="one")
    _extend(plot, victim, key="two")
    return set(victim.seats)


@_kind
def _an_extension_that_moves_the_deadline_back(plot: Plot) -> Seats:
    victim = plot.victim()
    _extend(plot, victim, by=-30_000)
    return set(victim.seats)


@_kind
def _an_extension_that_is_none(plot: Plot) -> Seats:
    return _told(plot, "extend", 200)


@_kind
def _find_tells_another_deadline(plot: Plot) -> Seats:
    victim = plot.victim()
    other = held_body(victim.hold_id, victim.seats, victim.deadline + 12_345)
    plot.ask(victim, "find", 200, expires_at=other["expires_at"])
    return set(victim.seats)


@_kind
def _find_tells_other_seats(plot: Plot) -> Seats:
    victim, other = plot.victim(), plot.fresh()
    plot.ask(victim, "find", 200, seats=[*victim.seats[1:], other])
    return {*victim.seats, other}


@_kind
def _find_tells_another_hold(plot: Plot) -> Seats:
    victim = plot.victim()
    plot.ask(victim, "find", 200, hold_id="somebody else's")
    return set(victim.seats)


@_kind
def _another_seat_than_asked_for(plot: Plot) -> Seats:
    victim, other = plot.newcomer(), plot.fresh()
    victim.operation.body["seats"] = [other]
    return {*victim.seats, other}


@_kind
def _fewer_seats_than_asked_for(plot: Plot) -> Seats:
    given, begin = (plot.fresh(), plot.fresh()), plot.dice.uniform(0, 1000)
    plot.add(granted(begin, begin + 9, "few", *given, quantity=3, deadline=LONG_AFTER))
    return set(given)


@_kind
def _a_key_answered_with_two_holds(plot: Plot) -> Seats:
    victim = plot.victim(keyed=True)
    request = victim.operation.request
    again = granted(*victim.at(), "second", *victim.seats, key=victim.key, deadline=LONG_AFTER)
    again.request = request
    plot.add(again)
    return set(victim.seats)


@_kind
def _a_key_that_held_for_another_body(plot: Plot) -> Seats:
    victim, seat = plot.victim(keyed=True), plot.fresh()
    plot.add(granted(*victim.at(), "second", seat, key=victim.key, deadline=LONG_AFTER))
    return {*victim.seats, seat}


@_kind
def _one_hold_given_to_two_buyers(plot: Plot) -> Seats:
    victim = plot.victim()
    again = granted(*victim.at(), victim.hold_id, *victim.seats)
    again.body = victim.body
    plot.add(again)
    return set(victim.seats)


@_kind
def _a_stale_twin_is_refused(plot: Plot) -> Seats:
    victim = plot.victim(keyed=True)
    again = refused(*victim.at(), *victim.seats, key=victim.key)
    again.request = victim.operation.request
    plot.add(again)
    return set(victim.seats)


@_kind
def _a_stale_twin_does_not_know_of_the_extension(plot: Plot) -> Seats:
    victim = plot.victim(keyed=True)
    _extend(plot, victim)
    begin, end = victim.at()
    plot.add(Operation("twin", victim.operation.request, begin, end, 201, victim.body))
    return set(victim.seats)


@_kind
def _a_free_seat_refused(plot: Plot) -> Seats:
    seat, begin = plot.fresh(), plot.dice.uniform(0, 1000)
    plot.add(refused(begin, begin + plot.dice.uniform(1, 100), seat))
    return {seat}


@_kind
def _a_free_seat_refused_among_others(plot: Plot) -> Seats:
    victim, seat = plot.newcomer(), plot.fresh()
    plot.add(refused(*victim.at(), *victim.seats, seat, named=(seat,)))
    return {seat}


@_kind
def _refused_after_its_release(plot: Plot) -> Seats:
    victim = plot.newcomer()
    plot.ask(victim, "release", 204)
    plot.add(refused(*victim.at(), *victim.seats))
    return set(victim.seats)


@_kind
def _refused_after_its_deadline(plot: Plot) -> Seats:
    victim = plot.newcomer()
    plot.add(refused(*victim.at(LONG_AFTER), *victim.seats))
    return set(victim.seats)


@_kind
def _refused_before_anybody_had_asked(plot: Plot) -> Seats:
    victim = plot.newcomer()
    begin = victim.operation.invoked
    plot.add(refused(begin - 90, begin - 1, *victim.seats))
    return set(victim.seats)


@_kind
def _refused_as_sold(plot: Plot) -> Seats:
    victim = plot.newcomer()
    plot.add(refused(*victim.at(), *victim.seats, reason="sold"))
    return set(victim.seats)


@_kind
def _taken_late_by_what_was_answered_as_refused(plot: Plot) -> Seats:
    victim = plot.newcomer()
    plot.add(refused(*victim.at(), *victim.seats))
    plot.ask(victim, "release", 204)
    plot.add(refused(*victim.at(), *victim.seats))
    return set(victim.seats)


@_kind
def _seen_before_it_was_asked_for(plot: Plot) -> Seats:
    victim = plot.newcomer()
    begin = victim.operation.invoked
    plot.add(asked("find", begin - 20, begin - 10, victim.hold_id, 200, victim.body))
    return set(victim.seats)


def planted(kind: str, seed: int) -> tuple[list[Operation], Seats]:
    """A history with one violation of this kind, and the seats at one of which it is to be found."""
    plot = Plot(seed)
    seats = KINDS[kind](plot)
    plot.dice.shuffle(plot.history)  # the order of records is no evidence
    return plot.history, seats
