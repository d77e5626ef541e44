"""Admissions: the tickets that were issued, and which of them have been shown at the door.

An admission is valid until it is void (its ticket was refunded), and is checked in once. The check-in is one atomic
change of one document: of two scanners at the same moment, whoever comes second gets to see the first one's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from cluster.store.mongo import Change, Collection, Database, Document, Write

ORDER_TICKETS_MAX = 1_000
"""Admissions of one order that are read at once; an order has far fewer."""


class AdmissionState(StrEnum):
    VALID = "valid"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Admission:
    """One issued ticket. `checked_in_at` is ms since the epoch; `checked_in_by` is the token of the request that did
    it. The order id is the buyer's authority, so it is not part of the repr."""

    ticket_id: str
    order_id: str = field(repr=False)
    show_id: str
    block: int
    ticket: int
    seat: str
    category: str
    state: AdmissionState = AdmissionState.VALID
    void_reason: str = ""
    checked_in_at: int | None = None
    checked_in_by: str | None = None


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """The holder may go in; `replayed`: the same request was answered so before."""

    admission: Admission
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class AlreadyCheckedIn:
    """Somebody has gone in with this ticket, at this time (ms since the epoch)."""

    at: int


@dataclass(frozen=True, slots=True)
class NotValid:
    """No such ticket was issued for this show (`reason` is None), or it is void: `reason` says why, if anybody did."""

    reason: str | None = None


class Admissions:
    """Every method raises StoreUnavailable. `now` is ms since the epoch."""

    def __init__(self, database: Database) -> None:
        self._admissions: Collection = database.collection("admissions")

    async def ensure_indexes(self) -> None:
        await self._admissions.ensure_index([("order_id", 1)])
        await self._admissions.ensure_index([("checked_in_by", 1)])

    async def issue(self, admissions: Sequence[Admission]) -> None:
        """Store new admissions. One that is there already stays as it is, also when it is checked in or void."""
        await self._admissions.insert_all([_document(admission) for admission in admissions])

    async def of_order(self, order_id: str) -> list[Admission]:
        """In the order of their places."""
        documents = await self._admissions.find(
            {"order_id": order_id}, limit=ORDER_TICKETS_MAX, sort=[("block", 1), ("ticket", 1)]
        )
        return [_admission(document) for document in documents]

    async def void(self, ticket_ids: Sequence[str], reason: str) -> None:
        """These tickets let nobody in any more, also when they were checked in. The first reason stays; a ticket that
        was not issued yet is not kept from it."""
        valid = {"_id": {"$in": list(ticket_ids)}, "state": AdmissionState.VALID}
        change = {"$set": {"state": AdmissionState.VOID, "void_reason": reason}}
        await self._admissions.write_all([Write(valid, change, many=True)])

    async def check_in(
        self, ticket_id: str, show_id: str, request_token: str, now: int
    ) -> CheckedIn | AlreadyCheckedIn | NotValid:
        """Let the holder of a ticket in, once; the same request (by its token) again gets the same answer.

        The document comes back as the change has left it, acknowledged by the majority: so the outcome is never read
        from a member that is behind.
        """
        document = await self._admissions.find_and_update(
            {"_id": ticket_id, "show_id": show_id}, _entry(request_token, now)
        )
        if document is None:
            return NotValid()
        admission = _admission(document)
        if admission.state is AdmissionState.VOID:
            return NotValid(admission.void_reason)
        assert admission.checked_in_at is not None
        if admission.checked_in_by != request_token:
            return AlreadyCheckedIn(admission.checked_in_at)
        return CheckedIn(admission, replayed=admission.checked_in_at != now)

    async def checked_in_by(self, request_token: str) -> Admission | None:
        """The admission that this request has checked in, if it has."""
        document = await self._admissions.find_one({"checked_in_by": request_token})
        return None if document is None else _admission(document)


def _entry(request_token: str, now: int) -> Change:
    """Enter time and request unless the ticket is void or they are there."""
    valid = {"$eq": ["$state", {"$literal": AdmissionState.VALID}]}
    free = {"$and": [valid, {"$eq": ["$checked_in_at", None]}]}
    entry = {
        "checked_in_at": {"$cond": [free, now, "$checked_in_at"]},
        "checked_in_by": {"$cond": [free, {"$literal": request_token}, "$checked_in_by"]},
    }
    return [{"$set": entry}]


def _document(admission: Admission) -> Document:
    document = asdict(admission)
    document["_id"] = document.pop("ticket_id")
    return document


def _admission(document: Document) -> Admission:
    fields = {**document, "ticket_id": document["_id"], "state": AdmissionState(document["state"])}
    del fields["_id"]
    return Admission(**fields)
