"""Times, sizes and texts of runs in words, for pages in one language. What reports hold is shown, and never trusted."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from sys import intern
from typing import Any, Final
from urllib.parse import urlsplit

from archive.model import RunReport
from archive.runs import RunFacts
from archive.views.reader.run_words import RUN_WORDS

_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
_NOTHING: Final[Mapping[str, int]] = {}
_THOUSAND: Final = 1000
_LINK_CHARACTERS: Final = 2000
_SHOWN_CHARACTERS: Final = 200


def clean(text: str, most: int) -> str:
    r"""A text of at most so many characters that a page can hold: no controls, no halves of characters.

    >>> clean("a\x00b\udc80\u202ec\nd", 10)
    'a�b��c d'
    >>> clean("abcdef", 4)
    'abc…'
    """
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return "".join(_shown(character) for character in cut)


def _shown(character: str) -> str:
    if character in "\t\n\r":
        return " "
    if character in _DIRECTIONS or unicodedata.category(character) in ("Cc", "Cs"):
        return "\N{REPLACEMENT CHARACTER}"
    return character


def kept(report: RunReport) -> RunFacts:
    """The facts of a run in texts that any page can hold, and that are short enough to hold those of all runs."""
    facts = RunFacts.of(report)
    return replace(
        facts,
        site=intern(clean(facts.site, 80)),
        verdict=intern(clean(facts.verdict, 60)),
        reason=clean(facts.reason, 300),
        failures=_named(facts.failures),
        expected_failures=_named(facts.expected_failures),
        missing=_named(facts.missing),
    )


def _named(counts: Mapping[str, int]) -> Mapping[str, int]:
    if not counts:
        return _NOTHING
    found: dict[str, int] = {}
    for name, count in counts.items():
        short = intern(clean(name, 60))
        found[short] = found.get(short, 0) + count
    return found


@dataclass(frozen=True, kw_only=True)
class Address:
    """A URL as it is shown, and as it is linked: None where it is none of the web's."""

    text: str
    href: str | None


def address(url: str) -> Address:
    """A URL of a report.

    >>> address("javascript:alert(1)")
    Address(text='javascript:alert(1)', href=None)
    """
    try:
        web = urlsplit(url).scheme in ("http", "https") and len(url) <= _LINK_CHARACTERS and clean(url, len(url)) == url
    except ValueError:
        web = False
    return Address(text=clean(url, _SHOWN_CHARACTERS), href=url if web else None)


@dataclass(frozen=True, kw_only=True)
class Teller:
    """Says numbers, times and verdicts in a language."""

    language: str

    @property
    def words(self) -> Mapping[str, str]:
        return RUN_WORDS[self.language]

    def say(self, key: str, **values: Any) -> str:
        return self.words[key].format(**values)

    def number(self, count: float) -> str:
        return f"{count:,.0f}"

    def size(self, count: float) -> str:
        """Bytes in decimal units, to three figures at most.

        >>> Teller(language="en").size(1_234_000), Teller(language="en").size(999), Teller(language="en").size(250e9)
        ('1.2 MB', '999 B', '250 GB')
        """
        units = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
        power = 0
        while count >= _THOUSAND and power < len(units) - 1:
            count /= _THOUSAND
            power += 1
        whole = power == 0 or count >= 10 or float(count).is_integer()  # noqa: PLR2004 - two figures are enough
        return f"{count:,.0f} {units[power]}" if whole else f"{count:.1f} {units[power]}"

    def time(self, seconds: float) -> str:
        """A stretch of time.

        >>> Teller(language="en").time(75), Teller(language="zh").time(7380)
        ('1 min 15 s', '2 小时 3 分')
        """
        minutes, rest = divmod(round(seconds), 60)
        hours, over = divmod(minutes, 60)
        if hours:
            return self.say("hours", hours=f"{hours:,}", minutes=over)
        return self.say("minutes", minutes=minutes, seconds=rest) if minutes else self.say("seconds", seconds=rest)

    def moment(self, at: datetime | None) -> str:
        return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if at else self.words["never"]

    def day(self, day: date) -> str:
        return day.isoformat()

    def age(self, seconds: float | None) -> str:
        if seconds is None:
            return self.words["unknown"]
        days = int(seconds // 86_400)
        return self.say("days", count=f"{days:,}") if days > 0 else self.words["under a day"]

    def verdict(self, verdict: str) -> str:
        return self.words.get(f"verdict {verdict}", verdict)

    def months(self) -> list[str]:
        return self.words["month names"].split()

    def weekday_names(self) -> list[str]:
        return self.words["weekday names"].split()
