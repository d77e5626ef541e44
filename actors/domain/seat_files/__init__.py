"""Reading seat files: bytes in, `SeatFile` out, one module per format. Standard library only.

A problem of one row is a `RowError` in the result; a problem of the whole file is a
`SeatFileError`, and then nothing of the file is loaded. Surrounding white space in a name is
dropped (spreadsheets leave it there, and nobody can see it on a ticket); anything else is kept as
it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from actors.domain.seat_files.csv_rows import read_csv
from actors.domain.seat_files.file_error import (
    SEATS_PER_FILE_MAX,
    SeatFileError,
    SeatFileErrorCode,
)
from actors.domain.seat_files.ndjson_rows import read_ndjson
from actors.domain.seat_files.pretix_plan import PlanCategory, plan_categories, read_plan
from actors.domain.seat_rows import SeatFile

# The reader of each media type in which seats may be sent.
SEAT_FILE_READERS: Final[Mapping[str, Callable[[bytes], SeatFile]]] = MappingProxyType(
    {
        "text/csv": read_csv,
        "application/x-ndjson": read_ndjson,
        "application/json": read_plan,
    }
)

__all__ = [
    "SEATS_PER_FILE_MAX",
    "SEAT_FILE_READERS",
    "PlanCategory",
    "SeatFileError",
    "SeatFileErrorCode",
    "plan_categories",
    "read_csv",
    "read_ndjson",
    "read_plan",
]
