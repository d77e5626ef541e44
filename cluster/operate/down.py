"""`frontrow down`: stops what `frontrow up` started; everything acknowledged is on disk already."""

from __future__ import annotations

from cluster.embedded.process import StartError
from cluster.operate.answers import Data, Json
from cluster.operate.command import (
    CommandError,
    out,
    print_json,
    reported,
)
from cluster.operate.lifecycle import NotRunning, stop_stack
from cluster.settings import read_settings


@reported
def down(data: Data = None, as_json: Json = False) -> None:
    """Stop what `up` started over this data directory, losing nothing."""
    try:
        stop_stack(read_settings(data_dir=data).data_dir)
        stopped = True
    except NotRunning:
        stopped = False
    except StartError as error:
        raise CommandError(str(error), "not_stopped") from error
    if as_json:
        print_json({"stopped": stopped})
    else:
        out.print("stopped" if stopped else "nothing was running")
