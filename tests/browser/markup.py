"""What is wrong with the HTML of a page: what a strict parser finds (WHATWG HTML, 13.2), and what it does not see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from xml.etree.ElementTree import Element

import html5lib

HEADINGS = {f"h{level}": level for level in range(1, 7)}
LABELLED = ("input", "select", "textarea", "meter", "progress", "output")
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls")


def faults_of(text: str, language: str) -> list[str]:
    """What is wrong with a page in this language."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    root = parser.parse(text)
    return [
        *(f"{code} at {place} {data}" for place, code, data in parser.errors),
        *_of_the_frame(root, language),
        *_of_ids(root),
        *_of_headings(root),
        *(f"no label: {dict(one.attrib)}" for one in _unlabelled(root)),
        *(f"no alt: {dict(one.attrib)}" for one in root.iter("img") if "alt" not in one.attrib),
    ]


def _of_the_frame(root: Element, language: str) -> Iterator[str]:
    if root.get("lang") != language:
        yield f"lang is {root.get('lang')}"
    title = root.findtext("head/title")
    if not (title and title.strip(" -")):
        yield "no title"
    if len([*root.iter("main")]) != 1:
        yield "not one main"


def _of_ids(root: Element) -> Iterator[str]:
    ids = Counter(one.get("id") for one in root.iter() if one.get("id") is not None)
    yield from (f"id twice: {name}" for name, times in ids.items() if times > 1)
    for one in root.iter():
        for attribute in REFERENCES:
            for name in (one.get(attribute) or "").split():
                if name not in ids:
                    yield f"{attribute} of nothing: {name}"
        target = one.get("href", "")
        if target.startswith("#") and target[1:] not in ids:
            yield f"link to nothing: {target}"


def _of_headings(root: Element) -> Iterator[str]:
    levels = [HEADINGS[one.tag] for one in root.iter() if one.tag in HEADINGS]
    if levels.count(1) != 1 or levels[0] != 1:
        yield f"headings do not begin with the one h1: {levels}"
    if any(after > before + 1 for before, after in pairwise(levels)):
        yield f"headings jump: {levels}"


def _unlabelled(root: Element) -> Iterator[Element]:
    """Controls that no label holds, names, or is put on."""
    held = {control for label in root.iter("label") for control in label.iter()}
    named = {label.get("for") for label in root.iter("label")}
    for one in root.iter():
        if one.tag not in LABELLED or one.get("type") == "hidden" or one in held:
            continue
        if one.get("id") not in named and not one.get("aria-label"):
            yield one
