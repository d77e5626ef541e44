"""The figures of a proof, as the page shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.prove.figures import BEGIN, END, PAGE, RECORD, condensed, rendered, with_figures

ROOT = Path(__file__).resolve().parents[2]
SETTING = {"commit": "abc1234", "date": "2030-01-01", "python": "3.11.7", "ray": "2.60.0"}
STAGES = {
    "simulation": {
        "passed": True,
        "minutes": 20.5,
        "figures": {
            "runs": 100_000,
            "steps": 250_000_000,
            "steps_min": 900,
            "commits": 4_000_000,
            "virtual_hours": 11_000.5,
            "answers": {"201": 5, "none": 2},
            "disasters": {"kill_host": 3},
            "failed": [],
            "seconds": 1_230.0,
        },
    },
    "faults": {
        "passed": False,
        "minutes": 9.0,
        "figures": {
            "duel": {"told": {"attempts": 1_000_000, "double": 0}, "written": {"violations": []}},
            "zombie": {"ok": 1_200, "anomalies": 0, "faults": ["SIGSTOP", "SIGSTOP"]},
        },
    },
    "mutation": {
        "passed": True,
        "minutes": 12.0,
        "figures": {
            "mutants": 3_000,
            "killed": 2_960,
            "timeouts": 20,
            "survived_explained": 20,
            "survived_unexplained": 0,
        },
    },
}
WHOLE = {"setting": SETTING, "stages": STAGES, "minutes": 41.5}


def test_the_figures_take_their_place_in_the_page_and_nothing_else_changes() -> None:
    page = f"before\n{BEGIN}\nold figures\n{END}\nafter\n"
    once = with_figures(page, WHOLE)
    assert "old figures" not in once
    assert once.startswith(f"before\n{BEGIN}\n")
    assert once.endswith(f"{END}\nafter\n")
    assert with_figures(once, WHOLE) == once


def test_a_page_without_a_place_for_them_is_refused() -> None:
    with pytest.raises(ValueError, match="figures"):
        with_figures(f"{BEGIN} and no end", WHOLE)


def test_the_tables_say_what_was_run_and_what_failed() -> None:
    text = rendered(WHOLE)
    for said in (
        "Commit `abc1234`, 2030-01-01, 2 cores: 41.5 minutes in all",
        "| faults | **no** | 9.0 |",
        "| seeds run, and failed | 100,000, 0 |",
        "| told | attempts 1,000,000, double 0 |",
        "| written | violations 0 |",
        "| zombie | 1,200 |",
        "SIGSTOP 2",
        "| survived with a reason, and without one | 20, 0 |",
    ):
        assert said in text


def test_a_stage_that_gave_no_figures_is_named_all_the_same() -> None:
    broken = {**WHOLE, "stages": {"mutation": {"passed": False, "minutes": 0.1, "figures": {}}}}
    assert "| mutation | **no** | 0.1 |" in rendered(broken)


def test_killers_are_counted_by_their_files() -> None:
    killers = {
        "m1": "tests/unit/test_a.py::one",
        "m2": "tests/unit/test_a.py::two",
        "m3": "the import",
    }
    assert condensed({"mutants": 3, "killers": killers}) == {
        "mutants": 3,
        "killed_by": {"tests/unit/test_a.py": 2, "the import": 1},
    }
    assert condensed({"runs": 1}) == {"runs": 1}


def test_the_page_shows_the_figures_that_were_recorded() -> None:
    record = json.loads((ROOT / RECORD).read_text())
    page = (ROOT / PAGE).read_text()
    assert with_figures(page, record) == page
