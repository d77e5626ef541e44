"""Orders as a buyer asks for them, over the API or with a form."""

from __future__ import annotations

from dataclasses import dataclass

from actors.domain.identity import HoldId
from actors.domain.rejections import Rejection
from actors.outcomes import Unavailable
from cluster.accounts.address import InvalidAddress, address_of
from cluster.bootstrap import Runtime
from cluster.orders.checkout import Ordered, Refused, Wanted
from serve_app.hold_making import to_the_end
from serve_app.idempotency import RequestIdentity
from serve_app.problems import Problem, rejection_problem, unavailable
from serve_app.shows import view_of


@dataclass(frozen=True, slots=True)
class OrderBuyer:
    """Whose order it is: an e-mail address in its normal form, and a name that may be empty."""

    email: str
    name: str


class WrongBuyer(Problem):
    """422: `field`, `email` or `name`, is not what it should be."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__("invalid_request", f"{field}: {detail}")
        self.field = field


def buyer_of(email: str, name: str) -> OrderBuyer:
    """Whether anybody reads mail at the address only a mail can tell. Raises WrongBuyer."""
    try:
        normal = address_of(email)
    except InvalidAddress as error:
        raise WrongBuyer("email", str(error)) from None
    name = name.strip()
    if any(not char.isprintable() for char in name):
        raise WrongBuyer("name", "a name has no control characters")
    return OrderBuyer(normal, name)


async def make_order(
    runtime: Runtime, hold_id: HoldId, buyer: OrderBuyer, identity: RequestIdentity
) -> Ordered:
    """The order of a hold, the same one for the same identity; or the problem that says why not."""
    view = await view_of(runtime, hold_id.show_id)
    wanted = Wanted(
        "o" + identity.token,
        identity.fingerprint,
        identity.keyed,
        hold_id,
        buyer.email,
        buyer.name,
    )
    show_name = await runtime.show_names.of(hold_id.show_id)
    match await to_the_end(runtime, runtime.checkout.order(wanted, view, show_name)):
        case Ordered() as made:
            if made.order.amount == 0 and not made.replayed:
                await runtime.poke_payment()
            return made
        case Refused(code):
            raise Problem("payment_refused", f"the payment provider says {code}", reason=code)
        case Rejection(code, detail=detail):
            raise rejection_problem(code, detail)
        case Unavailable(detail, seconds):
            raise unavailable(detail, seconds)
