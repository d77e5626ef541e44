"""Every text of the pages is there in every language, with the same places to fill in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from serve_app.web.language import CATALOGS, LANGUAGES, language

WEB = CATALOGS.parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"trimmed": "false", "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
PLACE = re.compile(r"%\((\w+)\)s")

OTHERS = LANGUAGES[1:]


def texts() -> set[str | tuple[str, ...]]:
    """What the code and the templates say; a text with a plural is a pair."""
    found = extract_from_dir(WEB, METHODS, OPTIONS, keywords=KEYWORDS)
    return {message for _, _, message, _, _ in found if message}


def catalog(code: str) -> Catalog:
    with Path(CATALOGS / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


def messages(code: str) -> Iterator[Message]:
    return (message for message in catalog(code) if message.id)


def forms(texts: object) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)  # type: ignore[arg-type]


def test_there_are_texts() -> None:
    assert "Seat by seat" in texts()
    assert "Somebody was faster" in texts()


@pytest.mark.parametrize("code", OTHERS)
def test_a_catalog_has_the_texts_that_there_are_and_no_other(code: str) -> None:
    translated = {forms(message.id) for message in messages(code)}
    assert translated == {forms(text) for text in texts()}


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_is_finished_and_has_the_same_places(code: str) -> None:
    for message in messages(code):
        assert not message.fuzzy, message.id
        places = {frozenset(PLACE.findall(form)) for form in forms(message.id)}
        for form in forms(message.string):
            assert form, message.id
            assert frozenset(PLACE.findall(form)) in places, message.id


def test_a_language_has_its_plural() -> None:
    german = language("de").texts
    assert german.gettext("Shows") == "Vorstellungen"
    assert german.ngettext("%(number)s ticket", "%(number)s tickets", 1) == "%(number)s Karte"
    assert german.ngettext("%(number)s ticket", "%(number)s tickets", 2) == "%(number)s Karten"
