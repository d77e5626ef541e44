"""The templates: Jinja2, with every text escaped and nothing undefined, once for each language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from serve_app.times import rfc3339
from serve_app.web.assets import ASSETS
from serve_app.web.language import Language, language

FOLDER = Path(__file__).parent / "templates"


def rendered(template: str, spoken: Language, context: Mapping[str, object]) -> str:
    """A template as HTML in this language."""
    return _environment(spoken.code).get_template(template).render(context)


@cache
def _environment(code: str) -> Environment:
    spoken = language(code)
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(spoken.texts, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "money": lambda amount, currency: spoken.money(amount, currency),
        "number": spoken.number,
        "moment": spoken.moment,
        "rfc3339": rfc3339,
    }
    environment.globals |= {
        "language": spoken,
        "asset": lambda name: ASSETS[name].href,
    }
    return environment
