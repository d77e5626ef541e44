"""The laws of a block over random command sequences, against a model that shares no code with it."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.codec import decode_block, decode_commit, encode_block, encode_commit
from actors.domain.block import Block, Ending, Status, apply
from actors.domain.commands import (
    AbandonHold,
    CancelSale,
    Command,
    ConfirmHold,
    ExpireDue,
    ExtendHold,
    FreezeBlock,
    HoldQuantity,
    HoldTerms,
    HoldTickets,
    OpenBlock,
    ReleaseHold,
    RestoreTickets,
    ReturnTickets,
    SecureHold,
    ThawBlock,
    WithholdTickets,
)
from actors.domain.decision import Decision
from actors.domain.events import (
    BlockOpened,
    Event,
)
from actors.domain.layout import Rules
from actors.domain.rejections import Code, Rejection
from actors.domain.tickets import decide
from tests.unit.block_model import HOLD_SECONDS, SECURED_MAX_MS, Model, Sale
from tests.unit.halls import NOW, TOKENS, area, seats

tokens = st.sampled_from(TOKENS[:5])
fingerprints = st.sampled_from(["f", "f", "f", "g"])
tickets = st.lists(st.integers(0, 11), min_size=1, max_size=4, unique=True).map(tuple)
waits = st.sampled_from([1, 1000, 60_000, 599_999, 600_000, 1_200_000])


class BlockLaws(RuleBasedStateMachine):
    layout = seats("aaaabb", "abbbbb")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.block = Block()
        self.history: list[Event] = []
        self.model = Model()
        rules = Rules("EUR", HOLD_SECONDS, max_per_order=4)
        self.do(OpenBlock(self.layout, rules, "test"))

    def do(self, command: Command) -> Decision:
        before = repr(self.block)
        decision = decide(self.block, command, self.now)
        assert repr(self.block) == before, "decide changes nothing"
        if not isinstance(decision, Rejection):
            draft = self.block.copy()
            for event in decision:
                apply(draft, event)
                self.model.observe(event, command, self.now)
            assert repr(self.block) == before, "a draft shares nothing that changes"
            self.block = draft
            self.history += decision
        return decision

    @rule(token=tokens, fingerprint=fingerprints, chosen=tickets)
    def hold_seats(self, token: str, fingerprint: str, chosen: tuple[int, ...]) -> None:
        known = self.model.sales.get(token)
        terms = HoldTerms(token, fingerprint, len(chosen), 0)
        decision = self.do(HoldTickets(terms, chosen))
        if known is not None:
            self.repeated(known, fingerprint, decision)
        elif not isinstance(decision, Rejection):
            assert self.model.sales[token].seats == frozenset(chosen), "all of them"
        elif self.model.frozen:
            assert decision.code is Code.BLOCK_FROZEN
            assert [c.ticket for c in decision.conflicts] == list(chosen)
        else:
            assert decision.code is Code.SEATS_UNAVAILABLE
            blocked = {c.ticket for c in decision.conflicts}
            assert blocked == {s for s in chosen if not self.to_be_had(s)}, "and those only"
        again = self.do(HoldTickets(terms, chosen))
        if not isinstance(decision, Rejection):
            assert again == (), "the second time has no effect"

    @rule(token=tokens, fingerprint=fingerprints, quantity=st.integers(1, 4))
    def hold_best(self, token: str, fingerprint: str, quantity: int) -> None:
        known = self.model.sales.get(token)
        terms = HoldTerms(token, fingerprint, quantity, 0)
        decision = self.do(HoldQuantity(terms, quantity))
        if known is not None:
            self.repeated(known, fingerprint, decision)
        elif not isinstance(decision, Rejection):
            held = sorted(self.model.sales[token].seats)
            assert held == list(range(held[0], held[0] + quantity))
            assert held[0] // 6 == held[-1] // 6, "in one row"
        elif self.model.frozen:
            assert decision == Rejection(Code.BLOCK_FROZEN)
        else:
            runs = [
                range(row + n, row + n + quantity) for row in (0, 6) for n in range(7 - quantity)
            ]
            assert not any(all(self.to_be_had(seat) for seat in run) for run in runs)

    def repeated(self, known: Sale, fingerprint: str, decision: Decision) -> None:
        if fingerprint == known.fingerprint:
            assert decision == ()
        else:
            assert isinstance(decision, Rejection)
            assert decision.code is Code.IDEMPOTENCY_KEY_REUSED

    def to_be_had(self, seat: int) -> bool:
        state = self.model.seats[seat]
        if state in self.model.sales:
            sale = self.model.sales[state]
            return sale.state == "held" and sale.deadline <= self.now
        return state == "available"

    @rule(token=tokens)
    def release(self, token: str) -> None:
        sale = self.model.sales.get(token)
        decision = self.do(ReleaseHold(token))
        if sale is None:
            assert decision == Rejection(Code.HOLD_NOT_FOUND)
        elif sale.state == "sold":
            assert decision == Rejection(Code.HOLD_SOLD)
        elif sale.state == "expired" or (sale.state == "held" and sale.deadline <= self.now):
            assert decision == Rejection(Code.HOLD_EXPIRED)
        elif sale.state == "cancelled":
            assert decision == Rejection(Code.HOLD_NOT_FOUND)
        elif sale.order:
            assert decision == Rejection(Code.HOLD_IN_PAYMENT)
        else:
            assert self.model.sales[token].state == "released"

    @rule(token=tokens, request=st.sampled_from(["p", "q"]))
    def extend(self, token: str, request: str) -> None:
        sale = self.model.sales.get(token)
        live = sale is not None and sale.state == "held" and self.now < sale.deadline
        earlier = sale.extended_by if sale is not None else ""
        decision = self.do(ExtendHold(token, request))
        if live and earlier and earlier != request:
            assert decision == Rejection(Code.ALREADY_EXTENDED)
        assert live != isinstance(decision, Rejection) or bool(earlier)
        assert not (live and earlier == request) or decision == ()

    @rule(token=tokens, order=st.sampled_from(["o", "p"]))
    def confirm(self, token: str, order: str) -> None:
        sale = self.model.sales.get(token)
        sold_to_it = sale is not None and sale.state == "sold" and sale.order == order
        live = sale is not None and sale.state == "held" and self.now < sale.deadline
        live = live and sale is not None and sale.order in ("", order)
        decision = self.do(ConfirmHold(token, order))
        assert isinstance(decision, Rejection) != (sold_to_it or live)
        assert not sold_to_it or decision == ()

    @rule(token=tokens, order=st.sampled_from(["o", "p"]), wait=waits)
    def secure(self, token: str, order: str, wait: int) -> None:
        """A hold that ran out is made again with the same seats, or not at all."""
        sale = self.model.sales.get(token)
        if sale is None:
            return
        before, mine = sale.state, sale.order in ("", order)
        overdue = before == "expired" or (before == "held" and sale.deadline <= self.now)
        free = all(self.to_be_had(seat) for seat in sale.seats) and not self.model.frozen
        terms = HoldTerms(token, sale.fingerprint, len(sale.seats), 0)
        seats = tuple(sorted(sale.seats))
        decision = self.do(SecureHold(terms, seats, order, self.now + wait))
        possible = {"held": mine and (free or not overdue), "expired": mine and free}
        accepted = possible.get(before, before == "sold" and sale.order == order)
        assert isinstance(decision, Rejection) != accepted
        if before == "sold" and accepted:
            assert decision == ()
        if accepted and before != "sold":
            again = self.model.sales[token]
            assert again.order == order
            assert again.seats == frozenset(seats)
            assert again.deadline >= min(self.now + wait, again.held_at + SECURED_MAX_MS)

    @rule(token=tokens, order=st.sampled_from(["o", "p"]))
    def cancel(self, token: str, order: str) -> None:
        sale = self.model.sales.get(token)
        over = sale is None or sale.state == "cancelled"
        another = not over and sale is not None and sale.order not in ("", order)
        decision = self.do(CancelSale(token, order))
        assert isinstance(decision, Rejection) == another
        if not another:
            assert self.do(CancelSale(token, order)) == (), "the second time has no effect"
            assert isinstance(self.do(ConfirmHold(token, order)), Rejection), "it is over"
            again = SecureHold(HoldTerms(token, "f", 1, 0), (0,), order, self.now + 1)
            assert isinstance(self.do(again), Rejection), "for good"

    @rule(token=tokens, order=st.sampled_from(["o", "p"]), chosen=tickets, withheld=st.booleans())
    def give_back(self, token: str, order: str, chosen: tuple[int, ...], withheld: bool) -> None:
        sale = self.model.sales.get(token)
        bought = sale is not None and sale.state == "sold" and sale.order == order
        kept = sale.seats - set(chosen) if sale is not None else frozenset[int]()
        decision = self.do(ReturnTickets(token, order, chosen, withheld, "r"))
        assert isinstance(decision, Rejection) != bought
        if bought:
            assert self.model.sales[token].seats == kept
            assert self.do(ReturnTickets(token, order, chosen, withheld, "r")) == ()

    @rule()
    def expire(self) -> None:
        self.do(ExpireDue())
        for sale in self.model.sales.values():
            assert sale.state != "held" or sale.deadline > self.now

    @rule(chosen=tickets)
    def withhold(self, chosen: tuple[int, ...]) -> None:
        wanted = [seat for seat in chosen if self.model.seats[seat] != "withheld"]
        possible = all(self.to_be_had(seat) for seat in wanted)
        assert isinstance(self.do(WithholdTickets(chosen, "camera")), Rejection) != possible

    @rule(chosen=tickets)
    def restore(self, chosen: tuple[int, ...]) -> None:
        self.do(RestoreTickets(chosen))

    @rule(frozen=st.sampled_from([True, False, False]))
    def freeze(self, frozen: bool) -> None:
        self.do(FreezeBlock("r", "me") if frozen else ThawBlock("r", "me"))
        assert self.model.frozen is frozen

    @rule(token=tokens, epoch=st.integers(0, 1))
    def release_of_a_failed_attempt(self, token: str, epoch: int) -> None:
        sale = self.model.sales.get(token)
        if sale is None or sale.order:  # else it would be the buyer's own
            assert self.do(ReleaseHold(token, epoch)) == ()

    @rule(token=st.sampled_from(TOKENS[5:7]), epoch=st.integers(0, 2))
    def abandon(self, token: str, epoch: int) -> None:
        self.do(AbandonHold(token, epoch))
        refused = decide(
            self.block, HoldTickets(HoldTerms(token, "f", 1, 0, epoch), (0,)), self.now
        )
        assert isinstance(refused, Rejection)
        assert refused.code is Code.HOLD_SUPERSEDED
        assert refused.epoch > epoch

    @rule(wait=waits)
    def time_passes(self, wait: int) -> None:
        self.now += wait

    @invariant()
    def every_ticket_is_in_one_state_and_has_at_most_one_owner(self) -> None:
        counts = [self.block.status.count(state) for state in Status]
        assert sum(counts) == self.layout.size
        held = [t for hold in self.block.holds.values() for t in hold.tickets]
        sold = [t for hold in self.block.sold.values() for t in hold.tickets]
        assert len(held + sold) == len(set(held + sold)) == counts[1] + counts[2]
        assert {t: self.block.owner[t] for t in held + sold} == self.block.owner
        for seat, state in self.model.seats.items():
            sale = self.model.sales.get(state)
            expected = sale.state if sale is not None else state
            assert Status(self.block.status[seat]).name.lower() == expected

    @invariant()
    def the_history_and_the_snapshot_give_the_same_state(self) -> None:
        replayed = Block()
        for event in decode_commit(encode_commit(self.now, "w", self.history)).events:
            apply(replayed, event)
        assert replayed == self.block
        opening = decode_commit(encode_commit(self.now, "w", self.history[:1]))
        assert decode_block(encode_block(self.block), opening) == self.block


TestBlockLaws = BlockLaws.TestCase
TestBlockLaws.settings = settings(max_examples=150, stateful_step_count=40)


def test_the_units_of_an_area_obey_the_same_laws() -> None:
    block, history = Block(), list[Event]()
    commands: list[Command] = [OpenBlock(area(7), Rules("EUR"), "test")]
    commands += [HoldQuantity(HoldTerms(token, "f", 2, 0), 2) for token in TOKENS[:4]]
    commands += [ReleaseHold(TOKENS[1]), HoldQuantity(HoldTerms(TOKENS[4], "f", 3, 0), 3)]
    refused = 0
    for command in commands:
        decision = decide(block, command, NOW)
        if isinstance(decision, Rejection):
            refused += 1
            continue
        for event in decision:
            apply(block, event)
        history += decision
    assert isinstance(history[0], BlockOpened)
    assert refused == 1, "the fourth pair does not fit"
    assert sorted(block.owner) == list(range(7))
    assert all(hold.ending is Ending.LIVE for hold in block.holds.values())
