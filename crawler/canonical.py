"""The canonical URL of a page of a site that nobody described, and the name that its host gives the site. Pure."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from w3lib.url import safe_url_string

_PORTS = {"http": 80, "https": 443}
_TRACKING = re.compile(r"utm_\w+|hm(?:sr|pl|cu|kw|ci)|mc_[ce]id|_hs(?:enc|mi)|oly_(?:enc|anon)_id|_g[al]|[gdwymt]?clid")
_TRACKING_NAMES = frozenset(
    (
        *("fbclid", "msclkid", "twclid", "ttclid", "gbraid", "wbraid", "igshid", "igsh", "mkt_tok", "vero_id"),
        *("wickedid", "spm", "scm", "bd_vid", "qhclickid", "share_token", "share_source", "share_medium"),
        *("share_from", "ref_src", "ref_url", "s_cid", "yclid", "dclid", "srsltid"),
    )
)
"""Parameters by which links are told apart and pages are not."""

_LABEL = r"[a-z0-9]+(?:(?:-+|_)[a-z0-9]+)*"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_SLUG = 200  # names of files that hold it have 255 bytes at most
_SLUG = re.compile(r"[a-z0-9]+(?:-+[a-z0-9]+)*")


def canonical_url(url: str) -> str | None:
    """A page's URL without fragment and tracking parameters, as it is requested; None where it is no web address.

    >>> canonical_url("HTTP://Example.com:80/a?utm_source=x&id=1#top")
    'http://example.com/a?id=1'
    >>> canonical_url("https://例子.中国")
    'https://xn--fsqu00a.xn--fiqs8s/'
    """
    try:
        parts = urlsplit(safe_url_string(url.strip()))
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:  # a malformed IPv6 address, a port out of range, a host that is no name
        return None
    if parts.scheme not in _PORTS or not host or parts.username is not None:
        return None
    place = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    kept = [pair for pair in parts.query.split("&") if not _tracks(pair)] if parts.query else []
    return urlunsplit((parts.scheme, place, parts.path or "/", "&".join(kept), ""))


def _tracks(pair: str) -> bool:
    name = unquote_plus(pair.split("=", 1)[0]).lower()
    return name in _TRACKING_NAMES or _TRACKING.fullmatch(name) is not None


def slug_of_host(host: str) -> str | None:
    """The name of a site that nobody described: its host with hyphens doubled and hyphens for dots, three for `_`.

    No two hosts have one name, and `host_of_slug` tells whose it is. None for what no name of a host can be: keys of
    the archive hold letters, digits and hyphens alone.

    >>> slug_of_host("my-site.example.com"), slug_of_host("a_b.example.com"), slug_of_host("-x.example.com")
    ('my--site-example-com', 'a---b-example-com', None)
    """
    if not _HOST.fullmatch(host):
        return None
    slug = re.sub(r"[-._]", lambda mark: {"-": "--", ".": "-", "_": "---"}[mark[0]], host)
    return slug if len(slug) <= _LONGEST_SLUG else None


def host_of_slug(slug: str) -> str | None:
    """The host that a site is named for; None where it is none's.

    >>> host_of_slug("my--site-example-com"), host_of_slug("a---b-example-com")
    ('my-site.example.com', 'a_b.example.com')
    """
    if not _SLUG.fullmatch(slug):
        return None

    def mark(run: re.Match[str]) -> str:
        length = len(run[0])
        return "." if length == 1 else "_" if length == 3 else "-" * (length // 2)  # noqa: PLR2004 - as written above

    host = re.sub(r"-+", mark, slug)
    return host if slug_of_host(host) == slug else None
