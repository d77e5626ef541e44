"""A dashboard as Grafana's JSON model (grafana.com, "Dashboard JSON model"), for Grafana 10 and newer. Pure."""

from __future__ import annotations

import json
from typing import Any

from cluster.dashboards.boards import Board, Panel

SCHEMA_VERSION = 39
COLUMNS = 24
"""Of Grafana's grid."""

WIDTH, HEIGHT = 8, 8
STAT_HEIGHT = 4
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard(board: Board) -> str:
    """The file."""
    model: dict[str, Any] = {
        "uid": board.uid,
        "title": board.title,
        "tags": ["frontrow"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "",
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]
        },
        "panels": _panels(board),
    }
    return json.dumps(model, indent=2) + "\n"


def _panels(board: Board) -> list[dict[str, Any]]:
    """Rows of panels, as many side by side as there is room for."""
    panels, y = list[dict[str, Any]](), 0
    for title, row in board.rows:
        grid = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "gridPos": grid,
                       "collapsed": False, "panels": []})  # fmt: skip
        y += 1
        width = max(WIDTH if not all(one.stat for one in row) else COLUMNS // len(row), 1)
        height = STAT_HEIGHT if all(one.stat for one in row) else HEIGHT
        for first in range(0, len(row), COLUMNS // width):
            for column, one in enumerate(row[first : first + COLUMNS // width]):
                grid = {"x": column * width, "y": y, "w": width, "h": height}
                panels.append(_panel(len(panels) + 1, one, grid))
            y += height
    return panels


def _panel(number: int, panel: Panel, grid: dict[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.must_be_zero:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": 1}]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    return {
        "id": number,
        "type": "stat" if panel.stat else "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": grid,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}} if panel.stat else {},
        "targets": [
            {
                "refId": chr(ord("A") + n),
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend,
            }
            for n, (legend, expression) in enumerate(panel.queries)
        ],
    }
