"""The newest posts as an Atom feed (RFC 4287).

Nobody knows where the reader will lie, so links in the feed are relative references, which RFC 4287 resolves against
the feed's own address; ids are names that are made of the archive's id and stay the same wherever it lies. An entry
holds a post's summary, not its text: pictures in it would be relative, too, and few programs for feeds find those.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from archive.model import JSON, digest_of_json
from archive.reader import ArchiveInfo
from archive.views.reader.card import Card
from archive.views.reader.frame import FEED_KEY, Look, link
from archive.views.reader.version import is_web
from archive.views.tree import File

ENTRIES: Final = 50
_ATOM: Final = "http://www.w3.org/2005/Atom"


def feed_file(cards: Sequence[Card], info: ArchiveInfo, look: Look, choice: Mapping[str, JSON]) -> File:
    """The feed of some cards, which stand from the oldest to the newest. choice: which posts these are."""
    newest = list(reversed(cards[-ENTRIES:]))
    space = _space(info.id)
    name = uuid.uuid5(space, digest_of_json(choice)) if any(choice.values()) else space
    feed = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
    feed.set("{http://www.w3.org/XML/1998/namespace}lang", look.words["lang"])
    _add(feed, "id", name.urn)
    _add(feed, "title", look.title)
    _add(feed, "updated", max((_time(card.changed) for card in newest), default=_utc(info.created)))
    _add(feed, "link", rel="self", type="application/atom+xml", href=FEED_KEY)
    _add(feed, "link", rel="alternate", type="text/html", href="index.html")
    _add(feed, "icon", "icon.svg")
    _add(feed, "generator", "Birdnest")
    for card in newest:
        _entry(feed, card, space)
    data = etree.tostring(feed, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return File(key=FEED_KEY, data=data, content_type="application/atom+xml; charset=utf-8")


def _entry(feed: etree._Element, card: Card, space: uuid.UUID) -> None:
    entry = etree.SubElement(feed, f"{{{_ATOM}}}entry")
    _add(entry, "id", uuid.uuid5(space, card.name).urn)
    _add(entry, "title", card.title)
    _add(entry, "updated", _time(card.changed))
    if card.dated:
        _add(entry, "published", _time(card.when))
    author = _add(entry, "author")
    _add(author, "name", card.author or card.site_title)
    _add(entry, "link", rel="alternate", type="text/html", href=link(FEED_KEY, card.key))
    if is_web(card.url) and _is_iri(card.url):
        _add(entry, "link", rel="via", href=card.url)
    for tag in card.tags:
        _add(entry, "category", term=tag)
    if card.summary:
        _add(entry, "summary", card.summary)


def _add(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    element.text = text
    return element


def _space(archive: str) -> uuid.UUID:
    try:
        return uuid.UUID(archive)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_URL, archive)


def _time(text: str) -> str:
    return _utc(datetime.fromisoformat(text))


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()}Z"


def _is_iri(url: str) -> bool:
    """Whether an address has none of the characters that an IRI (RFC 3987) must not have."""
    return not any(character in '<>"{}|\\^`' for character in url)
