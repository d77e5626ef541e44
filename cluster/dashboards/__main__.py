"""`python -m cluster.dashboards`: writes every file that is made from the registry of metrics."""

from __future__ import annotations

from pathlib import Path

from actors.metrics import METRICS
from cluster.dashboards.alerts import GROUPS, RULES
from cluster.dashboards.boards import BOARDS
from cluster.dashboards.grafana import dashboard
from cluster.dashboards.rules import rules
from cluster.dashboards.tables import alerts_table, metrics_table, replaced

FOLDER = Path("kuberay/observability")
PAGE = Path("docs/operating/observability.md")


def generated(root: Path) -> dict[Path, str]:
    """What each file should have in it, by its path below `root`."""
    page = (root / PAGE).read_text()
    page = replaced(page, "metrics", metrics_table(METRICS))
    page = replaced(page, "alerts", alerts_table(GROUPS))
    boards = {FOLDER / f"{board.uid}.json": dashboard(board) for board in BOARDS}
    return {**boards, FOLDER / "alerts.yaml": rules(RULES), PAGE: page}


if __name__ == "__main__":
    here = Path.cwd()
    for path, text in generated(here).items():
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_text(text)
        print(path)
