"""The runbook of a dead node where nothing heals by itself, with its own commands (docs/operating/dead-node.md)."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.cluster.buyers import Buyers
from tests.cluster.clusters import Clusters
from tests.cluster.given import HOST_ROOM, HOSTS_NODES
from tests.cluster.ground import TICKET_HOSTS
from tests.cluster.groups import HOSTS
from tests.cluster.node_loss import all_grant, hosts_answer, seconds_until_all_grant, services_run
from tests.faults.judging import Figures
from tests.faults.recorder import now
from tests.shop import Shop, until
from tests.stack import RunningStack, frontrow


def no_room(clusters: Clusters) -> Figures:
    """As many hosts as there is room for; then a node dies, and its hosts have nowhere to go. Fewer hosts have."""
    figures = Figures("node lost, no room")
    with clusters.any() as cluster, Shop(cluster.url, clusters.ground.admin_key) as shop:
        stack = clusters.ground.stack(cluster.url)
        full = int(HOST_ROOM) * HOSTS_NODES
        until(lambda: shop.scale(full).status_code == 200, "hosts wherever there is room")
        buyers = Buyers(clusters.ground, shop, cluster.url)
        with buyers.running():
            buyers.go_on()
            victim = cluster.hosts.pop(0)
            moment, begun = now(), time.monotonic()
            victim.kill()
            silent = until(lambda: _silent(stack), "frontrow hosts names the silent ones")
            figures.notes["silent hosts"] = len(silent)
            figures.notes["seconds until they were seen"] = round(time.monotonic() - begun, 1)
            until(lambda: services_run(shop), "the services found room")
            assert _silent(stack), "there was no room"
            fewer = time.monotonic()
            until(lambda: _done(stack, "scale", str(TICKET_HOSTS)), "frontrow scale")
            history = buyers.holding.history
            until(lambda: all_grant(history, moment), "every block grants again")
            until(lambda: hosts_answer(shop), "all hosts answer")
            figures.notes["seconds from frontrow scale to all hosts"] = round(
                time.monotonic() - fewer, 1
            )
            cluster.hosts.append(cluster.add_node(HOSTS))
            until(lambda: _done(stack, "doctor"), "frontrow doctor finds nothing")
            buyers.go_on()
        figures.faults.append(f"kill -9 of {victim.name}")
        figures.until_first_hold = [seconds_until_all_grant(history, moment)]
        return buyers.judged(figures, cluster.url)


def _silent(stack: RunningStack) -> list[str]:
    listed = frontrow("hosts", *_where(stack), environment=stack.environment, check=False)
    hosts: list[dict[str, Any]] = json.loads(listed.stdout)["items"] if listed.stdout else []
    return [host["name"] for host in hosts if not host["answers"]]


def _done(stack: RunningStack, *command: str) -> bool:
    done = frontrow(*command, *_where(stack), environment=stack.environment, check=False)
    return done.returncode == 0


def _where(stack: RunningStack) -> tuple[str, ...]:
    return ("--data", str(stack.data), "--url", stack.url, "--json")
