"""Rehearsing, backing up and looking back, on the running stack."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.shop import Shop, grid, until
from tests.stack import RunningStack, frontrow


def test_an_on_sale_is_rehearsed_and_nobody_else_sees_it(
    stack: RunningStack, tmp_path: Path
) -> None:
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = shop.show(grid(1, 4, 10), name="The real one")
        _quiet(shop)
        told = _json(
            "rehearse", show_id, "--seconds", "5", "--buyers", "20", "--pay", data=stack.data
        )
        shadow_id = told["rehearsed_as"]
        assert shadow_id != show_id
        assert told["holds"] > 0
        assert told["asked_per_second"] <= told["rate"] + 1
        assert told["latency"]["p99_ms"] >= told["latency"]["p50_ms"] > 0
        assert told["bottleneck"]
        assert {host["name"] for host in told["hosts"]} == {"host-0", "host-1"}
        # The copy has the seats; the list has only the show itself, which nothing was taken of.
        assert sum(shop.counts(shadow_id).values()) == 40
        assert shop.counts(show_id) == {"available": 40, "held": 0, "sold": 0, "withheld": 0}
        page = shop.http.get("/v1/shows", params={"limit": 100}).json()["items"]
        listed = {item["show_id"] for item in page}
        assert show_id in listed
        assert shadow_id not in listed
        assert shop.http.get(f"/v1/shows/{shadow_id}").json()["name"] == "REHEARSAL of The real one"

        block = shop.http.get(f"/v1/shows/{shadow_id}/seatmap").json()["blocks"][0]["block"]
        moment = _json("replay", shadow_id, str(block), "--seats", data=stack.data)
        assert sum(moment["counts"].values()) == 40
        assert [len(signs) for signs in moment["seats"].values()] == [10] * 4
        opened = _json("replay", shadow_id, str(block), "--until", moment["at"], data=stack.data)
        assert opened["sequence"] == moment["sequence"]
        early = frontrow(
            "replay", shadow_id, str(block), "--sequence", "1", "--json",
            "--data", str(stack.data), check=False,
        )  # fmt: skip
        assert json.loads(early.stdout)["error"]["code"] == "not_opened_yet"

        kept = str(tmp_path / "kept")
        taken = _json("backup", kept, data=stack.data)
        assert taken["sequence"] >= moment["sequence"]
        again = _json("backup", kept, data=stack.data)
        assert again["written"] < taken["written"]
        assert _json("backup", kept, "--verify", data=stack.data)["verified"] is True
        refused = frontrow("restore", kept, "--json", "--data", str(stack.data), check=False)
        assert json.loads(refused.stdout)["error"]["code"] == "not_empty"


def test_a_rehearsal_does_not_begin_while_a_sale_is_hot(stack: RunningStack) -> None:
    with Shop(stack.url, stack.admin_key) as shop:
        show_id = shop.show(grid(1, 20, 50))
        command = ("rehearse", show_id, "--data", str(stack.data), "--json")
        selling = subprocess.Popen(
            _command(*command, "--seconds", "60", "--buyers", "100", "--rate", "60", "--force"),
            stdout=subprocess.DEVNULL,
        )
        try:
            until(lambda: _commands_per_second(shop) > 15, "it sells")
            refused = frontrow(*command, check=False)
            assert json.loads(refused.stdout)["error"]["code"] == "sale_is_hot", refused.stdout
        finally:
            selling.terminate()
            selling.wait(30)


def _json(*command: str, data: Path) -> Any:
    return json.loads(frontrow(*command, "--json", "--data", str(data)).stdout)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cluster.operate", *arguments]


def _commands_per_second(shop: Shop) -> float:
    before = sum(host["commands"] or 0 for host in shop.hosts())
    time.sleep(1.0)
    return sum(host["commands"] or 0 for host in shop.hosts()) - before


def _quiet(shop: Shop) -> None:
    """Other tests of the session have left nothing that the hosts are busy with."""
    until(lambda: _commands_per_second(shop) < 2, "nothing is sold")
