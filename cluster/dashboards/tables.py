"""The tables of docs/operating/observability.md. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from actors.metrics import SERVICES, Metric
from cluster.dashboards.alerts import Alert, Runbook

BEGIN, END = "<!-- {name}: made by `make observability` -->", "<!-- end of {name} -->"


def metrics_table(metrics: Sequence[Metric]) -> str:
    lines = ["| metric | kind | labels | emitted by | what it is |", "|---|---|---|---|---|"]
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        emitters = (
            "services"
            if metric.emitters == SERVICES
            else ", ".join(str(one) for one in metric.emitters)
        )
        lines.append(
            f"| `{metric.exported}` | {metric.kind} | {labels} | {emitters} | {metric.help} |"
        )
    return "\n".join(lines)


def alerts_table(groups: Mapping[str, Sequence[Alert]]) -> str:
    return "\n".join(_alert_lines(groups))


def _alert_lines(groups: Mapping[str, Sequence[Alert]]) -> Iterator[str]:
    yield "| alert | severity | after | what it means | what to do | runbook |"
    yield "|---|---|---|---|---|---|"
    for alerts in groups.values():
        for alert in alerts:
            cells = (alert.severity, alert.lasting, alert.meaning, alert.action, _link(alert))
            yield f"| {alert.name} | {' | '.join(cells)} |"


def _link(alert: Alert) -> str:
    """Empty where the row is all there is."""
    if alert.runbook is Runbook.ALERTS:
        return ""
    return f"[{alert.runbook.removesuffix('.md')}]({alert.runbook})"


def replaced(page: str, name: str, table: str) -> str:
    """The page with another table between the marks of this name. Raises ValueError when it has no such marks."""
    begin, end = BEGIN.format(name=name), END.format(name=name)
    first, last = page.index(begin) + len(begin), page.index(end)
    return f"{page[:first]}\n{table}\n{page[last:]}"
