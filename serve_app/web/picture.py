"""The picture that messengers show beside a link to a show: drawn from its name, venue and time."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections import OrderedDict
from itertools import groupby

from PIL import Image, ImageDraw, ImageFont
from starlette.requests import Request
from starlette.responses import Response

from cluster.store.show import Show
from cluster.ticketing.typefaces import BOLD, LATIN, REGULAR, cut, face_of, printable
from serve_app.api.shows import existing_show
from serve_app.conditional import matches
from serve_app.runtime import runtime_of
from serve_app.web.language import LANGUAGES, language

WIDTH, HEIGHT = 1200, 630
"""Pixels: what the readers of Open Graph crop least."""

MARGIN = 80
NAME_SIZE, LINE_SIZE = 76, 40
LEADING = 1.3
NAME_LINES_MAX = 4
CHARS_MAX = 300
"""What does not fit into so many letters does not fit into the picture."""

PICTURES_KEPT_MAX = 200
CACHE = "public, max-age=86400"

_PAPER, _INK, _QUIET, _SIGN = "#15171b", "#ffffff", "#b9c0cc", "#3fbf86"

Run = tuple[str, str]
"""Letters that one face has, and the face."""


class Pictures:
    """The pictures of a replica that were asked for last. A name never changes: a picture is drawn once."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[str, bytes] = OrderedDict()
        self._drawing = asyncio.Lock()

    async def of(self, show: Show) -> bytes:
        """The PNG of a show: drawn in a thread, one at a time, for letters take their time to be cut."""
        async with self._drawing:
            if show.show_id not in self._drawn:
                when = language(LANGUAGES[0]).moment(show.starts_at, show.time_zone)
                self._drawn[show.show_id] = await asyncio.to_thread(
                    drawn, show.name, show.venue, when
                )
            self._drawn.move_to_end(show.show_id)
            while len(self._drawn) > PICTURES_KEPT_MAX:
                self._drawn.popitem(last=False)
            return self._drawn[show.show_id]


def drawn(name: str, venue: str, when: str) -> bytes:
    """A PNG of WIDTH by HEIGHT."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, 24, HEIGHT), fill=_SIGN)
    top = float(MARGIN)
    for line in _lines(pen, name, BOLD, NAME_SIZE)[:NAME_LINES_MAX]:
        _write(pen, line, BOLD, NAME_SIZE, top, _INK)
        top += NAME_SIZE * LEADING
    top = HEIGHT - MARGIN - 2 * LINE_SIZE * LEADING
    for text in (venue, when):
        line = _lines(pen, text, REGULAR, LINE_SIZE)[0]
        _write(pen, line, REGULAR, LINE_SIZE, top, _QUIET)
        top += LINE_SIZE * LEADING
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def _lines(pen: ImageDraw.ImageDraw, text: str, weight: int, size: int) -> list[str]:
    """The words of a text in lines that fit; a word that is too long by itself runs out of the picture."""
    lines = [""]
    for word in printable(text[:CHARS_MAX]).split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and _width(pen, longer, weight, size) > WIDTH - 2 * MARGIN:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _width(pen: ImageDraw.ImageDraw, text: str, weight: int, size: int) -> float:
    return sum(pen.textlength(run, _font(run, face, weight, size)) for run, face in _runs(text))


def _write(
    pen: ImageDraw.ImageDraw, text: str, weight: int, size: int, top: float, ink: str
) -> None:
    left = float(MARGIN)
    for run, face in _runs(text):
        font = _font(run, face, weight, size)
        pen.text((left, top + size), run, fill=ink, font=font, anchor="ls")
        left += pen.textlength(run, font)


def _runs(text: str) -> list[Run]:
    """A space belongs to the letters before it."""
    faces = [face_of(char) or LATIN for char in text]
    for place, char in enumerate(text):
        if char == " " and place:
            faces[place] = faces[place - 1]
    together = groupby(zip(text, faces, strict=True), key=lambda one: one[1])
    return [("".join(char for char, _ in run), face) for face, run in together]


def _font(run: str, face: str, weight: int, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(io.BytesIO(cut(face, weight, run)), size)


async def picture(request: Request) -> Response:
    """GET /shows/{show_id}/picture.png"""
    show = await existing_show(runtime_of(request), request.path_params["show_id"])
    body = await request.app.state.pictures.of(show)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": CACHE, "Cross-Origin-Resource-Policy": "cross-origin"}
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, "image/png")
