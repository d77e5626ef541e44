"""The disasters that money can meet, as they strike and as they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.simulation.plan import Disaster
from tests.simulation.striking import burn, for_a_while, later, note, stop

if TYPE_CHECKING:
    from tests.simulation.sale import Sale
    from tests.simulation.trade import Trade

LONGER = 4
"""How much longer than other disasters these last: orders have seconds to minutes."""

REFUSED_CAPTURES = 0.3
REPLACED = 0.7
FORGETFUL = 0.5


def _provider(state: str, what: str) -> Callable[[Sale, Trade, Disaster], None]:
    def strike(sale: Sale, trade: Trade, disaster: Disaster) -> None:
        longer = replace(disaster, seconds=disaster.seconds * LONGER)
        for_a_while(sale, longer, trade.provider.trouble, state, f"the provider {what}")

    return strike


def _store_away(sale: Sale, trade: Trade, disaster: Disaster) -> None:
    """The primary is lost, perhaps with what the majority did not have yet."""
    forgetful = disaster.amount < FORGETFUL
    note(sale, disaster, f"MongoDB has no primary for {disaster.seconds} s, {forgetful=}")
    trade.documents.go_away(forgetful=forgetful)
    later(sale, disaster.seconds, trade.documents.come_back)


def _kill_payment(sale: Sale, trade: Trade, disaster: Disaster) -> None:
    payments = trade.payments
    if payments.process.alive:
        burn(sale, payments.process, disaster, lambda: payments.kill(disaster.seconds))


def _stop_payment(sale: Sale, trade: Trade, disaster: Disaster) -> None:
    """SIGSTOP, perhaps with a replacement beside it; then SIGCONT."""
    process = trade.payments.process
    if process.running:
        stop(sale, disaster, process, disaster.seconds * LONGER)
        if disaster.amount < REPLACED:
            trade.payments.replace()


def _authorisation_expires(sale: Sale, trade: Trade, disaster: Disaster) -> None:
    refused = disaster.amount < REFUSED_CAPTURES
    seconds = 0.0 if refused else disaster.seconds * disaster.amount
    note(sale, disaster, f"the next authorisation is good for {seconds} s")
    trade.provider.expiring.append(seconds)


def _refund_fails(sale: Sale, trade: Trade, disaster: Disaster) -> None:
    note(sale, disaster, f"the next refund fails after {disaster.seconds} s")
    trade.provider.refunds_failing.append(disaster.seconds)


MONEY_STRIKES: dict[str, Callable[[Sale, Trade, Disaster], None]] = {
    "provider_slow": _provider("slow", "is slow"),
    "provider_failing": _provider("failing", "answers 429 and 500"),
    "provider_silent": _provider("silent", "sends no webhooks"),
    "provider_away": _provider("away", "is away"),
    "store_away": _store_away,
    "kill_payment": _kill_payment,
    "stop_payment": _stop_payment,
    "authorisation_expires": _authorisation_expires,
    "refund_fails": _refund_fails,
}
