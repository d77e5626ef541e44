"""The languages of the pages: which one a visitor reads, and how it writes dates, numbers and money.

Texts are gettext's: templates and code have English, `locale/XX/LC_MESSAGES/messages.po` the others, read when the
process starts. What a language calls a month or a currency comes from the CLDR, through Babel.
"""

from __future__ import annotations

import io
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel import Locale
from babel.dates import format_datetime, get_timezone, get_timezone_name
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from starlette.requests import Request

from actors.domain.money import MINOR_DIGITS
from cluster.time_zones import local, zone_name

CATALOGS = Path(__file__).parent / "locale"
LANGUAGES = ("en", "de")
"""The first is the one of the texts in the code, and of a visitor who reads none of them."""

DAYS = {"en": "EEE d MMM y", "de": "EEE, d. MMM y"}
"""How a day is written. The CLDR's own pattern for English is American."""

COOKIE = "language"
PARAMETER = "lang"
FIGURES_KEPT_MAX = 10_000
"""Amounts and numbers that stay written: the page of a large show has hundreds, and they hardly change."""

ACCEPTED_MAX = 20
"""Languages of one Accept-Language header that are looked at."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language. Times are those of the venue's clocks, and say which."""

    code: str
    locale: Locale
    texts: NullTranslations

    def money(self, amount: int, currency: str) -> str:
        """`amount` in minor units, with all digits that the currency has for Frontrow: the CLDR would round some."""
        return _money(self.code, amount, currency)

    def number(self, value: int) -> str:
        return _number(self.code, value)

    def moment(self, milliseconds: int, time_zone: str) -> str:
        """A moment (ms since the epoch) with its weekday, by the clocks of this zone: `Tue 1 Jul 2031, 20:30 CEST`."""
        at = local(milliseconds, time_zone)
        day = format_datetime(at, DAYS[self.code], get_timezone(time_zone), self.locale)
        return f"{day}, {at:%H:%M} {self._zone_name(at)}"

    def _zone_name(self, at: datetime) -> str:
        """As this language calls it (`MESZ`), where the CLDR has a short name; else as everybody does."""
        name = get_timezone_name(at, "short", locale=self.locale)
        return name if name.isalpha() else zone_name(at)


@lru_cache(FIGURES_KEPT_MAX)
def _money(code: str, amount: int, currency: str) -> str:
    locale, digits = language(code).locale, MINOR_DIGITS.get(currency, 2)
    pattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    value = Decimal(amount).scaleb(-digits)
    return pattern.apply(value, locale, currency=currency, currency_digits=False)


@lru_cache(FIGURES_KEPT_MAX)
def _number(code: str, value: int) -> str:
    return format_decimal(value, locale=language(code).locale)


@cache
def language(code: str) -> Language:
    """The language with this code, which is one of LANGUAGES."""
    path = CATALOGS / code / "LC_MESSAGES" / "messages.po"
    return Language(code, Locale.parse(code), _texts(path) if path.exists() else NullTranslations())


def _texts(path: Path) -> GNUTranslations:
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source))
    compiled.seek(0)
    return GNUTranslations(compiled)


def language_of(request: Request) -> Language:
    """What the address asks for, else what was chosen before, else what the browser accepts (RFC 9110, 12.5.4)."""
    chosen = (request.query_params.get(PARAMETER), request.cookies.get(COOKIE))
    for code in (*chosen, *_accepted(request.headers.get("Accept-Language", ""))):
        if code in LANGUAGES:
            return language(code)
    return language(LANGUAGES[0])


def _accepted(header: str) -> list[str]:
    """The languages of an Accept-Language header without their regions, the most wanted first."""
    wanted = list[tuple[float, str]]()
    for item in header.split(",")[:ACCEPTED_MAX]:
        tag, _, weight = item.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if quality > 0:
            wanted.append((-quality, tag.partition("-")[0].lower()))
    return [code for _, code in sorted(wanted, key=lambda one: one[0])]
