"""Alert rules as a resource of Google's managed Prometheus: `Rules`, monitoring.googleapis.com/v1. Pure.

Their `groups` are those of Prometheus itself; a PrometheusRule of the operator's has the same under `spec`. Written as
YAML by hand: every text is a JSON string, which is one of YAML's too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from cluster.dashboards.alerts import Alert

PAGES = "docs/operating"
"""Where the runbooks are."""

INTERVAL = "30s"


def rules(namespaces: Mapping[str, Mapping[str, Sequence[Alert]]]) -> str:
    """The file: a resource for each namespace."""
    lines = ["# Made by `make observability` from cluster/dashboards/alerts.py. Do not edit."]
    for number, (namespace, groups) in enumerate(namespaces.items()):
        lines += ["---"] if number else []
        lines += _resource(namespace, groups)
    return "\n".join(lines) + "\n"


def _resource(namespace: str, groups: Mapping[str, Sequence[Alert]]) -> Iterator[str]:
    yield "apiVersion: monitoring.googleapis.com/v1"
    yield "kind: Rules"
    yield "metadata:"
    yield "  name: frontrow"
    yield f"  namespace: {namespace}"
    yield "  labels:"
    yield "    app.kubernetes.io/name: frontrow"
    yield "    app.kubernetes.io/component: alerts"
    yield "spec:"
    yield "  groups:"
    for name, alerts in groups.items():
        yield f"    - name: {json.dumps(name)}"
        yield f"      interval: {INTERVAL}"
        yield "      rules:"
        for alert in alerts:
            yield f"        - alert: {alert.name}"
            yield f"          expr: {json.dumps(alert.expr)}"
            yield f"          for: {alert.lasting}"
            yield "          labels:"
            yield f"            severity: {alert.severity}"
            if alert.window:
                yield f"            window: {alert.window}"
            yield "          annotations:"
            yield f"            summary: {json.dumps(alert.meaning)}"
            yield f"            description: {json.dumps(alert.action)}"
            yield f"            runbook: {json.dumps(f'{PAGES}/{alert.runbook}')}"
