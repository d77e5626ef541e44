"""`frontrow up`: the whole product on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster.embedded.process import StartError
from cluster.embedded.run_record import RunRecord
from cluster.operate.answers import Data, Json
from cluster.operate.command import (
    CommandError,
    out,
    print_json,
    reported,
)
from cluster.operate.lifecycle import (
    NotRunning,
    admin_key_of,
    start_stack,
    stop_stack,
    wait_until_ended,
)
from cluster.settings import HOSTS_MAX, Settings, read_settings

PortOption = Annotated[int, typer.Option(min=0, max=65_535, help="0 picks a free one.")]
HostsOption = Annotated[int | None, typer.Option(min=1, max=HOSTS_MAX, help="Ticket hosts.")]
DetachOption = Annotated[bool, typer.Option("--detach", help="Return when it is ready.")]


@reported
def up(
    port: PortOption = 8000,
    hosts: HostsOption = None,
    data: Data = None,
    detach: DetachOption = False,
    as_json: Json = False,
) -> None:
    """Start whatever is not given by URL, and serve on loopback; state is kept and resumed."""
    settings = read_settings(data_dir=data, hosts=hosts)
    try:
        record = start_stack(settings.data_dir, port=port, hosts=hosts, attached=not detach)
    except StartError as error:
        raise CommandError(str(error), "not_started") from error
    _announce(settings, record, detach=detach, as_json=as_json)
    if not detach:
        _serve_until_interrupted(settings.data_dir)


def _announce(settings: Settings, record: RunRecord, *, detach: bool, as_json: bool) -> None:
    given = settings.admin_key.get_secret_value() if settings.admin_key else None
    if as_json:
        print_json(
            {
                "url": record.url,
                "admin_key": admin_key_of(settings.data_dir, given),
                "nats_url": record.nats_url,
                "mongodb_url": record.mongodb_url,
                "stripe_api_base": record.stripe_api_base,
            }
        )
        return
    key = "FRONTROW_ADMIN_KEY" if given else str(settings.data_dir / "admin.key")
    end = f"frontrow down --data {settings.data_dir}" if detach else "Ctrl-C"
    out.print(
        f"Frontrow serves at {record.url}\nadmin key: {key}\nstop it with: {end}", markup=False
    )


def _serve_until_interrupted(data: Path) -> None:
    try:
        wait_until_ended(data)
    except KeyboardInterrupt:
        out.print("stopping")
        try:
            stop_stack(data)
        except NotRunning:
            return
        return
    raise CommandError(f"the stack has ended by itself; see {data / 'up.log'}", "ended")
