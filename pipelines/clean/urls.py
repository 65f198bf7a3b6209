"""Addresses as they stand in a page → addresses a reader can follow."""

import re
from functools import lru_cache
from html import escape
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urljoin, urlsplit, urlunsplit

import nh3

_CONTROL: Final = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\u200b]+")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_DATA_IMAGE: Final = re.compile(r"data:image/(?:png|jpe?g|gif|webp|avif|bmp);base64,[A-Za-z0-9+/=%_\-]+", re.IGNORECASE)
# What may stand in a URL as it is; everything else, raw Chinese first of all, becomes percent-encoded UTF-8.
_SAFE: Final = "!#$%&'()*+,-./:;=?@[]_~"
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAX_URL_CHARS: Final = 8192
_HOST: Final = re.compile(r"https?://([^/?#]*)")
_PLAIN_HOST: Final = re.compile(r"(?:[\w-]+\.)*[A-Za-z][\w-]*(?::[0-9]{1,5})?", re.ASCII)
# Absolute and well-formed already, as most are: nothing to do.
_PATH: Final = r"[A-Za-z0-9!$&'()*+,./:;=@_~-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9!$&'()*+,./:;=@_~-]*)*"
_QUERY: Final = _PATH.replace("=@", "=?@")
_PORT: Final = ":(?:[1-9][0-9]{0,3}|[1-5][0-9]{4})"
_READY: Final = re.compile(
    rf"https?://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?:{_PORT})?"
    rf"(?:/{_PATH})?(?:\?(?!#|$){_QUERY})?(?:\#(?!$){_QUERY})?"
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
        return href if _host_can_be_read(href) else None
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
        url = _encoded(joined)
    except UnicodeError:  # a host that no name server could know
        return None
    return url if _host_can_be_read(url) else None


def _host_can_be_read(url: str) -> bool:
    """Whether browsers take the host for one: not so `xn--` with nothing behind it, nor numbers beyond an IPv4
    address (https://url.spec.whatwg.org/#host-parsing). Odd hosts are rare, so the gate's own reader is asked.
    """
    host = _HOST.match(url)
    if host is None or (_PLAIN_HOST.fullmatch(host[1]) and "xn--" not in host[1].lower()):
        return True
    return _is_host(host[1])


@lru_cache(maxsize=1024)
def _is_host(host: str) -> bool:
    link = f'<a href="http://{escape(host)}/">'
    return "href" in nh3.clean(link, tags={"a"}, attributes={"a": {"href"}}, link_rel=None)


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
    """Raises UnicodeError for what is no name, such as one with a full-width solidus: that would become a real one."""
    name = netloc.encode("idna").decode("ascii")
    if not _plausible_host(name) or any(name.count(mark) != netloc.count(mark) for mark in "/?#@:"):
        raise UnicodeError(netloc)
    return name


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
    for pattern, names in _redirects(redirects):
        if pattern.search(url):
            query = parse_qs(urlsplit(url).query)
            for name in names:
                for target in query.get(name, ()):
                    found = absolute(target if "://" in target else unquote(target), url)
                    if found and not pattern.search(found):
                        return found
    return url


@lru_cache(maxsize=256)
def _redirects(table: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    return tuple((re.compile(pattern), names) for pattern, names in table)
