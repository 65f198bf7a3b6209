"""Plain lists of URLs: text, CSV, OPML, and the bookmarks that browsers export."""

from __future__ import annotations

import pytest

from archive.errors import PageError
from crawler.url_lists import read_addresses

ONE, TWO = "https://news.example/p/1.html", "https://blog.example/a?b=1&c=2"
OPML = f"""<?xml version="1.0"?><opml version="2.0"><head><title>x</title></head><body><outline text="组">
<outline text="a" type="link" url="{ONE}"/>
<outline text="b" type="rss" xmlUrl="https://x.example/feed" HTMLURL="{TWO.replace("&", "&amp;")}"/>
<outline text="c" type="rss" xmlUrl="https://y.example/feed"/></outline></body></opml>"""
BOOKMARKS = f"""<!DOCTYPE NETSCAPE-Bookmark-file-1>
<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=UTF-8"><TITLE>Bookmarks</TITLE><H1>Bookmarks</H1>
<DL><p><DT><H3 ADD_DATE="1">工具栏</H3><DL><p>
<DT><A HREF="{ONE}" ADD_DATE="1600000000" ICON="data:image/png;base64,AA==">一</A>
<DT><A HREF="javascript:void(0)">x</A><DT><A HREF="place:sort=8">y</A>
<DT><A HREF="{TWO.replace("&", "&amp;")}">二</A></DL><p></DL>"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("urls.txt", f"# mine\n{ONE}\n\n  {TWO}  \n{ONE}\n"),
        ("urls.txt", f"<{ONE}>\r\n<{TWO}>\r\n"),
        ("urls.csv", f"{ONE}\n{TWO}\n"),
        ("urls.csv", f'title,url,note\n"a, b",{ONE},x\nc,{TWO},https://z.example/\n'),
        ("urls.csv", f"标题;链接\n一;{ONE}\n二;{TWO}\n"),
        ("urls.txt", f"URL\tseen\n{ONE}\t1\n{TWO}\t2\n"),
        ("urls.csv", f"1,{ONE}\n2,{TWO},https://z.example/\n3,\n"),
        ("feeds.opml", OPML),
        ("bookmarks.html", BOOKMARKS),
        ("saved.html", f'<html><body><ul><li><a href="{ONE}">1</a><li><a href="{TWO}">2</a></ul>'),
    ],
)
def test_lists_are_read_as_people_keep_them(name: str, text: str) -> None:
    assert read_addresses(name, text.encode()) == (ONE, TWO)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gbk"])
def test_lists_are_read_in_the_encodings_of_spreadsheets(encoding: str) -> None:
    assert read_addresses("urls.csv", f"标题,网址\n第一篇文章,{ONE}\n".encode(encoding)) == (ONE,)


def test_a_line_that_is_no_address_stays_so_that_it_can_be_told() -> None:
    assert read_addresses("urls.txt", f"{ONE}\nnews.example/p/2.html\n".encode()) == (ONE, "news.example/p/2.html")
    assert read_addresses("urls.csv", f"url\n{ONE}\nfoo\n\n".encode()) == (ONE, "foo")


def test_an_empty_list_names_nothing() -> None:
    assert read_addresses("urls.txt", b"\n# nothing yet\n") == ()


def test_opml_that_is_cut_off_gives_what_it_has() -> None:
    assert read_addresses("feeds.opml", OPML[: OPML.index('<outline text="c"') + 30].encode()) == (ONE, TWO)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("page.html", b"<html><body><p>nothing to follow</p></body></html>"),
        ("feeds.opml", b"<!DOCTYPE opml [<!ENTITY a 'b'><!ENTITY c '&a;&a;'>]><opml><body/></opml>"),
        ("urls.csv", b'url,x\n"' + b"a" * 200_000 + b'",1\n'),
    ],
)
def test_what_is_no_list_is_refused_by_its_name(name: str, body: bytes) -> None:
    with pytest.raises(PageError, match=name) as refusal:
        read_addresses(name, body)
    assert refusal.value.reason == "listing-malformed"
