"""The options that every command has, and how it ends when it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Data = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where the state is. [default: ./.frontrow]")
]


def fail(reason: str, code: int = 1) -> NoReturn:
    """Ends the command: `error: reason` on stderr, exit code 1 unless told."""
    typer.echo(f"error: {reason}", err=True)
    raise typer.Exit(code)
