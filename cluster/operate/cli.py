"""The `frontrow` command: a registry; each command has a module of its own."""

from __future__ import annotations

import typer

from cluster.operate.doctor import doctor
from cluster.operate.down import down
from cluster.operate.hosts import hosts, scale
from cluster.operate.inspect import inspect
from cluster.operate.load import load
from cluster.operate.up import up

main = typer.Typer(
    name="frontrow",
    help="Seats that exist once, sold once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (up, down, load, hosts, scale, inspect, doctor):
    main.command()(command)
