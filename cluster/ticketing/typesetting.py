"""Lines and paragraphs on a PDF page, in any letters, as large as they fit."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path
from typing import NamedTuple

from fpdf import FPDF
from fpdf.enums import MethodReturnValue

from cluster.ticketing.document import one_line
from cluster.ticketing.typefaces import BOLD, LATIN, REGULAR, cut, face_of, main_face, printable

SIZE_STEP = 0.5
LEADING = 1.22
"""The distance of two lines, in sizes of their letters."""

MM_PER_POINT = 25.4 / 72

ASCII = "".join(map(chr, range(0x20, 0x7F)))
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

Colour = tuple[int, int, int]


class Box(NamedTuple):
    """A place on a page: its left upper corner and its size, in mm."""

    x: float
    y: float
    width: float
    height: float


class Typesetter(FPDF):
    """Pages of this size (mm); `letters` are all that will be printed beyond ASCII, `directory` is for font files.

    A face is loaded when a letter asks for it.
    """

    def __init__(self, size: tuple[float, float], letters: str, directory: str) -> None:
        super().__init__(unit="mm", format=size)
        self._letters = printable(one_line(letters)) + ASCII + ELLIPSIS
        self._directory = Path(directory)
        self.set_auto_page_break(False)
        self.set_margin(0)
        self.c_margin = 0
        self.str_alias_nb_pages = ""  # a show may be called "{nb}"
        self.set_text_shaping(True)
        for style in ("", "B"):
            self._load(LATIN, style)
        self.set_fallback_fonts([LATIN])

    def put(
        self,
        text: str,
        box: Box,
        size: float,
        colour: Colour,
        *,
        bold: bool = False,
        right: bool = False,
    ) -> None:
        """One line of a known text, in the middle of the height of its box."""
        text = self._begin(text, bold=bold, colour=colour)
        self.set_font_size(size)
        self.set_xy(box.x, box.y)
        self.cell(box.width, box.height, text, align="R" if right else "L")

    def paragraph(
        self,
        text: str,
        box: Box,
        sizes: tuple[float, float],
        colour: Colour,
        *,
        bold: bool = False,
        low: bool = False,
    ) -> None:
        """A text in the largest of these sizes (from, down to; points) in which it fits the box; what does not fit in
        the smallest is cut short. `low`: at the bottom of the box."""
        text = self._begin(text, bold=bold, colour=colour)
        size = self._size(text, box, sizes)
        lines = self._broken(text, box.width, size)
        room = int(box.height / _leading(size))
        if len(lines) > room:
            lines = [*lines[: room - 1], self._shortened(lines[room - 1], box.width)]
        top = box.y + (box.height - len(lines) * _leading(size) if low else 0)
        for number, line in enumerate(lines):
            self.set_xy(box.x, top + number * _leading(size))
            self.cell(box.width, _leading(size), line)

    def get_fallback_font(self, char: str, style: str = "") -> str | None:
        """The font, loaded by now, of a letter that the current one lacks; fpdf2 asks for it."""
        face = face_of(char)
        return None if face is None else self._load(face, style)

    def _begin(self, text: str, *, bold: bool, colour: Colour) -> str:
        text = printable(one_line(text))
        face, style = main_face(text), "B" if bold else ""
        self._load(face, style)
        self.set_font(face, style)
        self.set_text_color(*colour)
        return text

    def _load(self, face: str, style: str) -> str:
        key = face.lower() + style
        if key not in self.fonts:
            file = self._directory / f"{key}.ttf"
            file.write_bytes(cut(face, BOLD if style else REGULAR, self._letters))
            self.add_font(face, style, file)
        return key

    def _size(self, text: str, box: Box, sizes: tuple[float, float]) -> float:
        """The largest size in which the text fits: nearly always the first, and a search takes six times as long."""
        steps = int((sizes[0] - sizes[1]) / SIZE_STEP)
        if steps == 0 or self._fits(text, box, sizes[0]):
            return sizes[0]
        step = bisect_left(
            range(steps), True, key=lambda n: self._fits(text, box, sizes[0] - n * SIZE_STEP)
        )
        return sizes[0] - step * SIZE_STEP

    def _fits(self, text: str, box: Box, size: float) -> bool:
        """Whether there is room for all lines, and no word is broken."""
        lines = self._broken(text, box.width, size)
        whole = all(self.get_string_width(word) <= box.width for word in text.split())
        return whole and len(lines) * _leading(size) <= box.height

    def _broken(self, text: str, width: float, size: float) -> list[str]:
        self.set_font_size(size)
        lines = self.multi_cell(
            width, text=text, align="L", dry_run=True, output=MethodReturnValue.LINES
        )
        assert isinstance(lines, list)
        return lines

    def _shortened(self, line: str, width: float) -> str:
        while line and self.get_string_width(line + ELLIPSIS) > width:
            line = line[:-1]
        return line.rstrip() + ELLIPSIS


def _leading(size: float) -> float:
    """The distance of two lines, in mm."""
    return size * MM_PER_POINT * LEADING
