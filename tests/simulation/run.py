"""One seed, one run, one verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cluster.store.mongo import Document
from tests.history import Dealing, Operation
from tests.linearizability.checker import SKEW_MS, check
from tests.simulation.account import Account, Violation
from tests.simulation.books import Books
from tests.simulation.judge import judge, last_customers, peaceful
from tests.simulation.judge_money import judge_money
from tests.simulation.ledger import Fact, facts
from tests.simulation.machine import Machine
from tests.simulation.memories import audited, remembered
from tests.simulation.plan import Plan
from tests.simulation.sale import RUN_SECONDS_MAX, Sale
from tests.simulation.virtual_loop import virtual_loop


@dataclass(frozen=True, slots=True)
class Run:
    """`steps` are callbacks of the event loop; `log` is what befell processes, with seconds of virtual time; `struck`
    counts the disasters that had an effect."""

    plan: Plan
    steps: int
    seconds: float
    ledger: list[Fact]
    history: list[Operation]
    dealings: list[Dealing]
    orders: dict[str, Document]
    log: list[tuple[float, str]]
    struck: Counter[str]
    violations: list[Violation]


def run(plan: Plan) -> Run:
    with virtual_loop() as loop:
        machine = Machine(plan, loop)
        sale = Sale(machine)
        violations = list[Violation]()
        try:
            loop.run(sale.run(), RUN_SECONDS_MAX)
        except Exception as error:
            violations.append(Violation("the end", f"{type(error).__name__}: {error}"))
        violations += [Violation("no exception", text) for text in loop.unhandled()]
        ledger, history = facts(machine.stream, machine.stored_at), sale.log.history
        account = Account(ledger)
        violations += judge(account, history, sale.healed_at, machine.skew_seen_ms)
        if plan.unhurried:
            violations += last_customers(history)
        if plan.peaceful:
            violations += peaceful(account, history)
        if sale.trade is not None:
            skew_ms = machine.skew_seen_ms
            books = Books.of(account, history, sale.log.dealings, sale.trade, plan, skew_ms)
            violations += judge_money(books)
        violations += [*sale.disagreed, *remembered(sale), *audited(machine.stream)]
        anomalies = check(history, SKEW_MS + machine.skew_seen_ms, sale.log.dealings)
        violations += [Violation("linearizable", str(found)) for found in anomalies]
        return Run(
            plan,
            loop.steps,
            loop.time(),
            ledger,
            history,
            sale.log.dealings,
            sale.trade.documents.agreed if sale.trade is not None else {},
            machine.log,
            machine.struck,
            violations,
        )
