"""The `frontrow` command: a registry; each command has a module of its own."""

from __future__ import annotations

import typer

from cluster.operate.backup.backup import backup
from cluster.operate.backup.restore import restore
from cluster.operate.bench.bench import bench
from cluster.operate.demo import demo
from cluster.operate.doctor import doctor
from cluster.operate.down import down
from cluster.operate.freeze import freeze, thaw
from cluster.operate.hosts import drain, hosts, move, restart, scale
from cluster.operate.inspect import inspect
from cluster.operate.load import load
from cluster.operate.prepare import prepare
from cluster.operate.rebuild import rebuild
from cluster.operate.rehearsal.rehearse import rehearse
from cluster.operate.replay import replay
from cluster.operate.up import up
from cluster.operate.verdict import verify
from cluster.operate.withhold import withhold

main = typer.Typer(
    name="frontrow",
    help="Seats that exist once, sold once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (
    up,
    down,
    demo,
    load,
    hosts,
    scale,
    prepare,
    drain,
    restart,
    move,
    freeze,
    thaw,
    withhold,
    inspect,
    verify,
    rebuild,
    doctor,
    bench,
):
    main.command()(command)

for command in (backup, restore, replay, rehearse):
    main.command()(command)
