"""An article's metadata: which of the page's claims and visible lines hold, each with where it was read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from crawler.generic.bylines import Byline, is_name, is_person
from crawler.generic.reading import Reading, folded
from crawler.generic.titles import Title, parts_of, site_of
from crawler.pages import absolute
from pipelines.dates import Moment, parse_moment

Pairs = Sequence[tuple[str, str]]
"""Values with where each was read, the most trusted first."""

_NO_PICTURE: Final = re.compile(
    r"logo|favicon|avatar|placeholder|default[-_]?(?:share|img|image)|^data:", re.IGNORECASE
)
_TRAIL: Final = re.compile(r"\s*[>»›＞→]+\s*|\s+/\s+")
_NO_SECTION: Final = re.compile(r"首[页頁]|正文|位置|^home$|^index$|^blog$", re.IGNORECASE)
_TAG_SEPARATOR: Final = re.compile(r"\s*[,，;；、|]\s*")
_ADDRESS_DAY: Final = re.compile(r"/((?:19|20)\d\d)[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?=[/_.-]|$|\d)")
_NAMES_YEAR: Final = re.compile(r"\d{4}|[〇零○一二三四五六七八九]{4}|民[国國]")
_COMPACT: Final = re.compile(r"^((?:19|20)\d\d)(0[1-9]|1[0-2])([0-3]\d)$")
_MAX_TAG: Final = 30
_MAX_TAGS: Final = 30
_MAX_TRAIL: Final = 120
_DAY_SECONDS: Final = 86_400
_NEVER: Final = datetime(2100, 1, 1, tzinfo=UTC)  # stands for the time of the fetch, which full dates do not need


@dataclass(frozen=True, kw_only=True)
class Given:
    """Values of a field, the best first, and where that was read."""

    values: tuple[str, ...]
    source: str | None

    @classmethod
    def of(cls, pairs: Pairs) -> Given:
        values = tuple(dict.fromkeys(value for value, _ in pairs))
        return cls(values=values, source=pairs[0][1] if pairs else None)

    @property
    def first(self) -> str | None:
        return self.values[0] if self.values else None


def site_title(said: Pairs, page_title: str) -> Given:
    named = site_of(page_title)
    return Given.of([*said, *([(named, "title")] if named else [])][:1])


def author(said: Pairs, byline: Byline, reading: Reading, *, site: Given, title: Title, page_title: str) -> Given:
    """The name that is told as the author's.

    First who wrote it says the page to its readers, then what it claims and somewhere shows, then the name beside the
    time, then the credited source. A claim that nothing on the page confirms counts only as a person's full name.
    """
    sites = {name.casefold() for name in site.values}
    behind = [part.casefold() for part in parts_of(page_title)[1:]]

    def fits(name: str) -> bool:
        folded_name = name.casefold()
        of_site = folded_name in sites or any(part.startswith(folded_name) for part in behind)
        return is_name(name) and not of_site and name != title.text

    claimed = [(_bare(name), source) for name, source in said]
    claimed = [pair for pair in claimed if fits(pair[0])]
    shown = {name for name, _ in (*byline.writers, *byline.beside_time, *byline.credited)}
    lines = {line.text for line in reading.lines} if claimed else set()
    confirmed = [
        (name, source)
        for name, source in claimed
        if name in shown or name in lines or source in ("json-ld", "microdata author") or is_person(name)
    ]
    writers = [pair for pair in byline.writers if pair[0] != title.text]
    together = [(_joined(confirmed), confirmed[0][1])] if confirmed else []
    return Given.of([*writers, *together, *byline.beside_time, *byline.credited][:1])


def _joined(confirmed: Pairs) -> str:
    """The claimed names of one source together."""
    names = dict.fromkeys(name for name, source in confirmed if source == confirmed[0][1])
    return "、".join(names) if any("\u4e00" <= name[0] <= "\u9fff" for name in names) else ", ".join(names)


def _bare(name: str) -> str:
    return re.sub(r"^(?:by|作者|文)[\s:：/]+", "", name.strip(), flags=re.IGNORECASE)


def published(said: Pairs, updated: Pairs, byline: Byline, url: str, *, chinese: bool) -> Given:
    """Times of publication. What the reader sees beats what machines are told where both name the same day.

    Not so on pages that are not Chinese: a visible time names no zone there, or one that few can read.
    """
    said = [(_COMPACT.sub(r"\1-\2-\3", value), source) for value, source in said]
    visible = byline.told(updates=False)
    told = [moment for value, _ in said[:1] if (moment := _moment(value))]
    full = [(pair, moment) for pair in visible if (moment := _moment(pair[0]))]
    best = [pair for pair, moment in full if moment.precision != "day" and _same_day(moment, told)]
    if not chinese and any(moment.precision != "day" for moment in told):
        best = []
    whole = _completed(visible, updated) if not said and not full else []
    days = [] if said or visible else [(day, "address") for day in _day_of(url)]
    return Given.of([*best[:1], *said, *(pair for pair, _ in full), *whole, *visible, *days])


def _moment(text: str) -> Moment | None:
    return parse_moment(text, fetched_at=_NEVER, zone="Asia/Shanghai") if _NAMES_YEAR.search(text) else None


def _same_day(moment: Moment, told: Sequence[Moment]) -> bool:
    return all(abs((moment.at - other.at).total_seconds()) < _DAY_SECONDS for other in told)


def _completed(visible: Pairs, updated: Pairs) -> list[tuple[str, str]]:
    """A time without a year, as the claim of an update tells it that names the same day and minute."""
    wanted = [[int(number) for number in re.findall(r"\d+", value)] for value, _ in visible]
    found = []
    for value, source in updated:
        _, *rest = [int(number) for number in re.findall(r"\d+", value)] or [0]
        if any(
            len(short) >= len(("month", "day", "hour", "minute")) and rest[: len(short)] == short for short in wanted
        ):
            found.append((value, source))
    return found


def _day_of(url: str) -> list[str]:
    match = _ADDRESS_DAY.search(url)
    return ["-".join(match.groups())] if match else []


def section(said: Pairs, reading: Reading, title: Title) -> Given:
    linked = [
        (folded("".join(reading.nodes[index].element.itertext())), "rel=category")
        for index in reading.anchors
        if "category" in (reading.nodes[index].element.get("rel") or "").split()
    ]
    return Given.of([*said, *linked[:1], *((name, "breadcrumb") for name in _trail(reading, title))][:1])


def _trail(reading: Reading, title: Title) -> Sequence[str]:
    """The innermost section of the trail that leads to the article: 首页 > 要闻 > 正文."""
    for line in reading.lines[: title.line]:
        parts = [part.strip() for part in _TRAIL.split(line.text)]
        if len(parts) > 1 and len(line.text) <= _MAX_TRAIL and line.linked > 0:
            named = [part for part in parts if part and part != title.text and not _NO_SECTION.search(part)]
            if named and len(named[-1]) <= _MAX_TAG:
                return [named[-1]]
    return []


def tags(said: Pairs, reading: Reading, title: Title) -> Given:
    marked = []
    for index in reading.anchors:
        element = reading.nodes[index].element
        kinds = (element.get("rel") or "").split()
        if "tag" in kinds and "category" not in kinds:
            marked.append((folded("".join(element.itertext())).lstrip("# "), "rel=tag"))
    if not marked and said:
        source = said[0][1]
        marked = [(tag, source) for value, of in said if of == source for tag in _TAG_SEPARATOR.split(value)]
    kept = [(tag, source) for tag, source in marked if 0 < len(tag) <= _MAX_TAG and tag != title.text]
    return Given.of(kept[:_MAX_TAGS])


def head_image(said: Pairs, url: str) -> Given:
    pairs = [(absolute(url, value), source) for value, source in said if not _NO_PICTURE.search(value)]
    return Given.of([(value, source) for value, source in pairs if value and value.startswith("http")][:1])
