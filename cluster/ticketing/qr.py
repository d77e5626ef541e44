"""Ticket codes as QR codes (ISO/IEC 18004), for a page, for a print and for whatever takes a picture."""

from __future__ import annotations

import io

import segno

ERROR_CORRECTION = "m"
"""15 % of the code may be unreadable: a screen in the sun, a fold in the paper."""

QUIET_ZONE = 4
"""Modules of white around the code, without which a scanner does not find it (ISO/IEC 18004, 6.3.8)."""

PNG_SCALE = 8
"""Pixels of one module of a picture."""


def qr_svg(code: str, title: str) -> str:
    """An SVG element, to stand in a page or alone; it has no size of its own but its proportions. `title` is what a
    reader of screens says."""
    drawing = io.BytesIO()
    _qr(code).save(
        drawing,
        kind="svg",
        border=QUIET_ZONE,
        light="#fff",
        title=title,
        omitsize=True,
        xmldecl=False,
        svgclass=None,
        lineclass=None,
        nl=False,
    )
    return drawing.getvalue().decode()


def qr_png(code: str) -> bytes:
    """A black and white picture."""
    picture = io.BytesIO()
    _qr(code).save(picture, kind="png", border=QUIET_ZONE, scale=PNG_SCALE)
    return picture.getvalue()


def qr_modules(code: str) -> list[str]:
    """The rows of the code without its quiet zone, `1` for a dark module."""
    return ["".join("1" if module else "0" for module in row) for row in _qr(code).matrix]


def _qr(code: str) -> segno.QRCode:
    return segno.make(code, error=ERROR_CORRECTION, boost_error=False, micro=False)
