"""The pages of a printed order: one of A5 for each ticket.

The upper part says what the ticket is for, the lower part is for the scanner at the door.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from fpdf.drawing import PaintedPath
from fpdf.enums import PathPaintRule

from cluster.ticketing.document import OrderDocument, ShowDocument, TicketDocument, one_line
from cluster.ticketing.qr import QUIET_ZONE, qr_modules
from cluster.ticketing.typesetting import Box, Typesetter

# All lengths are millimetres, sizes of letters are points.
PAGE_WIDTH, PAGE_HEIGHT = 148.0, 210.0
MARGIN = 8.0
LEFT, RIGHT = MARGIN + 9.0, PAGE_WIDTH - MARGIN - 9.0
WIDTH = RIGHT - LEFT
CORNER = 5.0
HEAD = 76.0
"""Where the dark part ends."""

TEAR = 135.0
"""Where the part for the scanner begins."""

NOTCH = 3.2
QR_SIZE = 56.0
"""With its quiet zone: a module is more than a millimetre wide."""

CODE_LINE_CHARS = 77

LABEL = 7.0
"""Points of the small words."""

INK = (17, 24, 39)
GREY = (107, 114, 128)
LINE = (209, 213, 219)
WHITE = (255, 255, 255)
NIGHT = (23, 28, 61)
GOLD = (245, 190, 80)
MIST = (199, 205, 226)


def printed(order: OrderDocument) -> bytes:
    """The file with all pages."""
    with TemporaryDirectory(prefix="frontrow-pdf-") as directory:
        page = Typesetter((PAGE_WIDTH, PAGE_HEIGHT), _letters(order), directory)
        page.set_creation_date(datetime.fromtimestamp(order.paid_at / 1000, UTC))  # not now
        page.set_title(one_line(f"Tickets: {order.show.name}"))
        page.set_author(one_line(order.show.venue))
        page.set_lang("en")
        for number, ticket in enumerate(order.tickets, start=1):
            page.add_page()
            _card(page)
            _head(page, order.show, f"Ticket {number} of {len(order.tickets)}")
            _place(page, order, ticket)
            _stub(page, order, ticket)
        return bytes(page.output())


def _letters(order: OrderDocument) -> str:
    """Every letter that is printed and is not this module's own."""
    names = [order.show.name, order.show.venue, order.holder]
    places = [f"{ticket.seat}{ticket.category}" for ticket in order.tickets]
    return "".join(map(one_line, [*names, *places]))


def _card(page: Typesetter) -> None:
    """The outline of the ticket, its dark head, and where it is torn."""
    width, height = PAGE_WIDTH - 2 * MARGIN, PAGE_HEIGHT - 2 * MARGIN
    page.set_fill_color(*NIGHT)
    upper = {"round_corners": ("TOP_LEFT", "TOP_RIGHT"), "corner_radius": CORNER}
    page.rect(MARGIN, MARGIN, width, HEAD - MARGIN, style="F", **upper)
    page.set_fill_color(*GOLD)
    page.rect(MARGIN, HEAD, width, 1.2, style="F")
    page.set_draw_color(*LINE)
    page.set_line_width(0.3)
    page.rect(MARGIN, MARGIN, width, height, round_corners=True, corner_radius=CORNER)
    page.set_fill_color(*WHITE)
    for x, start, end in ((MARGIN, -90, 90), (PAGE_WIDTH - MARGIN, 90, 270)):
        page.rect(x - 0.5, TEAR - NOTCH, 1.0, 2 * NOTCH, style="F")
        page.arc(x - NOTCH, TEAR - NOTCH, 2 * NOTCH, start, end)
    page.set_dash_pattern(dash=1.6, gap=1.6)
    page.polyline([(MARGIN + NOTCH + 2, TEAR), (PAGE_WIDTH - MARGIN - NOTCH - 2, TEAR)])
    page.set_dash_pattern()


def _head(page: Typesetter, show: ShowDocument, count: str) -> None:
    top = Box(LEFT, 15, WIDTH, 4)
    page.put("ADMIT ONE", top, 8, GOLD, bold=True)
    page.put(count, top, 8, MIST, right=True)
    name = Box(LEFT, 23, WIDTH, 34)
    page.paragraph(show.name, name, (27, 11), WHITE, bold=True, low=True)
    page.paragraph(show.venue, Box(LEFT, 59, WIDTH, 5), (11, 7), MIST)
    when = f"{show.date()}, {show.time()}"
    page.put(when, Box(LEFT, 65, WIDTH, 6), 13, GOLD, bold=True)


def _place(page: Typesetter, order: OrderDocument, ticket: TicketDocument) -> None:
    page.put("SEAT", Box(LEFT, 83, WIDTH, 3), LABEL, GREY)
    seat = Box(LEFT, 87, WIDTH, 24)
    page.paragraph(ticket.seat, seat, (38, 12), INK, bold=True)
    column = WIDTH / 12
    facts = (
        ("CATEGORY", ticket.category, LEFT, 3.4 * column),
        ("PRICE", str(ticket.price), LEFT + 3.6 * column, 2.9 * column),
        ("NAME", order.holder, LEFT + 6.7 * column, 5.3 * column),
    )
    for label, text, x, width in facts:
        if text:
            page.put(label, Box(x, 114.5, width, 3), LABEL, GREY)
            page.paragraph(text, Box(x, 118.5, width, 10.5), (11, 7), INK, bold=True)


def _stub(page: Typesetter, order: OrderDocument, ticket: TicketDocument) -> None:
    _qr(page, ticket.code, LEFT - 4, TEAR + 1.5)
    x = LEFT + QR_SIZE + 1
    width = RIGHT - x
    asked = Box(x, TEAR + 6, width, 11)
    page.paragraph("Show this code at the entrance", asked, (12, 12), INK, bold=True)
    rule = "It admits one person, once. Whoever shows it first is let in, so keep it to yourself."
    page.paragraph(rule, Box(x, TEAR + 18, width, 12), (8, 8), GREY)
    page.put("SEAT", Box(x, TEAR + 32, width, 3), LABEL, GREY)
    page.paragraph(ticket.seat, Box(x, TEAR + 35.5, width, 9.5), (11, 7), INK, bold=True)
    page.put("ORDER", Box(x, TEAR + 47, width, 3), LABEL, GREY)
    page.put(order.reference, Box(x, TEAR + 50.5, width, 4.5), 11, INK, bold=True)
    for line, first in enumerate(range(0, len(ticket.code), CODE_LINE_CHARS)):
        part = ticket.code[first : first + CODE_LINE_CHARS]
        page.put(part, Box(LEFT, TEAR + 57.5 + 3 * line, WIDTH, 3), 6.5, GREY)


def _qr(page: Typesetter, code: str, left: float, top: float) -> None:
    """One shape of all rows and all columns: where only rows touch each other, light would shine through between them
    on a screen."""
    rows = qr_modules(code)
    module = QR_SIZE / (len(rows) + 2 * QUIET_ZONE)
    left, top = left + QUIET_ZONE * module, top + QUIET_ZONE * module
    page.set_fill_color(*INK)
    path = PaintedPath()
    path.style.paint_rule = PathPaintRule.AUTO
    path.style.stroke_color = None
    for y, row in enumerate(rows):
        for x, length in _runs(row):
            path.rectangle(left + x * module, top + y * module, length * module, module)
    for x, column in enumerate(map("".join, zip(*rows, strict=True))):
        for y, length in _runs(column):
            path.rectangle(left + x * module, top + y * module, module, length * module)
    with page.drawing_context() as drawing:
        drawing.add_item(path, clone=False)  # a copy took a quarter of the time of the whole page


def _runs(modules: str) -> list[tuple[int, int]]:
    """Start and length of the dark stretches of a row or a column."""
    return [(run.start(), len(run[0])) for run in re.finditer("1+", modules)]
