"""A post as lists show it: small enough to hold those of a whole archive in memory."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Final

from archive.model import JSON
from archive.views.reader.version import Version

_SUMMARY_CHARACTERS: Final = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """What a list tells of a post. `when`: ISO 8601, of publication or (not `dated`) of the first fetch, by the post's
    own clock. `picture`: its place in the reader. `changed`: when the newest version is from, for feeds.
    `fetched`: when that was fetched.
    """

    site: str
    id: str
    title: str
    author: str
    site_title: str
    summary: str
    when: str
    dated: bool
    changed: str
    fetched: str
    url: str
    lang: str | None
    categories: tuple[str, ...]
    tags: tuple[str, ...]
    picture: str | None
    width: int | None
    height: int | None
    versions: int

    @property
    def name(self) -> str:
        return f"{self.site}/{self.id}"

    @property
    def key(self) -> str:
        """The page of the post."""
        return f"posts/{self.site}/{self.id}/index.html"

    @property
    def day(self) -> str:
        return self.when[:10]

    @property
    def month(self) -> str:
        return self.when[:7]

    @property
    def order(self) -> tuple[float, str, str]:
        """Sorts cards from the oldest to the newest."""
        moment = datetime.fromisoformat(self.when)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), self.site, self.id

    @property
    def row(self) -> dict[str, JSON]:
        return asdict(self)


def card_of(version: Version, text: str, versions: int) -> Card:
    """The card of a post's newest version. text: the beginning of its body as text."""
    picture = version.head or next(iter(version.pictures.values()), None)
    changed = version.fetched if versions > 1 else version.updated or version.published or version.fetched
    return Card(
        site=version.ref.site,
        id=version.ref.id,
        title=version.title,
        author=version.author,
        site_title=version.site_title,
        summary=shortened(version.description or text),
        when=version.moment.isoformat(),
        dated=version.published is not None,
        changed=changed.isoformat(),
        fetched=version.fetched.isoformat(),
        url=version.url,
        lang=version.lang,
        categories=version.categories,
        tags=version.tags,
        picture=picture.place if picture else None,
        width=picture.width if picture else None,
        height=picture.height if picture else None,
        versions=versions,
    )


def card_from(row: dict[str, JSON]) -> Card:
    """The card of its `row`. Raises TypeError, ValueError, KeyError where it is none."""
    names = {each.name for each in fields(Card)}
    if set(row) != names:
        raise ValueError(f"not a card: {sorted(row)}")
    card = Card(**{**row, "categories": tuple(row["categories"]), "tags": tuple(row["tags"])})
    _ = card.order
    return card


def shortened(text: str) -> str:
    """A text of at most some characters, cut where it is longer.

    >>> shortened("长" * 200) == "长" * 120 + "…"
    True
    """
    return text if len(text) <= _SUMMARY_CHARACTERS else f"{text[:_SUMMARY_CHARACTERS].rstrip()}…"
