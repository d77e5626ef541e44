"""Why a whole seat file is refused, and the limits and the encoding that all formats share."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

# Four of the largest stadiums; at about 45 bytes a row it is a 9 MB file.
SEATS_PER_FILE_MAX: Final = 200_000


class SeatFileErrorCode(StrEnum):
    """Clients see these words: they are never renamed."""

    EMPTY_FILE = "empty_file"
    INVALID_ENCODING = "invalid_encoding"
    MISSING_COLUMN = "missing_column"
    UNKNOWN_COLUMN = "unknown_column"
    INVALID_JSON = "invalid_json"
    INVALID_PLAN = "invalid_plan"
    TOO_MANY_ROWS = "too_many_rows"


class SeatFileError(Exception):
    """The file cannot be read as what it claims to be: nothing of it is loaded."""

    def __init__(self, code: SeatFileErrorCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def decoded(body: bytes) -> str:
    """The text of a file in UTF-8. A byte order mark is tolerated: Excel writes one."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        detail = f"the file is not UTF-8: byte {error.start + 1}, on line {line}"
        raise SeatFileError(SeatFileErrorCode.INVALID_ENCODING, detail) from error
    if not text.strip():
        raise SeatFileError(SeatFileErrorCode.EMPTY_FILE, "the file is empty")
    return text


def lines_of(text: str) -> list[str]:
    """The lines of a text file, ended by LF, CR LF or CR.

    `str.splitlines` would also cut at form feeds and Unicode separators, inside of names.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def require_seats(rows_read: int) -> None:
    if rows_read == 0:
        raise SeatFileError(SeatFileErrorCode.EMPTY_FILE, "the file holds no seats")


def require_room(rows_read: int) -> None:
    """Called for each row, so that an endless file is refused before it is held in memory."""
    if rows_read > SEATS_PER_FILE_MAX:
        detail = f"the file holds more than {SEATS_PER_FILE_MAX} seats; send it in parts"
        raise SeatFileError(SeatFileErrorCode.TOO_MANY_ROWS, detail)
