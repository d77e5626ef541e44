"""What went wrong, in words for a buyer: a heading, and what to do about it. The codes are those of the API."""

from __future__ import annotations

from dataclasses import dataclass

from serve_app.problems import PROBLEMS, Problem


def N_(text: str) -> str:
    """Marks a text for the catalogs; it is looked up when the language of the page is known."""
    return text


@dataclass(frozen=True, slots=True)
class Refusal:
    """`heading` and `advice` are texts of the catalogs."""

    status: int
    code: str
    heading: str
    advice: str


_AGAIN = N_("Try again in a moment. Nothing was charged.")
_LIST = N_("Start again from the list of shows.")
_SEATS = N_("Go back to the show and choose again.")

WORDS: dict[str, tuple[str, str]] = {
    "not_found": (N_("There is nothing at this address"), _LIST),
    "method_not_allowed": (N_("There is nothing at this address"), _LIST),
    "show_not_found": (N_("There is no such show"), _LIST),
    "hold_not_found": (N_("These seats are no longer kept for you"), _SEATS),
    "hold_expired": (N_("Your time is up, and the seats are free again"), _SEATS),
    "hold_sold": (
        N_("These seats are sold"),
        N_(
            "The tickets are on the page of the order. Its address is in the mail with the tickets."
        ),
    ),
    "order_exists": (
        N_("There is an order for these seats already"),
        N_("Its page is in the history of your browser. There you pay for the seats, or cancel."),
    ),
    "already_extended": (N_("The time was extended once already"), N_("Once is all there is.")),
    "order_not_found": (N_("There is no such order"), _LIST),
    "order_expired": (N_("The time was up"), N_("Nothing was charged.")),
    "order_paid": (
        N_("This order is paid already"),
        N_("Ask the organizer if you want your money back."),
    ),
    "order_not_paid": (N_("This order has no tickets"), N_("Tickets are there once it is paid.")),
    "too_many_seats": (N_("That is more than one order may have"), _SEATS),
    "no_adjacent_seats": (
        N_("So many seats are not to be had together"),
        N_("Ask for fewer seats, another section or another category."),
    ),
    "seats_unavailable": (N_("Somebody was faster"), N_("Choose other seats.")),
    "block_frozen": (N_("These seats are not on sale at the moment"), N_("Choose other seats.")),
    "sale_not_open": (N_("This show is not on sale now"), N_("The page of the show says when.")),
    "invalid_cursor": (N_("This page of the list is not there"), _LIST),
    "invalid_request": (
        N_("Something in the form is missing or wrong"),
        N_("Go back and correct it."),
    ),
    "automated_form": (
        N_("A program has filled in this form"),
        N_(
            "One field of it cannot be seen and has to stay empty. If your browser fills in forms by itself, turn that "
            "off for this page and try again."
        ),
    ),
    "not_signed_in": (
        N_("You are not signed in, or no longer"),
        N_("Sign in, and try again."),
    ),
    "link_over": (
        N_("This link no longer works"),
        N_("Links of mails work for a while, and some only once. Ask for another one."),
    ),
    "foreign_form": (
        N_("This form came from another site"),
        N_("Open the page here and send it again."),
    ),
    "too_many_requests": (N_("Too many requests at once"), _AGAIN),
    "rate_limited": (
        N_("Too many requests from your connection"),
        N_("Wait a minute and try again. Nothing was charged."),
    ),
    "payment_refused": (N_("The payment could not be begun"), N_("Try again, or choose again.")),
    "unavailable": (N_("Not now"), _AGAIN),
}
"""By code; what is not here is `internal_error`'s business."""

_OTHERWISE = (N_("Something unexpected happened"), _AGAIN)


def refusal_of(problem: Problem) -> Refusal:
    """A problem as people are told of it."""
    heading, advice = WORDS.get(problem.code, _OTHERWISE)
    return Refusal(PROBLEMS[problem.code].status, problem.code, heading, advice)
