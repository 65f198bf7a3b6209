"""Bytes of feeds and sitemaps → text that an XML parser may be given: unpacked, decoded, without bombs. Pure."""

from __future__ import annotations

import re
import sys
import zlib
from collections.abc import Iterator

from archive.errors import PageError
from crawler.pages import decode_page

MOST_BYTES = 64 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_CHUNK_BYTES = 64 * 1024
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']\s*([A-Za-z0-9_.:-]+)")
_CLAIMS_UTF_8 = re.compile(r"charset\s*=\s*[\"']?utf-?8", re.IGNORECASE)
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_ENTITY = re.compile(
    r"<!ENTITY\s+(?P<parameter>%\s+)?(?P<name>[^\s>]+)\s+(?P<rest>\"[^\"]*\"|'[^']*'|[^>]*)", re.IGNORECASE
)
_MOST_ENTITIES = 300  # HTML names 253
_LONGEST_ENTITY = 100
# What XML 1.0 does not allow at all (2.2), as it stands and as a reference.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]{1,8})|(\d{1,8}));")


def unpacked(body: bytes, url: str) -> Iterator[bytes]:
    """The bytes in pieces, out of gzip where they are packed; a packed file that is cut off gives what it has.

    Raises PageError("too-large") for more than 64 MB.
    """
    if not body.startswith(_GZIP):
        yield from (body[at : at + _CHUNK_BYTES] for at in range(0, len(body), _CHUNK_BYTES))
        return
    count, rest = 0, body
    while rest.startswith(_GZIP):
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while not unpacker.eof:
            try:
                piece = unpacker.decompress(rest, _CHUNK_BYTES)
            except zlib.error:
                return
            rest = unpacker.unconsumed_tail
            count += len(piece)
            if count > MOST_BYTES:
                raise PageError("too-large", f"{url}: unpacks to more than {MOST_BYTES // 1024**2} MB: not read")
            if not piece and not rest:
                break
            yield piece
        rest = unpacker.unused_data


def decoded(body: bytes, content_type: str = "") -> str:
    r"""The text of an XML or JSON document, without its declaration and what no XML may hold.

    >>> decoded('<?xml version="1.0" encoding="gbk"?><a>鸟哥\x0b</a>'.encode("gbk"))
    '<a>鸟哥</a>'
    """
    if body[:2] in (b"<\x00", b"\x00<"):  # UTF-16 without its mark
        text = body.decode("utf-16-le" if body[0] else "utf-16-be", "replace")
    else:
        declared = _DECLARED.search(body[:400])
        if declared and "charset" not in content_type.lower():
            content_type = f"{content_type}; charset={declared[1].decode('ascii')}"
        # UTF-8 is tried whatever is claimed; a claim of it says nothing of bytes that are not.
        text = decode_page(body, _CLAIMS_UTF_8.sub("", content_type))[0]
    text = _DECLARATION.sub("", text.lstrip("\ufeff"), count=1)
    return _REFERENCE.sub(_allowed, _FORBIDDEN.sub("", text))


def _allowed(reference: re.Match[str]) -> str:
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    return "" if number > sys.maxunicode or _FORBIDDEN.match(chr(number)) else reference[0]


def refuse_bombs(text: str, url: str) -> None:
    """Raise PageError where a document type declares entities that grow when they are expanded, or that lie elsewhere.

    Old feeds declare `nbsp` and its like, which is fine.
    """
    start = text.find("<!")
    if start < 0:
        return
    entities = list(_ENTITY.finditer(text))
    for entity in entities:
        value = entity["rest"].strip()
        grows = "&" in re.sub(r"&#\w+;", "", value) or "%" in value or len(value) > _LONGEST_ENTITY
        if entity["parameter"] or value[:1] not in ("'", '"') or grows:
            raise _refused(url, f"the entity {entity['name']!r:.60}")
    if len(entities) > _MOST_ENTITIES:
        raise _refused(url, f"{len(entities)} entities")


def _refused(url: str, what: str) -> PageError:
    return PageError(
        "listing-malformed",
        f"{url}: refused: it declares {what}, which would grow or be fetched when expanded: no feed needs that",
    )
