"""Markdown, rendered back by another program's renderer: what it says is what the document said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from selectolax.lexbor import LexborHTMLParser

from archive import ArchiveReader
from archive.views.to_markdown import BodyConverter
from tests.archive.views import hostile

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
CASES = [
    *hostile.BODIES,
    "<p>a</p>\n" * 3,
    '<p>!</p><p>a!<a href="https://a.b/c d">x</a>!</p><h2>a #</h2><h3>!#</h3>',
    "<p>a<br><br>- b<br>1. c<br></p>",
    '<p><a href="https://a.b/?q=&lt;x&gt;&amp;lt;=1">&lt;i&gt;</a><a href="mailto:a@b.c">a@b.c</a></p>',
    '<p><a href="https://a.b/"><img src="x/1.gif" alt="a [b] *c* &quot;d&quot;"></a><img src="x/2.gif" alt=""></p>',
    '<figure><img src="x/1.gif" alt="" width="1" height="2"><figcaption>说明 *a* &lt;b&gt;</figcaption></figure>',
    '<figure><img src="x/1.gif" alt="一"></figure><figure><pre>a\n\nb</pre><figcaption>c</figcaption></figure>',
    "<blockquote><p>a</p><blockquote><p>b</p></blockquote><ul><li>c</li></ul></blockquote>",
    "<ul><li><p>a</p><pre>x\n\n\ty\n</pre><p>b</p></li></ul><ol><li>1</li></ol><ol><li>1</li></ol>",
    "<ul><li><table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table></li></ul>",
    '<pre></pre><pre>\n\n  a\n</pre><pre><code>`````\n</code></pre><pre>a <a href="https://a.b/">b</a>\n\nc</pre>',
    "<table><thead><tr><th>a</th><th></th></tr></thead><tr><td><code>x</code></td><td>\\| *</td></tr></table>",
    "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td><code>x|y</code></td></tr></tbody></table>",
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td><img src="x/1.gif" alt=""></td></tr></tbody></table>',
    "<table><thead><tr><th>a</th><th>b</th></tr></thead><tr><td><u>x|y</u></td><td>1</td></tr></table>",
    '<table><thead><tr><th>a</th></tr></thead><tr><td><a href="https://a.b/?x|y">l</a></td></tr></table>',
    '<table><thead><tr><th>a</th></tr></thead><tr><td><img src="x/1.gif" alt="x|y"> | <em>z|</em></td></tr></table>',
    "<table><caption>c</caption><tbody><tr><th>a</th><td>b</td></tr></tbody></table>",
    "<h2><strong>1.</strong> a</h2><h2>a<br>b</h2><h4>  </h4><hr><p>---</p><p>===</p>",
    "<p>1) a</p><p>1986. A year</p><p>+1</p><p>-</p><p>: a</p><p>&gt; a</p>",
    "<p>&amp;copy; [a]: b</p><p>[^1] `x` ~~y~~</p>",
    "<p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby><small>s</small><sup>2</sup></p>",
    '<p id="n-a">a <a id="n-b" href="#n-a">b</a></p><ol id="n-c"><li id="n-d">c</li></ol><pre id="n-e">d</pre>',
]  # fmt: skip


def facts(html: str) -> dict[str, Any]:
    """What a reader finds in HTML: its text (without white space, but for code), pictures, links, tables, code."""
    tree = LexborHTMLParser(f"<!DOCTYPE html><body>{html}")
    assert tree.body is not None

    def text(node: Any) -> str:
        return "".join(node.text().split())

    def kept(tag: str) -> list[str]:
        return [text(node) for node in tree.css(tag)]

    return {
        "text": text(tree.body),
        "pictures": [(node.attributes.get("src"), node.attributes.get("alt")) for node in tree.css("img")],
        "links": [(unquote(node.attributes["href"] or ""), text(node)) for node in tree.css("a[href]")],
        "tables": [
            [[text(cell) for cell in row.css("th, td")] for row in table.css("tr")] for table in tree.css("table")
        ],
        "code": [node.text().removesuffix("\n") for node in tree.css("pre") if node.text().strip()],
        "spans": [" ".join(node.text().split()) for node in tree.css("code") if node.text().strip()],
        "languages": [name for node in tree.css("pre code") if (name := node.attributes.get("class"))],
        "anchors": sorted(node.attributes["id"] or "" for node in tree.css("[id]")),
        **{
            tag: kept(tag)
            for tag in ("h2", "h3", "h4", "li", "blockquote", "figcaption", "strong", "em", "details", "dt")
        },
    }


def bodies(reader: ArchiveReader) -> Iterator[str]:
    for ref in reader.posts():
        yield reader.load(ref).document.body


def back(body: str, *, pictures_as_html: bool = False) -> str:
    rendered: str = RENDERER.render(BodyConverter(pictures_as_html=pictures_as_html).markdown(body))
    return rendered


@pytest.mark.parametrize("pictures_as_html", [False, True])
def test_all_posts_of_the_replica_come_back_from_markdown(
    replica_reader: ArchiveReader, *, pictures_as_html: bool
) -> None:
    count = 0
    for body in bodies(replica_reader):
        assert facts(back(body, pictures_as_html=pictures_as_html)) == facts(body)
        count += 1
    assert count == 62


@pytest.mark.parametrize("body", CASES)
def test_what_looks_like_markdown_or_has_no_markdown_comes_back(body: str) -> None:
    found, expected = facts(back(body)), facts(body)

    if not any(expected["h4"]):
        found["h4"] = expected["h4"]  # an empty heading is none
    # Text in pre gets a code of its own.
    assert found | {"spans": []} == expected | {"spans": []}
    assert [span for span in found["spans"] if span not in map(joined, found["code"])] == [
        span for span in expected["spans"] if span not in map(joined, expected["code"])
    ]


def joined(code: str) -> str:
    return " ".join(code.split())


def test_what_markdown_can_say_is_said_in_markdown() -> None:
    body = (
        "<h2>标题</h2><p>一<strong>粗</strong>字<em>斜</em>字</p><ul><li>甲</li></ul><blockquote><p>引</p></blockquote>"
        '<p><img src="a/1.gif" alt="图" width="3" height="4"><a href="https://a.b/">链</a></p>'
        '<pre><code class="language-js">x</code></pre>'
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table><hr>"
    )

    assert BodyConverter().markdown(body) == (
        "## 标题\n\n一**粗**字*斜*字\n\n- 甲\n\n> 引\n\n![图](a/1.gif)[链](https://a.b/)\n\n```language-js\nx\n```\n\n"
        "| a |\n| --- |\n| b |\n\n---\n"
    ).replace("language-", "")


def test_a_converter_can_be_used_again() -> None:
    converter = BodyConverter()

    assert [converter.markdown(body) for body in CASES] == [converter.markdown(body) for body in CASES]


def test_html_that_stays_is_one_line_so_that_no_empty_line_ends_it() -> None:
    markdown = BodyConverter().markdown("<details><summary>a</summary><pre>x\n\ny</pre></details>")

    assert re.fullmatch(r"<details>.*x&#10;&#10;y.*</details>\n", markdown)
