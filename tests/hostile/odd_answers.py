"""Answers that no server should give, made up by a seed: statuses, headers, charsets, compressions, bodies."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import brotli
from backports import zstd

_ARTICLE = (
    '<!DOCTYPE html><html lang="zh-CN"><head><meta charset="{charset}"><title>第{number}篇</title></head><body>'
    '<div class="article"><h1 class="title">第{number}篇</h1><span class="author">甲</span>'
    '<span class="writeTime3">2022-07-23 00:00:00</span><div class="pc_content"><p>正文第{number}篇，{filler}</p>'
    '<img src="/img/{number}.png"></div></div></body></html>'
)
_CHARSETS = ("utf-8", "gbk", "gb2312", "gb18030", "big5", "latin-1", "utf-16", "shift_jis", "euc-kr", "utf-7", "cp037")
_CLAIMS = (*_CHARSETS, "undefined", "idna", "unicode-escape", "none", "", "utf8mb4", "\x00", "é", "x" * 300, "base64")
_STATUSES = (
    200,
    200,
    200,
    200,
    200,
    204,
    206,
    299,
    300,
    301,
    302,
    303,
    304,
    305,
    307,
    308,
    400,
    401,
    403,
    404,
    405,
    408,
)
_MORE_STATUSES = (410, 418, 421, 425, 429, 451, 499, 500, 502, 503, 504, 520, 599, 600, 999, 100, 0)
_NAMES = (
    "Content-Type",
    "Location",
    "ETag",
    "Last-Modified",
    "Retry-After",
    "Content-Location",
    "Link",
    "X-A",
    "Refresh",
)
_TARGETS = (
    "",
    "/",
    "//",
    "http://[::1",
    "ftp://a/",
    "/article-1-1.html",
    "\x00",
    "javascript:0",
    "http://a:99999/",
    "?",
    "é",
)
_MORE = (
    "//user:pw@www.niaogebiji.com/",
    "https://www.niaogebiji.com/article-2-1.html",
    "http://127.0.0.1:1/",
    "/" + "x" * 3000,
)
_TAGS = (
    "div",
    "p",
    "table",
    "td",
    "svg",
    "math",
    "template",
    "noscript",
    "select",
    "frameset",
    "title",
    "h1",
    "b",
    "a",
    "form",
)


@dataclass(frozen=True, kw_only=True)
class Odd:
    """An answer: its status, headers as they are sent, and bytes behind the head."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def encodings(self) -> tuple[str, ...]:
        return tuple(value for name, value in self.headers if name == "Content-Encoding")

    @property
    def content_type(self) -> str:
        return next((value for name, value in self.headers if name == "Content-Type"), "")

    def sent(self, random: Random) -> bytes:
        """The bytes of the whole answer, at times with a length that is wrong, or a head that is none."""
        fields = list(self.headers)
        if random.random() < 0.9:
            length = (
                len(self.body) if random.random() < 0.85 else random.choice((0, len(self.body) + 9, 5, -1, "x", ""))
            )
            fields.append(("Content-Length", str(length)))
        if random.random() < 0.05:
            fields.append(("Transfer-Encoding", random.choice(("chunked", "gzip", "identity", "x"))))
        head = "".join(f"{name}{random.choice((':', ': ', ' : ', ''))}{value}\r\n" for name, value in fields)
        line = random.choice(
            (f"HTTP/1.1 {self.status} X", f"HTTP/1.0 {self.status}", f"HTTP/1.1 {self.status}", "HTTP/9 x")
        )
        line = line if random.random() < 0.3 else f"HTTP/1.1 {self.status} OK"
        return f"{line}\r\n{head}\r\n".encode("latin-1", "replace") + self.body


def odd(random: Random, number: int) -> Odd:
    """The answer number so-and-so of a seeded sequence."""
    body = random.choice(_BODIES)(random, number)
    encoding, body = _compressed(random, body)
    headers = [(random.choice(_NAMES), _value(random)) for _ in range(random.choice((0, 0, 1, 2, 8)))]
    if random.random() < 0.8:
        claim = random.choice(_CLAIMS)
        kind = random.choice(("text/html", "text/html", "text/plain", "image/png", "application/json", "", "a/b/c"))
        headers.append(("Content-Type", _one_line(f"{kind}; charset={claim}")))
    if encoding:
        headers.append(("Content-Encoding", encoding))
    status = random.choice(_STATUSES if random.random() < 0.9 else _MORE_STATUSES)
    return Odd(status=status, headers=tuple(headers), body=body)


def _value(random: Random) -> str:
    made = random.choice(
        (
            random.choice((*_TARGETS, *_MORE)),
            "".join(chr(random.randrange(256)) for _ in range(random.randrange(40))),
            random.choice(("0", "-1", "99999999999", "Fri, 22 Jul 2022 00:00:00 GMT", "Fri, 99 Jul 9999", '"a', "W/")),
        )
    )
    return _one_line(made)


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


def _compressed(random: Random, body: bytes) -> tuple[str, bytes]:
    name, compress = random.choice(
        (
            *((("", bytes),) * 6),
            ("gzip", gzip.compress),
            ("deflate", zlib.compress),
            ("br", brotli.compress),
            ("zstd", zstd.compress),
        )
    )
    if name and random.random() < 0.5:
        data = bytearray(compress(body))
        how = random.randrange(4)
        if how == 0:
            data = data[: random.randrange(len(data) + 1)]
        elif how == 1 and data:
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        elif how == 2:
            name = random.choice(("gzip", "br", "zstd", "deflate", "compress", "gzip, gzip", "x", ",,", "GZIP"))
        else:
            data += b"\x1f\x8b tail"
        return name, bytes(data)
    return name, compress(body)


def _article(random: Random, number: int) -> bytes:
    filler = "".join(random.choice("运营增长用户内容案例") for _ in range(random.choice((5, 300))))
    text = _ARTICLE.format(number=number, charset=random.choice(_CLAIMS[:14]), filler=filler)
    return text.encode(random.choice(_CHARSETS), "replace")


def _mutated(random: Random, number: int) -> bytes:
    data = bytearray(_article(random, number))
    for _ in range(random.choice((1, 5, 50))):
        at = random.randrange(len(data))
        how = random.randrange(3)
        if how == 0:
            data[at] = random.randrange(256)
        elif how == 1:
            del data[at : at + random.randrange(30)]
        else:
            data[at:at] = random.randbytes(random.randrange(8))
        data = data or bytearray(b"<")
    return bytes(data)


def _tag_soup(random: Random, _number: int) -> bytes:
    out = []
    for _ in range(random.choice((3, 60, 400))):
        tag = random.choice(_TAGS)
        out.append(
            random.choice(
                (f"<{tag} class=pc_content>", f"<{tag}>", f"</{tag}>", f"<{tag}", "<!--", "]]>", "文", "&#0;")
            )
        )
    return "".join(out).encode()


def _deep(random: Random, _number: int) -> bytes:
    return b"<div class=pc_content>" + b"<b>" * random.choice((10, 3000)) + "字".encode()


def _notice(random: Random, _number: int) -> bytes:
    words = (
        "安全验证",
        "请先登录",
        "文章不存在",
        "域名出售",
        "访问过于频繁",
        "<input type=password>",
        "<div class=pc_content>",
    )
    return ("<html><title>" + "".join(random.choice(words) for _ in range(random.randrange(6)))).encode()


_BODIES: tuple[Callable[[Random, int], bytes], ...] = (
    _article,
    _mutated,
    _mutated,
    _mutated,
    _tag_soup,
    _tag_soup,
    _deep,
    _notice,
    lambda random, _: random.randbytes(random.choice((0, 1, 7, 400, 5000))),
    lambda random, _: b"\x00" * random.choice((1, 2000)),
    lambda random, _: random.choice(
        (b"{", b"[[[[", b"null", b'{"return_code": "200", "return_data": [1, null]}', b"\xef\xbb\xbf")
    ),
)
