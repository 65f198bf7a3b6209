"""How much of what one body shows another one shows: shingles of text, pictures, links, headings, cells, listings.

Everything is counted with its multiplicity, so a paragraph that stands twice and is kept once is half lost. What was
removed on purpose is taken out of the wanted text first, and counted by rule (`Deliberate`), never silently.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final
from urllib.parse import parse_qs, unquote, urljoin, urlsplit

from benchmarks.clean_browser import BASE, Picture, Shown

_SHINGLE: Final = 5
# White space, and characters that have no width.
_UNSEEN: Final = re.compile(r"[\s\u00ad\u200b-\u200d\u2060\ufeff]+")
_MIN_DATA_CHARS: Final = 400  # a `data:` image shorter than that holds the place of another
_PLACEHOLDER: Final = re.compile(
    r"/(?:blank|gr[ae]y|loading|lazy|placeholder|spacer|pixel|transparent|t|b|s|1x1)\.\w+$"
)
_FORWARDS: Final = re.compile(r"link|go|redirect|jump|url|blog-entry", re.IGNORECASE)
_PARAMETERS: Final = ("target", "to", "url", "pfurl", "q", "u")
NOTHING: Final = re.compile(r"(?!)")
_IMAGE_FILE: Final = re.compile(r"\.(?:jpe?g|png|gif|webp|bmp|avif)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """How many of the wanted things an output has, and which it has not."""

    wanted: int = 0
    kept: int = 0
    lost: tuple[str, ...] = ()

    @classmethod
    def of(cls, wanted: Iterable[str], have: Iterable[str]) -> Kept:
        wanted = tuple(wanted)
        left = Counter(have)
        lost = []
        for one in wanted:
            if left[one] > 0:
                left[one] -= 1
            else:
                lost.append(one)
        return cls(wanted=len(wanted), kept=len(wanted) - len(lost), lost=tuple(lost))


@dataclass(frozen=True, kw_only=True)
class Deliberate:
    """What rules took out of the wanted (`removed`, rule → texts) or wrote (`written`) on purpose.

    `moved` is what stands in the metadata instead, pictures by their addresses: its links and pictures are not wanted.
    """

    removed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    written: tuple[str, ...] = ()
    moved: str = ""


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """What of one body is left in one output. `text` counts shingles, `added` those the body does not have."""

    text: Kept
    added: Kept
    images: Kept
    links: Kept
    headings: Kept
    cells: Kept
    listings: Kept


def compare(before: Shown, after: Shown, deliberate: Deliberate, drop: re.Pattern[str] = NOTHING) -> Fidelity:
    """Measure an output against its body; links and pictures whose address `drop` finds are not wanted."""
    wanted = squeezed(before.text)
    for texts in deliberate.removed.values():
        for text in texts:
            wanted = _without(wanted, squeezed(text))
    have = squeezed(after.text)
    for text in deliberate.written:
        have = _without(have, squeezed(text))
    known = [*shingles(wanted), *_missing(shingles(squeezed(before.text)), shingles(wanted))]
    added = Kept.of(shingles(have), known)
    pictures = {_image_key(image.src) for image in after.images}
    moved = squeezed(deliberate.moved)
    wanted_links = [key for key in link_keys(before, drop, moved) if key.removeprefix("picture ") not in pictures]
    return Fidelity(
        text=Kept.of(shingles(wanted), shingles(have)),
        added=Kept(wanted=added.wanted, kept=len(added.lost), lost=added.lost),
        images=_images(before.images, after.images, drop, moved),
        links=Kept.of(wanted_links, link_keys(after)),
        headings=Kept.of(_filled(before.headings), _filled(after.headings)),
        cells=Kept.of(_filled(before.cells), _filled(after.cells)),
        listings=_listings(before.listings, after.listings),
    )


def squeezed(text: str) -> str:
    r"""Text without white space.

    >>> squeezed(" 甲 乙\n　丙")
    '甲乙丙'
    """
    return _UNSEEN.sub("", text)


def shingles(text: str) -> list[str]:
    """Every run of five characters; a shorter text is one.

    >>> shingles("一二三四五六"), shingles("一")
    (['一二三四五', '二三四五六'], ['一'])
    """
    if len(text) < _SHINGLE:
        return [text] if text else []
    return [text[at : at + _SHINGLE] for at in range(len(text) - _SHINGLE + 1)]


def lost_runs(text: str, lost: Iterable[str]) -> list[str]:
    """The passages of a text that its lost shingles make up, for a person to read."""
    gone = set(lost)
    marked = [False] * len(text)
    for at in range(len(text) - _SHINGLE + 1):
        if text[at : at + _SHINGLE] in gone:
            marked[at : at + _SHINGLE] = [True] * _SHINGLE
    return [
        "".join(text[at] for at, _ in run) for is_lost, run in groupby(enumerate(marked), lambda x: x[1]) if is_lost
    ]


def _without(text: str, part: str) -> str:
    """The text without the last occurrence of a part: what goes by its text alone stands at the end."""
    at = text.rfind(part) if part else -1
    return text if at < 0 else text[:at] + text[at + len(part) :]


def _missing(all_: list[str], some: list[str]) -> list[str]:
    return list((Counter(all_) - Counter(some)).elements())


def _filled(texts: Iterable[str]) -> list[str]:
    return [text for text in map(squeezed, texts) if text]


def _images(before: tuple[Picture, ...], after: tuple[Picture, ...], drop: re.Pattern[str], moved: str) -> Kept:
    left = Counter(_image_key(image.src) for image in after)
    wanted, lost = 0, []
    for keys in content_images(before, drop):
        if any(key in moved for key in keys):
            continue
        wanted += 1
        found = next((key for key in keys if left[key] > 0), None)
        if found is None:
            lost.append(keys[0])
        else:
            left[found] -= 1
    return Kept(wanted=wanted, kept=wanted - len(lost), lost=tuple(lost))


def content_images(images: tuple[Picture, ...], drop: re.Pattern[str] = NOTHING) -> list[list[str]]:
    """The pictures a reader is meant to see, each as the names by which it may be kept.

    Counted is every image that is not hidden and has an address, in `src` or, not yet loaded, in another attribute
    or in `noscript`. Not counted are those of at most one pixel, and placeholders: a `src` that is a tiny `data:`, or
    named like one, or the same for images whose other addresses differ.
    """
    shared = Counter(image.src for image in images if image.lazy)
    found: list[list[str]] = []
    for image in images:
        if (_pixels(image.width) <= 1 and _pixels(image.height) <= 1) or drop.search(urljoin(BASE, image.src)):
            continue
        lazy = [key for address in image.lazy if not _is_placeholder(address) and (key := _image_key(address))]
        usable = image.src and not _is_placeholder(image.src) and not (lazy and shared[image.src] > 1)
        keys = [*([_image_key(image.src)] if usable else []), *lazy]
        if image.noscript and any(set(keys) & set(others) for others in found):
            continue
        if keys:
            found.append([*keys, *([_image_key(image.link)] if _IMAGE_FILE.search(image.link) else [])])
    return found


def _pixels(length: str) -> float:
    number = re.match(r"\s*(\d+(?:\.\d+)?)\s*(?:px)?\s*$", length)
    return float(number[1]) if number else 1e9


def _is_placeholder(src: str) -> bool:
    if src.startswith("data:"):
        return len(src) < _MIN_DATA_CHARS
    return bool(_PLACEHOLDER.search(src.partition("?")[0]))


def _image_key(src: str) -> str:
    """What survives mirrors, sizes and proxies: the longest part of the path, or a `data:` image's beginning.

    >>> _image_key("https://mmbiz.qpic.cn/mmbiz_png/sz_a1B2c3D4/640?wx_fmt=png")
    'sz_a1B2c3D4'
    >>> _image_key("https://proxy.example.com/?http://image.example.com/2022/a.png!/both/236x143")
    'a.png'
    """
    if src.startswith("data:"):
        return _UNSEEN.sub("", src)
    address = src.strip().rpartition("?http")[2]
    path = urlsplit(address).path if "://" in address or address[:1] == "/" else address
    parts = [unquote(part).partition("!")[0] for part in path.partition("?")[0].split("/")]
    files = [part for part in parts if _IMAGE_FILE.search(part)]
    key = files[-1] if files else max(parts, key=len)
    return re.sub(r"^(?:s|m|thumb|small)_(?=.{8})", "", key)


def link_keys(shown: Shown, drop: re.Pattern[str] = NOTHING, moved: str = "") -> list[str]:
    """Links by where they truly lead: address without scheme and forwarding pages, `#` and text inside the article.

    Links without content, and those that lead nowhere (`#`, `javascript:`), are not counted.
    """
    keys = []
    for link in shown.links:
        text = squeezed(link.text)
        if not text and not any(not drop.search(urljoin(BASE, src)) for src in link.pictures):
            continue
        if text and text in moved:
            continue
        if link.inside:
            keys.append(f"#{text}")
        elif link.href[:1] in ("#", "") or not link.url.startswith(("http", "mailto:")):
            continue
        elif not drop.search(link.url):
            is_picture = not text and _IMAGE_FILE.search(link.url)
            keys.append(f"picture {_image_key(link.url)}" if is_picture else _link_key(link.url))
    return keys


def _link_key(url: str) -> str:
    """An address as browsers and tools may write it, in one form.

    >>> _link_key("https://link.zhihu.com/?target=https%3A//example.com/%E7%94%B2/")
    'example.com/甲'
    """
    parts = urlsplit(urljoin(BASE, url))
    if _FORWARDS.search(parts.netloc + parts.path):
        query = parse_qs(parts.query)
        for name in _PARAMETERS:
            for value in query.get(name, ()):
                if re.match("https?:", unquote(value)):
                    return _link_key(unquote(value))
    return unquote(unquote(url)).partition("://")[2].rstrip("/ ") or url


def _listings(before: tuple[str, ...], after: tuple[str, ...]) -> Kept:
    """A listing is kept when all its characters are, in at least as many lines."""
    left = [(squeezed(text), len(_lines(text))) for text in after]
    wanted, lost = 0, []
    for text in before:
        key = squeezed(text)
        if not key:
            continue
        wanted += 1
        found = next((one for one in left if one[0] == key and one[1] >= len(_lines(text))), None)
        if found is None:
            lost.append(text[:200])
        else:
            left.remove(found)
    return Kept(wanted=wanted, kept=wanted - len(lost), lost=tuple(lost))


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]
