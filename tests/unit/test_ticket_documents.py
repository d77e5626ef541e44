"""What a buyer gets to keep: QR codes that decode, a PDF that says everything in any letters, a calendar entry."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zxingcpp
from icalendar import Calendar
from PIL import Image
from pypdf import PdfReader

from actors.domain.money import Money
from cluster.ticketing.calendar import calendar_of
from cluster.ticketing.codes import TicketClaim, TicketKeys, ticket_id_of
from cluster.ticketing.document import (
    OrderDocument,
    ShowDocument,
    TicketDocument,
    one_line,
    order_reference,
)
from cluster.ticketing.pages import PAGE_HEIGHT, PAGE_WIDTH
from cluster.ticketing.pdf import tickets_pdf
from cluster.ticketing.qr import QUIET_ZONE, qr_modules, qr_png, qr_svg
from cluster.ticketing.typefaces import REPLACEMENT, printable

KEYS = TicketKeys.parse("K1:" + "A" * 43)
SHOW = ShowDocument(
    "sabcdefgh2345", "Faust", "Große Halle, Salzburg", 1_930_000_000_000, "Europe/Vienna"
)
MM_PER_POINT = 25.4 / 72

NAMES = [
    *("Žluťoučký kůň", "Ελένη Παπαδοπούλου", "Травиата Ёж", "Nguyễn Thị Ánh", "Կոմիտաս", "თბილისი"),
    *("山田太郎", "김철수", "北京国家大剧院", "लता", "สมชาย", "አበበ", "ဗမာ", "Łódź €"),
]


def a_ticket(number: int, seat: str, category: str = "Süd", amount: int = 4500) -> TicketDocument:
    ticket_id = ticket_id_of("order-1", 3, number)
    code = KEYS.sign(TicketClaim(ticket_id, SHOW.show_id))
    return TicketDocument(ticket_id, code, seat, category, Money(amount, "EUR"))


ORDER = OrderDocument(
    reference=order_reference("order-1"),
    show=SHOW,
    tickets=(a_ticket(0, "Parkett-A-14"), a_ticket(1, "Łoża-Ż-2", amount=3050)),
    holder="Zoë Łukasiewicz",
    paid_at=1_900_000_000_000,
)


def pages(order: OrderDocument) -> list[str]:
    """The text of every page."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(tickets_pdf(order))).pages]


def squeezed(text: str) -> str:
    return "".join(text.split())


def letters(text: str) -> str:
    """Without the signs that pypdf makes of a glyph which is a part of a letter (a dot, a tone)."""
    return "".join(char for char in text if char.isalpha() or unicodedata.category(char) == "Mn")


def read_code(dark: Iterable[Iterable[bool]]) -> str:
    """What a scanner sees in these modules."""
    picture = np.where(np.array(dark, dtype=bool), 0, 255).astype(np.uint8)
    picture = np.pad(np.kron(picture, np.ones((6, 6), np.uint8)), 24, constant_values=255)
    (found,) = zxingcpp.read_barcodes(picture)
    assert found.format == zxingcpp.BarcodeFormat.QRCode
    return found.text


# QR codes


def test_a_picture_of_a_code_is_read_by_a_scanner() -> None:
    code = ORDER.tickets[0].code
    with Image.open(io.BytesIO(qr_png(code))) as picture:
        (found,) = zxingcpp.read_barcodes(picture.convert("L"))
    assert found.text == code
    assert KEYS.verify(found.text) == TicketClaim(ORDER.tickets[0].ticket_id, SHOW.show_id)


@pytest.mark.parametrize("damaged", ["corner", "fold"])
def test_a_damaged_picture_is_still_read(damaged: str) -> None:
    code = ORDER.tickets[0].code
    modules = np.array([[char == "1" for char in row] for row in qr_modules(code)])
    size = len(modules)
    if damaged == "corner":
        modules[size - 7 :, size - 7 :] = True
    else:
        modules[:, 12] = False
    assert read_code(modules) == code


def test_an_svg_shows_the_same_modules_in_their_quiet_zone_and_says_its_title() -> None:
    code = ORDER.tickets[0].code
    svg = qr_svg(code, 'Ticket <1> "A"')
    rows = qr_modules(code)
    size = len(rows) + 2 * QUIET_ZONE
    assert svg.startswith(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}"')
    assert '<title>Ticket &lt;1&gt; "A"</title>' in svg
    dark = np.zeros((size, size), dtype=bool)
    x = y = 0
    path = re.findall(r' d="([^"]+)"', svg)[-1]
    for command, across, down in re.findall(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", path):
        if command == "h":
            dark[y, x : x + int(across)] = True
            x += int(across)
        else:
            step = int(across), int(float(down))
            x, y = step if command == "M" else (x + step[0], y + step[1])
    drawn = ["".join("01"[int(module)] for module in row[QUIET_ZONE:-QUIET_ZONE]) for row in dark]
    assert drawn[QUIET_ZONE:-QUIET_ZONE] == rows


def test_a_svg_is_one_element_without_anything_that_runs_or_loads() -> None:
    svg = qr_svg(ORDER.tickets[0].code, "Ticket")
    assert svg.count("<svg") == 1
    assert not re.search(r"script|href|style|onload|url\(|<\?xml", svg)


# The PDF


def test_a_page_says_everything_about_its_ticket() -> None:
    texts = pages(ORDER)
    assert len(texts) == 2
    for text, ticket, number in zip(texts, ORDER.tickets, (1, 2), strict=True):
        for said in ("Faust", "Große Halle, Salzburg", "Fri 28 February 2031, 00:06 CET", "Süd"):
            assert said in text
        for said in (ticket.seat, str(ticket.price), "Zoë Łukasiewicz", ORDER.reference):
            assert said in text
        assert f"Ticket {number} of 2" in text
        assert ticket.code in squeezed(text)


def test_the_code_on_a_page_is_read_by_a_scanner() -> None:
    """The rectangles of the page's drawing, painted on a raster of its modules."""
    for page, ticket in zip(
        PdfReader(io.BytesIO(tickets_pdf(ORDER))).pages, ORDER.tickets, strict=True
    ):
        contents: Any = page.get_contents()
        boxes = np.array(
            [
                [float(number) for number in numbers]
                for numbers, op in contents.operations
                if op == b"re"
            ]
        )
        modules = boxes[np.isclose(boxes[:, 3], np.median(boxes[:, 3]))]
        module = float(np.median(boxes[:, 3]))
        left, top = modules[:, 0].min(), modules[:, 1].min()
        dark = np.zeros((41, 41), dtype=bool)
        for x, y, width, height in modules:
            column, row = round((x - left) / module), round((y - top) / module)
            dark[row : row + round(height / module), column : column + round(width / module)] = True
        assert read_code(dark) == ticket.code


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_script_is_printed_and_can_be_searched_for(name: str) -> None:
    (text,) = pages(replace(ORDER, holder=name, tickets=ORDER.tickets[:1]))
    assert letters(name) in letters(text)
    assert REPLACEMENT not in text


@pytest.mark.parametrize("name", ["محمد بن علي", "נועה כהן"])
def test_a_name_from_right_to_left_is_printed(name: str) -> None:
    """Extraction gives letters in the order in which they stand on the page."""
    (text,) = pages(replace(ORDER, holder=name, tickets=ORDER.tickets[:1]))
    assert REPLACEMENT not in text
    assert letters(name) in letters(text) or letters(name)[::-1] in letters(text)


def test_a_letter_that_no_face_has_is_replaced_by_its_plain_form_or_by_a_sign() -> None:
    assert printable("ᏣᎳᎩ x") == REPLACEMENT * 3 + " x"
    assert printable("\N{MATHEMATICAL BOLD CAPITAL F}aust") == "Faust"
    assert printable("a\U000e0041b") == "ab"


def test_texts_that_are_too_long_are_made_smaller_and_in_the_end_cut_short() -> None:
    name = "An Evening Of Chamber Music By Forgotten Composers " * 4
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 3
    show = replace(SHOW, name=name[:200], venue=word[:200])
    order = replace(ORDER, show=show, holder=word[:200], tickets=(a_ticket(0, word[:200]),))
    reader = PdfReader(io.BytesIO(tickets_pdf(order)))
    assert len(reader.pages) == 1
    places = list[tuple[float, float]]()

    def visit(text: str, _cm: Any, tm: list[float], _font: Any, _size: Any) -> None:
        if text.strip():
            places.append((tm[4] * MM_PER_POINT, tm[5] * MM_PER_POINT))

    text = reader.pages[0].extract_text(visitor_text=visit)
    assert squeezed(name[:200]) in squeezed(text)
    assert "…" in text
    assert all(0 < x < PAGE_WIDTH and 0 < y < PAGE_HEIGHT for x, y in places)


def test_a_ticket_without_a_name_has_no_field_for_it() -> None:
    (text,) = pages(replace(ORDER, holder="", tickets=ORDER.tickets[:1]))
    assert "NAME" not in text
    assert "NAME" in pages(ORDER)[0]


def test_names_are_text_and_never_a_command() -> None:
    evil = "{nb} **bold** (x) \\ [link](http://x) \x00\r\n%PDF"
    (text,) = pages(replace(ORDER, show=replace(SHOW, name=evil), tickets=ORDER.tickets[:1]))
    assert squeezed(one_line(evil)) in squeezed(text)


def test_the_same_order_is_the_same_file_also_in_another_process() -> None:
    program = (
        "import hashlib\n"
        "from tests.unit.test_ticket_documents import ORDER, tickets_pdf\n"
        "print(hashlib.sha256(tickets_pdf(ORDER)).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_file_names_the_show_and_the_time_of_the_payment() -> None:
    data = PdfReader(io.BytesIO(tickets_pdf(ORDER))).metadata
    assert data is not None
    assert data.title == "Tickets: Faust"
    assert data.creation_date == datetime.fromtimestamp(1_900_000_000, UTC)


# Times, references and names


def test_a_time_is_that_of_the_venue_and_says_so() -> None:
    assert (SHOW.date(), SHOW.time()) == ("Fri 28 February 2031", "00:06 CET")
    utc = replace(SHOW, time_zone="UTC")
    assert (utc.date(), utc.time()) == ("Thu 27 February 2031", "23:06 UTC")
    assert replace(SHOW, time_zone="Asia/Kathmandu").time() == "04:51 (UTC+0545)"
    assert replace(SHOW, time_zone="America/New_York").time() == "18:06 EST"


def test_a_reference_can_be_read_out_and_does_not_lead_back_to_the_order() -> None:
    orders = [f"order-{n}" for n in range(2_000)]
    references = {order_reference(order) for order in orders}
    assert len(references) == len(orders)
    assert all(re.fullmatch(r"[A-HJ-NP-Z2-9]{5}-[A-HJ-NP-Z2-9]{5}", one) for one in references)
    assert order_reference("order-1") == ORDER.reference


def test_the_codes_of_an_order_are_not_in_its_repr() -> None:
    assert "FR1." not in repr(ORDER)


def test_a_name_becomes_one_composed_line() -> None:
    assert one_line(" A\r\nB\tC\x00\x85D  ") == "A B C D"
    assert one_line("Zoe\u0308") == "Zoë"


def test_the_total_is_the_sum_of_the_prices() -> None:
    assert ORDER.total == Money(7550, "EUR")


# The calendar


def test_a_calendar_has_one_entry_that_says_when_where_and_which_seats() -> None:
    calendar: Any = Calendar.from_ical(calendar_of(ORDER))
    (entry,) = calendar.walk("VEVENT")
    assert calendar["version"] == "2.0"
    assert entry["uid"] == f"{ORDER.reference.lower()}.{SHOW.show_id}@frontrow"
    assert entry.decoded("dtstart") == datetime.fromtimestamp(1_930_000_000, UTC)
    assert entry["summary"] == "Faust"
    assert entry["location"] == "Große Halle, Salzburg"
    seats = ["Parkett-A-14 (Süd)", "Łoża-Ż-2 (Süd)"]
    assert entry["description"] == "\n".join([*seats, f"Order {ORDER.reference}"])


def test_a_calendar_is_the_same_every_time_and_holds_no_code() -> None:
    calendar = calendar_of(ORDER)
    assert calendar_of(ORDER) == calendar
    assert b"FR1." not in calendar.replace(b"\r\n ", b"")


def test_the_lines_of_a_calendar_are_short_and_names_add_none() -> None:
    evil = "Faust\r\nATTENDEE:mailto:thief@example.net;,\\ " + "ж" * 200
    calendar = calendar_of(replace(ORDER, show=replace(SHOW, name=evil)))
    lines = calendar.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert not [line for line in lines if line.startswith(b"ATTENDEE")]
    parsed: Any = Calendar.from_ical(calendar)
    assert parsed.walk("VEVENT")[0]["summary"] == one_line(evil)
