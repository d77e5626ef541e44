"""`frontrow prepare`: hosts for a known on-sale, and the show in their memory, before the first buyer comes."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from actors.host import IDLE_MS
from cluster.operate.answers import Data, Json
from cluster.operate.client import Client
from cluster.operate.command import Url, err, out, print_json, reported
from cluster.operate.target import find_target


@reported
def prepare(
    show_id: Annotated[str, typer.Argument(metavar="SHOW_ID")],
    expect: Annotated[
        int, typer.Option("--expect", metavar="BUYERS", min=1, help="How many buyers will come.")
    ],
    hours: Annotated[
        int, typer.Option(metavar="HOURS", min=1, help="So long the hosts stay, however idle.")
    ] = 4,
    data: Data = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Get ready for a known on-sale; safe while selling goes on. Exit code 1 when not all of it is warm."""
    with Client(find_target(data, url)) as client:
        if not as_json:
            err.print(f"preparing {show_id} for {expect:,} buyers")
        rush = {"buyers": expect, "hours": hours}
        found = client.post(f"/v1/operator/shows/{quote(show_id, safe='')}/preparation", rush)
    if as_json:
        print_json(found)
    else:
        _print(found)
    cold = found["blocks"] > found["blocks_warm"] or found["replicas"] > found["replicas_warm"]
    if cold or found["hosts"] < found["hosts_planned"]:
        raise typer.Exit(1)


def _print(found: dict[str, Any]) -> None:
    out.print(f"expected  {found['peak']:,} holds a second at the peak")
    out.print(
        f"hosts     {found['hosts']} ({found['hosts_before']} before, {found['hosts_planned']} planned)"
    )
    minutes = IDLE_MS // 60_000
    out.print(
        f"blocks    {found['blocks_warm']} of {found['blocks']} in memory; each for {minutes} minutes "
        f"after its last command: repeat this in the last {minutes} before the sale"
    )
    out.print(
        f"replicas  {found['replicas_warm']} of {found['replicas']} have the show; "
        f"{found['replicas_planned']} planned (FRONTROW_REPLICAS)"
    )
    if found["kept_until"] is not None:
        out.print(f"kept      until {found['kept_until']}, however idle")
