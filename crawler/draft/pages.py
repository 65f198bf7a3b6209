"""Pages as they were had, from disk or from the site, with the addresses they came from. Pure but for `read_files`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from archive.errors import UsageError
from crawler.draft.lists import links
from crawler.extract import Page
from crawler.pages import absolute, decode_page

_SAVED_FROM = re.compile(
    rb"<!--\s*(?:saved from url=\(\d+\)|.{0,40}?\burl:\s*)(https?://[^\s>]+)", re.IGNORECASE | re.DOTALL
)
_HEAD_BYTES = 4096
_MOST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A page as it was had: its final address, its bytes, and when. `name` is what a person calls it: a file or a URL.

    `content_type` is the header's, empty where the page comes from a file.
    """

    name: str
    url: str
    body: bytes
    content_type: str
    fetched_at: datetime

    @cached_property
    def page(self) -> Page:
        return Page.of(self.url, self.body, self.content_type)

    @property
    def encoding(self) -> str:
        return decode_page(self.body, self.content_type)[1]


def read_files(files: Sequence[Path], urls: Sequence[str] = ()) -> tuple[Seen, ...]:
    """Saved pages; the time of their fetch is that of the file.

    urls: the addresses they came from, in the files' order; where there are fewer, the page itself has to say it, or
    its file has to be named as a link of another page is. Raises UsageError naming the file that cannot be read or
    whose address nobody tells.
    """
    if len(urls) > len(files):
        raise UsageError(f"{len(urls)} times --url for {len(files)} files: give one for each file, in their order")
    bodies = [_read(file) for file in files]
    given = [*urls, *([""] * (len(files) - len(urls)))]
    known = {file: url or said_url(body) for file, url, body in zip(files, given, bodies, strict=True)}
    told = {file: url for file, url in known.items() if url}
    for file, url in told.items():
        if not is_web_address(url):
            raise UsageError(
                f"{file}: {url!r} is no web address: give one such as --url https://www.example.com/p/1.html"
            )
    by_file = dict(zip(files, bodies, strict=True))
    linked = _linked(told, by_file)
    seen = []
    for file, body in by_file.items():
        url = told.get(file) or linked.get(file.name, "")
        if not url:
            raise UsageError(
                f"{file}: nothing tells the address it came from (no canonical link, og:url or 'saved from' comment, "
                "and no other page links to a file of its name): give it with --url, once for each file in their order"
            )
        saved_at = datetime.fromtimestamp(int(file.stat().st_mtime), UTC)
        seen.append(Seen(name=str(file), url=urldefrag(url).url, body=body, content_type="", fetched_at=saved_at))
    return tuple(seen)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            body = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}: name a saved page, or the address of one") from error
    if len(body) > _MOST_BYTES:
        raise UsageError(f"{file}: larger than {_MOST_BYTES >> 20} MiB: that is no page")
    if not body.strip():
        raise UsageError(f"{file}: the file is empty: save the page again")
    return body


def said_url(body: bytes) -> str:
    """The address that a saved page says it came from: the browser's comment, the canonical link, og:url; else nothing.

    >>> said_url(b'<!-- saved from url=(0021)https://e.com/p/1.html --><html>')
    'https://e.com/p/1.html'
    """
    match = _SAVED_FROM.search(body[:_HEAD_BYTES])
    if match:
        return match[1].decode("ascii", "replace")
    tree = Page.of("", body).tree
    for css in ("link[rel=canonical]::attr(href)", 'meta[property="og:url"]::attr(content)'):
        url = (tree.css(css).get() or "").strip()
        if is_web_address(url):
            return url
    return ""


def is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(re.fullmatch(r"[A-Za-z0-9.-]+", parts.hostname or ""))


def _linked(told: Mapping[Path, str], bodies: Mapping[Path, bytes]) -> dict[str, str]:
    """Addresses by the name a page would be saved under, of all links of the pages whose own address is told."""
    found: dict[str, str] = {}
    for file, url in told.items():
        page = Page.of(url, bodies[file])
        for _, target in links(page, site_hosts(url)):
            found.setdefault(unquote(urlsplit(target).path.rstrip("/").rpartition("/")[2]), target)
    found.pop("", None)
    return found


def site_hosts(url: str) -> tuple[str, ...]:
    """The hosts of one site: the address's own, and the same with or without www.

    >>> site_hosts("https://www.example.com/x"), site_hosts("https://m.example.com/")
    (('www.example.com', 'example.com'), ('m.example.com',))
    """
    host = urlsplit(url).hostname or ""
    if host.startswith("www."):
        return host, host.removeprefix("www.")
    return (host, f"www.{host}") if host.count(".") == 1 else (host,)


def feeds_of(pages: Sequence[Page], hosts: Sequence[str]) -> tuple[str, ...]:
    """Addresses of the site's feeds that its pages name, those of comments left out."""
    found: dict[str, None] = {}
    for page in pages:
        found |= dict.fromkeys(_feeds_in(page, hosts))
    # WordPress names one for the comments of each article: those have the article's path.
    paths = [path for page in pages if (path := urlsplit(page.url).path.rstrip("/") + "/") != "/"]
    return tuple(url for url in found if not any(urlsplit(url).path.startswith(path) for path in paths))


def _feeds_in(page: Page, hosts: Sequence[str]) -> Iterator[str]:
    for link in page.tree.root.iter("link"):
        kind = (link.get("type") or "").lower()
        href = (link.get("href") or "").strip()
        if "alternate" in (link.get("rel") or "").lower().split() and href and re.search(r"rss|atom|feed\+json", kind):
            url = absolute(page.url, href)
            named = f"{url} {link.get('title') or ''}"
            if url and urlsplit(url).hostname in hosts and not re.search(r"comment|评论", named, re.IGNORECASE):
                yield url
