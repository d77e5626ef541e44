"""More witnesses of a run: what hosts and views have in memory, and the product's own auditor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from actors.codec import decode_commit
from actors.domain.audit import BlockAudit
from actors.domain.audit_parts import audit_parts
from cluster.journal.memory_stream import MemoryStream
from tests.simulation.account import Account, Violation
from tests.simulation.ledger import facts
from tests.simulation.machine import SHOW_ID

if TYPE_CHECKING:
    from tests.simulation.sale import Sale


def remembered(sale: Sale) -> Iterator[Violation]:
    """What is in memory is what the journal says, wherever somebody believes to have all of it."""
    stream = sale.machine.stream
    ledger = facts(stream, sale.machine.stored_at)
    account, last = Account(ledger), dict[int, int]()
    for fact in ledger:
        last[fact.block] = fact.sequence
    for life in sale.ray.lives():
        for key, activation in life.host._activations.items():
            block, name = activation.block, f"{life.process.name}'s block {key.block}"
            if block is not None and activation.sequence == last.get(key.block):
                yield from _agrees(name, account, key.block, block.status)
                held = {ticket: t for ticket, t in block.owner.items() if t in block.holds}
                if held != account.owners(key.block):
                    yield Violation("I8", f"{name} has other owners: {held}")
                sold = {ticket for hold in block.sold.values() for ticket in hold.tickets}
                if sold != account.sold[key.block]:
                    yield Violation("I8", f"{name} has sold {sorted(sold)}")
                if (block.frozen is not None) != (key.block in account.frozen):
                    yield Violation("I8", f"{name} is {'' if block.frozen else 'not '}frozen")
    for replica in sale.running():
        opened = replica.views._open.get(SHOW_ID)
        if opened is None or not opened.ready.done() or opened.view.version != stream.last_sequence:
            continue
        for number, view in opened.view.blocks.items():
            name, beneath = f"{replica.process.name}'s view", view.beneath
            yield from _agrees(name, account, number, view.status if beneath is None else beneath)
            if (beneath is not None) != (number in account.frozen):
                yield Violation("I8", f"{name} of block {number} does not know that it is frozen")
            if beneath is not None and 0 in view.status:
                yield Violation("I8", f"{name} offers seats of block {number}, which is frozen")


def _agrees(name: str, account: Account, block: int, status: bytearray) -> Iterator[Violation]:
    free = {ticket for ticket, one in enumerate(status) if one == 0}
    if free != account.available[block]:
        yield Violation("I8", f"{name} has {sorted(free)} free in block {block}")


def audited(stream: MemoryStream) -> list[Violation]:
    """What the product's own auditor says of the blocks, each for itself and together."""
    audits = dict[int, BlockAudit]()
    for subject in stream.subjects():
        block = int(subject.rpartition(".")[2])
        audit = audits[block] = BlockAudit(block)
        for entry in stream.entries(subject):
            commit = decode_commit(entry.payload)
            audit.commit(entry.sequence, commit.at, commit.events)
    found = [violation for audit in audits.values() for violation in audit.violations]
    found += audit_parts(audits)
    return [
        Violation("I1", f"audit: block {one.block}, commit {one.sequence}: {one.seat} {one.detail}")
        for one in found
    ]
