"""Which picture a URL shows.

Every image address that a post's body names exists, and no other: the gallery is read off the bodies. A CDN's query
makes a variant of the same picture (`?imageMogr2/thumbnail/600x`, `?imageView2/2/w/400/format/webp`, `&tp=webp`).
"""

import html
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crawler.replica import generated, pictures, trouble
from crawler.replica.pictures import Kind, Picture

SITE_HOST = "www.niaogebiji.com"
PROXY_HOST = "cors.zfour.workers.dev"
IMAGE_HOSTS = (
    "qnssl.niaogebiji.com",
    "ngbjimg.xy599.com",
    "mmbiz.qpic.cn",
    "notecdn.yiban.io",
    "image.woshipm.com",
    "upload-images.jianshu.io",
    PROXY_HOST,
)

_HOSTS = "|".join(re.escape(host) for host in (SITE_HOST, *IMAGE_HOSTS))
_ABSOLUTE = re.compile(rf"(?:https?:)?//({_HOSTS})(/[^\s\"'()<>,?]*)")
_OF_THE_SITE = re.compile(r"(?<=[\"'(])(/img/[^\s\"'()<>,?]+)")
_SUFFIX = re.compile(r"\.(jpe?g|png|gif|webp|svg)$")
_WECHAT = re.compile(r"^(/(?:sz_)?mmbiz_(jpg|png|gif)/\w+)/(\d+)$")
_WIDTH = re.compile(r"(?:thumbnail/|/w/)(\d+)")

_KINDS: Mapping[str, Kind] = {
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "png": "png",
    "gif": "animated-gif",
    "webp": "webp",
    "svg": "svg",
}


@dataclass(frozen=True, kw_only=True)
class ServedImage:
    body: bytes
    mime_type: str


def address(url: str) -> str:
    """Host, path and query of a URL: what tells two images apart, whatever the scheme.

    >>> address("http://qnssl.niaogebiji.com//a.png")
    'qnssl.niaogebiji.com//a.png'
    """
    return re.sub(r"^(?:https?:)?//", "", url)


_SPECIAL: Mapping[str, Kind] = {
    address(trouble.IMAGE_ACTIVE_SVG): "active-svg",
    address(trouble.IMAGE_TRACKER): "tracker",
    address(trouble.IMAGE_PLACEHOLDER): "tracker",
    address(trouble.IMAGE_MISNAMED): "png",
    address(trouble.IMAGE_TRANSPARENT_PNG): "transparent-png",
    address(trouble.IMAGE_ANIMATED_WEBP): "animated-webp",
    address(trouble.IMAGE_HEADING_ICON): "icon",
}


class Gallery:
    """All pictures of a set of bodies."""

    def __init__(self, bodies: Iterable[str]) -> None:
        self._known = {key for body in bodies for key in image_keys(body)}
        self._known |= {address(url) for url in (trouble.IMAGE_REDIRECT_TARGET, trouble.IMAGE_HEADING_ICON)}
        self._known.discard(address(trouble.IMAGE_REDIRECT))

    def find(self, host: str, path: str, query: str) -> ServedImage | None:
        """The image behind an address, or None where there is none."""
        if host == PROXY_HOST:
            inner = address(query)
            host, _, path = inner.partition("/")
            path, query = "/" + path, ""
        if host == generated.IMAGE_HOST and (made := generated.image(path)) is not None:
            return ServedImage(body=made, mime_type="image/jpeg")
        key = host + _stem(path)
        return _serve(key, path, query) if key in self._known else None


def image_keys(body: str) -> set[str]:
    """The pictures that a body names, as host + path (WeChat's without its size)."""
    text = html.unescape(body)
    found = {host + _stem(path) for host, path in _ABSOLUTE.findall(text) if _is_image(path)}
    return found | {SITE_HOST + path for path in _OF_THE_SITE.findall(text)}


def _is_image(path: str) -> bool:
    return bool(_SUFFIX.search(path) or _WECHAT.match(path))


def _stem(path: str) -> str:
    match = _WECHAT.match(path)
    return match[1] if match else path


def _serve(key: str, path: str, query: str) -> ServedImage:
    width = int(match[1]) if (match := _WIDTH.search(query)) else _wechat_width(path)
    kind = _kind(key, path)
    if kind in {"jpeg", "png"} and ("tp=webp" in query or "format/webp" in query):
        kind = "webp"
    body = pictures.draw(Picture(kind=kind, seed=zlib.crc32(key.encode()), width_px=width))
    named = _KINDS.get(_extension(path), kind)
    claimed = named if key == address(trouble.IMAGE_MISNAMED) else kind
    return ServedImage(body=body, mime_type=pictures.mime_type(claimed))


def _wechat_width(path: str) -> int | None:
    match = _WECHAT.match(path)
    return int(match[3]) or None if match else None


def _kind(key: str, path: str) -> Kind:
    if key.startswith(SITE_HOST) and key not in _SPECIAL:
        return "icon"
    return _SPECIAL.get(key) or _KINDS[_extension(path)]


def _extension(path: str) -> str:
    if match := _WECHAT.match(path):
        return match[2]
    suffix = _SUFFIX.search(path)
    return suffix[1] if suffix else "jpg"
