"""The registry of metrics, and what is made from it: dashboards, alert rules, the tables of the documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from actors.metrics import METRICS, Kind, Metric
from cluster.dashboards.__main__ import generated
from cluster.dashboards.alerts import GROUPS, JOURNAL_STORAGE, JOURNAL_STORED
from cluster.dashboards.boards import BOARDS
from cluster.dashboards.promql import RATE
from cluster.dashboards.tables import replaced

ROOT = Path(__file__).resolve().parents[2]
SERIES = {name for metric in METRICS for name in metric.series}
OTHERS = {JOURNAL_STORAGE, JOURNAL_STORED}
"""Series that the exporter of NATS has, not the product."""
SECRET_LABELS = {
    "seat",
    "ticket",
    "buyer",
    "hold",
    "hold_id",
    "order",
    "order_id",
    "token",
    "email",
}
UNITS = {"seconds", "bytes", "messages", "commits", "commands"}


def queries() -> Iterator[tuple[str, str]]:
    """Every PromQL expression that is shipped, with its place."""
    for board in BOARDS:
        for _, row in board.rows:
            for panel in row:
                for _, expression in panel.queries:
                    yield f"{board.uid}: {panel.title}", expression.replace(RATE, "1m")
    for alerts in GROUPS.values():
        for alert in alerts:
            yield alert.name, alert.expr


def selected(node: Any) -> Iterator[Any]:
    """The vector selectors below a node of promql-parser's tree."""
    match node:
        case promql_parser.VectorSelector():
            yield node
        case promql_parser.MatrixSelector():
            yield node.vector_selector
        case promql_parser.BinaryExpr():
            yield from selected(node.lhs)
            yield from selected(node.rhs)
        case promql_parser.Call():
            for argument in node.args:
                yield from selected(argument)
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            return
        case promql_parser.AggregateExpr() | promql_parser.ParenExpr():
            yield from selected(node.expr)
        case _:
            raise AssertionError(f"unknown node: {type(node).__name__}")


def grouped(node: Any) -> Iterator[str]:
    """The labels that an expression sums by."""
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
        yield from node.modifier.labels
    for child in ("lhs", "rhs", "expr"):
        if (below := getattr(node, child, None)) is not None:
            yield from grouped(below)
    for argument in getattr(node, "args", ()):
        yield from grouped(argument)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_and_labelled_as_prometheus_and_our_secrets_want_it(
    metric: Metric,
) -> None:
    assert re.fullmatch(r"frontrow_[a-z_]+[a-z]", metric.name)
    assert not metric.name.endswith("_total")  # the exporter adds it
    assert metric.help.endswith(".")
    assert metric.emitters
    assert not SECRET_LABELS & set(metric.labels)
    assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert all(bound > 0 for bound in metric.buckets)  # Ray takes no other
    if metric.unit:
        assert metric.unit in UNITS
        assert metric.unit in metric.name
    assert all(len(values) == len(metric.labels) for values in metric.starts)
    if metric.kind is Kind.COUNTER and not metric.labels:
        assert metric.starts == ((),)


def test_names_are_unique() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize(("place", "expression"), list(queries()))
def test_a_query_can_be_parsed_and_asks_for_metrics_and_labels_that_there_are(
    place: str, expression: str
) -> None:
    tree = promql_parser.parse(expression)
    vectors = list(selected(tree))
    assert vectors
    by_series = {name: metric for metric in METRICS for name in metric.series}
    labels = {"le"}
    for vector in vectors:
        if vector.name in OTHERS:
            assert not place.startswith("frontrow-"), "boards are of the product's own metrics"
            assert not vector.matchers.matchers
            continue
        assert vector.name in SERIES, vector.name
        metric = by_series[vector.name]
        labels |= set(metric.labels)
        matched = {matcher.name for matcher in vector.matchers.matchers}
        assert matched <= {*metric.labels, "le"}
        for matcher in vector.matchers.matchers:
            if matcher.name == "le":
                assert float(matcher.value) in metric.buckets
    assert set(grouped(tree)) <= labels


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {
        vector.name
        for place, expression in queries()
        if place.startswith("frontrow-")
        for vector in selected(promql_parser.parse(expression))
    }
    assert [m.name for m in METRICS if not shown & set(m.series)] == []


def test_the_committed_files_are_those_that_are_made_from_the_registry() -> None:
    made = generated(ROOT)
    assert len(made) == 5
    stale = [str(path) for path, text in made.items() if (ROOT / path).read_text() != text]
    assert not stale, "run `make observability`"


def test_a_table_goes_between_its_marks_and_nowhere_else() -> None:
    page = "a\n<!-- x: made by `make observability` -->\nold\n<!-- end of x -->\nb\n"
    assert replaced(page, "x", "new").split("\n") == [
        "a",
        "<!-- x: made by `make observability` -->",
        "new",
        "<!-- end of x -->",
        "b",
        "",
    ]
    with pytest.raises(ValueError, match="substring"):
        replaced(page, "y", "new")


def test_a_dashboard_is_what_grafana_imports() -> None:
    for board in BOARDS:
        model = json.loads((ROOT / f"kuberay/observability/{board.uid}.json").read_text())
        panels = model["panels"]
        assert model["uid"] == board.uid
        assert len({panel["id"] for panel in panels}) == len(panels)
        cells = [
            (x, y)
            for panel in panels
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert max(x for x, _ in cells) < 24
        assert len(cells) == len(set(cells)), "panels overlap"
        drawn = [panel for panel in panels if panel["type"] != "row"]
        assert all(target["expr"] for panel in drawn for target in panel["targets"])


def test_the_rules_are_resources_of_managed_prometheus() -> None:
    resources = list(yaml.safe_load_all((ROOT / "kuberay/observability/alerts.yaml").read_text()))
    assert {resource["apiVersion"] for resource in resources} == {"monitoring.googleapis.com/v1"}
    assert {resource["kind"] for resource in resources} == {"Rules"}
    groups = [group for resource in resources for group in resource["spec"]["groups"]]
    rules = [rule for group in groups for rule in group["rules"]]
    shipped = [alert for alerts in GROUPS.values() for alert in alerts]
    assert [(rule["alert"], rule["expr"], rule["for"]) for rule in rules] == [
        (alert.name, alert.expr, alert.lasting) for alert in shipped
    ]
    assert {rule["labels"]["severity"] for rule in rules} == {"page", "ticket"}
    assert all(rule["annotations"]["description"] for rule in rules)
    assert [rule["annotations"]["runbook"] for rule in rules] == [
        f"docs/operating/{alert.runbook}" for alert in shipped
    ]


def test_every_runbook_of_an_alert_exists_and_names_it() -> None:
    """Whoever comes from an alert sees at once that the page is the right one."""
    for alerts in GROUPS.values():
        for alert in alerts:
            page = (ROOT / "docs/operating" / alert.runbook.partition("#")[0]).read_text()
            assert f"`{alert.name}`" in page or f"| {alert.name} |" in page, alert
