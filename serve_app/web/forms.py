"""Forms: read within limits, and with a trap for machines that fill in everything."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from serve_app.bodies import media_type, read_body
from serve_app.problems import Problem

FORM_BYTES_MAX = 64 * 1024
FIELDS_MAX = 1_000
FIELD_CHARS_MAX = 500

FORM = "application/x-www-form-urlencoded"

TRAP = "website"
"""A field that no person sees. What fills it in is a program: one that buys, which is counted like anybody who asks (a
quota of holds), or one that helps a person to fill in forms, who is told what has happened."""


class Form:
    """The fields of a form, in the order in which they were sent."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def one(self, name: str) -> str:
        """The first field of this name, without the spaces around it; empty when there is none."""
        return next((value.strip() for key, value in self._fields if key == name), "")

    def every(self, name: str) -> list[str]:
        """The fields of this name as they are: a seat may have spaces around its name."""
        return [value for key, value in self._fields if key == name]

    def number(self, name: str) -> int:
        """A whole number; 0 when nothing was filled in. 422 for what is no number."""
        text = self.one(name)
        if not text:
            return 0
        if not (text.isascii() and text.isdigit() and len(text) <= 6):
            raise Problem("invalid_request", f"{name}: not a number")
        return int(text)

    def named(self, prefix: str) -> list[tuple[str, str]]:
        """The fields whose names begin with `prefix`, by the rest of the name."""
        return [
            (key.removeprefix(prefix), value.strip())
            for key, value in self._fields
            if key.startswith(prefix)
        ]


async def form_of(request: Request) -> Form:
    """The form that a request brings. 415, 413 or 422 when it is none of ours, or was filled in by a machine."""
    if media_type(request) != FORM:
        raise Problem("unsupported_media_type", f"send {FORM}")
    body = await read_body(request, FORM_BYTES_MAX)
    try:
        fields = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=FIELDS_MAX,
            errors="strict",
        )
    except ValueError:
        raise Problem("invalid_request", "the form cannot be read") from None
    if any(len(key) > FIELD_CHARS_MAX or len(value) > FIELD_CHARS_MAX for key, value in fields):
        raise Problem("invalid_request", "a field is too long")
    form = Form(fields)
    if form.one(TRAP):
        raise Problem("automated_form")
    return form
