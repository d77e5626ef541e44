"""The letters of printed tickets: Noto Sans in the scripts that it is made for, cut to what a document needs.

A PDF carries its fonts, and the fonts that PDF itself knows have Western European letters only. Noto's fonts are
variable ones, which PDF does not know: so a face is cut to some of its letters and fixed at one weight first. What is
left keeps its rules for shaping (OpenType Layout), without which Arabic or Devanagari cannot be read.
"""

from __future__ import annotations

import io
import threading
import unicodedata
from collections.abc import Set
from functools import lru_cache
from importlib.resources import files
from typing import Any

from fontTools import subset
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

REGULAR, BOLD = 400, 700
"""The weights that are used (OpenType's `wght` axis)."""

LATIN = "NotoSans"
"""Latin, Greek and Cyrillic letters, and all that is European about a ticket."""

CHINESE_JAPANESE_KOREAN = "NotoSansCJK"

FACES = (
    LATIN,
    *("NotoSansHebrew", "NotoSansArabic", "NotoSansArmenian", "NotoSansGeorgian"),
    *("NotoSansDevanagari", "NotoSansBengali", "NotoSansGurmukhi", "NotoSansGujarati"),
    *("NotoSansOriya", "NotoSansTamil", "NotoSansTelugu", "NotoSansKannada"),
    *("NotoSansMalayalam", "NotoSansSinhala", "NotoSansThai", "NotoSansLao"),
    *("NotoSansKhmer", "NotoSansMyanmar", "NotoSansEthiopic"),
    *("NotoSansSymbols", CHINESE_JAPANESE_KOREAN, "NotoEmoji"),
)
"""In this order a letter is looked for."""

RIGHT_TO_LEFT = ("NotoSansHebrew", "NotoSansArabic")

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""Stands for a letter of a script that none of the faces has."""

CUTS_KEPT_MAX = 64
"""Cuts in memory, of some 100 kB each: those of the languages that are spoken here."""

Font = Any
"""fontTools' TTFont: what its tables hold is made up at run time."""

_drawing = threading.Lock()

_ROW = 256
"""A face is cut in whole rows of so many code points, the alphabets in use, so that one cut serves many documents."""

_LATIN_ROWS = frozenset({0x00, 0x01, 0x20})
"""Letters of most of Europe, its punctuation and its currencies: always there, so always the same cut."""


@lru_cache
def letters(face: str) -> frozenset[int]:
    """The code points that a face has."""
    with _opened(face) as font:
        return frozenset(font.getBestCmap())


@lru_cache(maxsize=4096)
def face_of(letter: str) -> str | None:
    """The first face that has this letter."""
    return next((face for face in FACES if ord(letter) in letters(face)), None)


def printable(text: str) -> str:
    """`text` in letters that there are: others in their plain form (Unicode NFKC) if they have one, else replaced;
    invisible signs that no face knows are dropped."""
    return "".join(_printable(char) for char in text)


def _printable(char: str) -> str:
    if face_of(char) is not None:
        return char
    plain = unicodedata.normalize("NFKC", char)
    if plain != char and all(face_of(part) for part in plain):
        return plain
    invisible = unicodedata.category(char) in ("Cf", "Mn")  # joiners, variation selectors, tags
    return "" if invisible else REPLACEMENT


def main_face(text: str) -> str:
    """The face that a line is set in. Other faces step in for single words, and they step in from left to right: what
    is written from right to left has to be set in its own face with the spaces between its words."""
    faces = {face_of(char) for char in text}
    return next((face for face in RIGHT_TO_LEFT if face in faces), LATIN)


def cut(face: str, weight: int, text: str) -> bytes:
    """A TrueType font with at least those letters of `text` that the face has."""
    wanted = frozenset(map(ord, text)) & letters(face)
    if face == CHINESE_JAPANESE_KOREAN:
        return _drawn(face, weight, wanted)
    rows = frozenset(code // _ROW for code in wanted)
    return _cut(face, weight, rows | _LATIN_ROWS if face == LATIN else rows)


@lru_cache(maxsize=CUTS_KEPT_MAX)
def _cut(face: str, weight: int, rows: frozenset[int]) -> bytes:
    options = subset.Options(hinting=False, notdef_outline=True, layout_scripts=["*"])
    cutter = subset.Subsetter(options)
    with _opened(face) as font:
        cutter.populate(unicodes=[code for code in letters(face) if code // _ROW in rows])
        cutter.subset(font)
        instancer.instantiateVariableFont(font, {"wght": weight}, inplace=True)
        font["name"].names = []  # each weight needs a name of its own in a PDF
        font["name"].setName(face, 1, 3, 1, 0x409)
        font["name"].setName(str(weight), 2, 3, 1, 0x409)
        return _saved(font)


def _drawn(face: str, weight: int, wanted: Set[int]) -> bytes:
    """A font made anew of single glyphs: to fix all of 65,000 at a weight would take minutes.

    Their outlines are cubic (CFF2), TrueType's are quadratic. These scripts are read without rules for shaping.
    """
    with _drawing:
        font = _collection(face)
        outlines = font.getGlyphSet(location={"wght": weight})
        known = font.getBestCmap()
        names = {code: known[code] for code in sorted(wanted)}
        order = [".notdef", *dict.fromkeys(names.values())]
        glyphs, widths = dict[str, Any](), dict[str, tuple[int, int]]()
        for name in order:
            pen = TTGlyphPen(None)
            outlines[name].draw(Cu2QuPen(pen, max_err=1.0, reverse_direction=True))
            glyphs[name] = pen.glyph()
            glyphs[name].recalcBounds(None)
            widths[name] = round(outlines[name].width), getattr(glyphs[name], "xMin", 0)
        made = FontBuilder(font["head"].unitsPerEm)
        made.setupGlyphOrder(order)
        made.setupCharacterMap(names)
        made.setupGlyf(glyphs)
        made.setupHorizontalMetrics(widths)
        made.setupHorizontalHeader(ascent=font["hhea"].ascent, descent=font["hhea"].descent)
        made.setupNameTable({"familyName": face, "styleName": str(weight)})
        made.setupOS2(usWeightClass=weight)
        made.setupPost()
        made.setupHead(
            unitsPerEm=font["head"].unitsPerEm,
            created=font["head"].created,
            modified=font["head"].modified,
        )
        made.font.recalcTimestamp = False
        return _saved(made.font)


@lru_cache
def _collection(face: str) -> Font:
    """Kept, as to open it takes half a second; to be used under the lock, as it is read bit by bit."""
    return _opened(face)


def _opened(face: str) -> Font:
    """The face as it was published (SIL Open Font License 1.1), from the packages that carry it."""
    if face == CHINESE_JAPANESE_KOREAN:
        published = files("manimgx_fonts_cjk") / f"{face}-VF.otf.ttc"
    else:
        published = files("manimgx_fonts") / f"{face}[wght].ttf"
    file = io.BytesIO(published.read_bytes())
    return TTFont(file, lazy=True, recalcTimestamp=False, fontNumber=0)


def _saved(font: Font) -> bytes:
    file = io.BytesIO()
    font.save(file)
    return file.getvalue()
