"""Addresses as they stand in a page → addresses a reader can follow."""

import re
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urljoin, urlsplit, urlunsplit

from pipelines.clean.rules import any_of

_CONTROL: Final = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\u200b]+")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_DATA_IMAGE: Final = re.compile(r"data:image/(?:png|jpe?g|gif|webp|avif|bmp);base64,[A-Za-z0-9+/=%_\-]+", re.IGNORECASE)
# What may stand in a URL as it is; everything else, raw Chinese first of all, becomes percent-encoded UTF-8.
_SAFE: Final = "!#$%&'()*+,-./:;=?@[]_~"
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAX_URL_CHARS: Final = 8192
# Absolute and well-formed already, as most are: nothing to do.
_READY: Final = re.compile(
    r"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?:/(?:[A-Za-z0-9!$&'()*+,./:;=@_~-]|%[0-9A-Fa-f]{2})*)?"
    r"(?:\?(?:[A-Za-z0-9!$&'()*+,./:;=?@_~-]|%[0-9A-Fa-f]{2})+)?(?:\#(?:[A-Za-z0-9!$&'()*+,./:;=?@_~-]|%[0-9A-Fa-f]{2})+)?"
)


def absolute(href: str, base_url: str, schemes: tuple[str, ...] = ("http", "https")) -> str | None:
    r"""The absolute URL, or None where it is empty, malformed or of a scheme that is not allowed.

    >>> absolute("//img.example.com/图 1.png", "https://example.com/a/")
    'https://img.example.com/%E5%9B%BE%201.png'
    >>> absolute("../b?x=1&y=50%#z", "https://example.com/a/c")
    'https://example.com/b?x=1&y=50%25#z'
    >>> absolute(" java\nscript:alert(1)", "https://example.com/") is None
    True
    """
    if _READY.fullmatch(href) and len(href) <= _MAX_URL_CHARS:
        return href
    href = href.strip(" \t\r\n\f\u00a0\u3000").replace("\t", "").replace("\n", "").replace("\r", "")
    if not href or len(href) > _MAX_URL_CHARS:
        return None
    scheme = _SCHEME.match(_CONTROL.sub("", href))
    if scheme and scheme[1].lower() not in schemes:
        # `www.example.com:80/x` and `文件:` are relative by accident; `javascript:` is not
        return None
    try:
        joined = urljoin(base_url, href.replace("\\", "/") if not scheme or scheme[1].lower() != "mailto" else href)
        parts = urlsplit(joined)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in schemes or (parts.scheme != "mailto" and not _plausible_host(parts.hostname)):
        return None
    try:
        return _encoded(joined)
    except UnicodeError:  # a host that no name server could know
        return None


def _plausible_host(host: str | None) -> bool:
    return bool(host) and not re.search(r"[\s<>\"'`{}|^\\%]", host or "")


def _encoded(url: str) -> str:
    parts = urlsplit(url)
    netloc = parts.netloc if parts.netloc.isascii() else _idna(parts.netloc)
    path, query, fragment = (
        quote(_STRAY_PERCENT.sub("%25", part), safe=_SAFE.replace("#", ""))
        for part in (parts.path, parts.query, parts.fragment)
    )
    path, fragment, query = (part.replace("[", "%5B").replace("]", "%5D") for part in (path, fragment, query))
    return urlunsplit((parts.scheme, netloc, path, query, fragment))


def _idna(netloc: str) -> str:
    return netloc.encode("idna").decode("ascii")


def data_image(src: str) -> str | None:
    """The `data:` URI of a raster picture, None for anything else (an SVG is a document with scripts).

    >>> data_image("data:image/png;base64,iVBORw0KGgo=")
    'data:image/png;base64,iVBORw0KGgo='
    >>> data_image("data:image/svg+xml;base64,PHN2Zz4=") is None
    True
    """
    src = re.sub(r"\s+", "", src)
    return src if _DATA_IMAGE.fullmatch(src) else None


def unredirected(url: str, redirects: tuple[tuple[str, tuple[str, ...]], ...]) -> str:
    """The address a forwarding page forwards to.

    >>> from pipelines.clean.rules import REDIRECTS
    >>> unredirected("https://link.zhihu.com/?target=https%3A//example.com/a", REDIRECTS)
    'https://example.com/a'
    """
    if not any_of(tuple(pattern for pattern, _ in redirects)).search(url):
        return url
    for pattern, names in redirects:
        if re.search(pattern, url):
            query = parse_qs(urlsplit(url).query)
            for name in names:
                for target in query.get(name, ()):
                    found = absolute(target if "://" in target else unquote(target), url)
                    if found and not re.search(pattern, found):
                        return found
    return url
