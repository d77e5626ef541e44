"""What the commands share that talk to a running installation: its address as an option, and how they fail.

A command prints for people, or with `--json` one JSON document on stdout. It fails with exit code 1 and one line on
stderr (with `--json`: `{"error": {"code", "detail"}}` on stdout as well); a wrong invocation exits with 2.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from typing import Annotated, Any, ParamSpec

import msgspec
import structlog
import typer
from rich.console import Console

from actors.journal import JournalUnavailable
from cluster.operate.answers import fail
from cluster.settings import SettingsError
from cluster.store.mongo import StoreError, StoreUnavailable

Url = Annotated[
    str | None, typer.Option(metavar="URL", help="The server. [default: the one in DIR/run.json]")
]

PIPE_COLUMNS = 160
"""The width of a table where no terminal has one."""

out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPE_COLUMNS)
err = Console(stderr=True, highlight=False, soft_wrap=True)

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended: 128 and the signal's number."""

P = ParamSpec("P")


class CommandError(Exception):
    """Why a command cannot do its work: one line for a person, a stable `code` for a program."""

    def __init__(self, detail: str, code: str = "command_failed") -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


def reported(command: Callable[P, None]) -> Callable[P, None]:
    """Turns what is expected to go wrong into one line and exit code 1; a defect keeps its traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        _quieten()
        try:
            command(*args, **kwargs)
            return
        except CommandError as error:
            code, detail = error.code, error.detail
        except SettingsError as error:
            code, detail = "invalid_settings", str(error)
        except (JournalUnavailable, StoreUnavailable, StoreError) as error:
            code, detail = "unavailable", str(error)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        if kwargs.get("as_json"):
            print_json({"error": {"code": code, "detail": detail}})
        fail(detail)

    return run


def _quieten() -> None:
    """A command answers on stdout and fails in one line; what its connections log is neither."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def print_json(value: Any) -> None:
    """One document on stdout; dataclasses and structs are taken as they are."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
