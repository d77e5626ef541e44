"""The figures of a proof as the tables of a page. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

PAGE = "docs/guarantees.md"
RECORD = "docs/guarantees.json"
BEGIN = "<!-- the figures of the last `make prove`, written by it -->"
END = "<!-- the end of the figures -->"

Record = dict[str, Any]

FAULT_COLUMNS = {
    "ok": "ok",
    "refused": "refused",
    "indeterminate": "without an answer",
    "anomalies": "anomalies",
    "longest_without_hold": "longest time without a granted hold, s",
}


def with_figures(page: str, record: Record) -> str:
    """The page with its figures replaced. Raises ValueError when it has no place for them."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{rendered(record)}\n{END}{after}"


def condensed(figures: Record) -> Record:
    """Without the name of each mutant's killer (`python -m tests.mutation --json FILE` has them): by files of tests."""
    if "killers" not in figures:
        return figures
    files = Counter(killer.partition("::")[0] for killer in figures["killers"].values())
    rest = {name: value for name, value in figures.items() if name != "killers"}
    return {**rest, "killed_by": dict(sorted(files.items()))}


def rendered(record: Record) -> str:
    """The tables, one for each stage."""
    setting, stages = record["setting"], record["stages"]
    versions = ", ".join(
        f"{name} {setting[name]}"
        for name in sorted(setting)
        if "-" in name or name in ("python", "ray")
    )
    lines = [
        f"Commit `{setting['commit']}`, {setting['date']}, 2 cores: {record['minutes']} minutes in all; {versions}.",
        "",
        "| stage | passed | minutes |",
        "|---|---|---|",
        *(
            f"| {name} | {'yes' if stage['passed'] else '**no**'} | {stage['minutes']} |"
            for name, stage in stages.items()
        ),
    ]
    sections = {"simulation": _simulation, "faults": _faults, "mutation": _mutation}
    for name, section in sections.items():
        if stages.get(name, {}).get("figures"):
            lines += ["", *section(stages[name]["figures"])]
    return "\n".join(lines)


def _simulation(figures: Record) -> Iterator[str]:
    yield "| simulated sales | |"
    yield "|---|---|"
    yield f"| seeds run, and failed | {figures['runs']:,}, {len(figures['failed'])} |"
    yield f"| steps, and the fewest of a seed | {figures['steps']:,}, {figures['steps_min']:,} |"
    yield f"| commits | {figures['commits']:,} |"
    yield f"| virtual hours, and real seconds | {figures['virtual_hours']:,}, {figures['seconds']:,} |"
    yield f"| answers by status | {_counts(figures['answers'])} |"
    yield f"| disasters | {_counts(figures['disasters'])} |"


def _faults(figures: Record) -> Iterator[str]:
    duel = figures["duel"]
    yield "| the duel: two live hosts own one block | |"
    yield "|---|---|"
    for part in ("told", "written"):
        yield f"| {part} | {_counts(duel.get(part, {}))} |"
    yield f"| seconds | {_number(duel.get('wall_seconds', ''))} |"
    yield ""
    yield f"| on the real stack | {' | '.join(FAULT_COLUMNS.values())} | faults |"
    yield "|---|" + "---|" * (len(FAULT_COLUMNS) + 1)
    for name, one in figures.items():
        if name != "duel":
            cells = " | ".join(_number(one.get(column, "")) for column in FAULT_COLUMNS)
            faults = Counter(one.get("faults", []))
            yield f"| {name} | {cells} | {_counts(faults)} |"


def _mutation(figures: Record) -> Iterator[str]:
    survived = f"{figures['survived_explained']}, {figures['survived_unexplained']}"
    yield "| mutants of `actors/domain` | |"
    yield "|---|---|"
    yield f"| tried | {figures['mutants']:,} |"
    yield f"| killed by a test, and by not ending | {figures['killed']:,}, {figures['timeouts']:,} |"
    yield f"| survived with a reason, and without one | {survived} |"


def _counts(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in counts.items())


def _number(value: Any) -> str:
    if isinstance(value, list):
        return str(len(value))
    return f"{value:,}" if isinstance(value, int | float) else str(value)
