"""A file of a Hexo tree → what it says: encodings, damage, identity, Markdown or HTML."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.clean import clean
from pipelines.clean.rules import CleanRules
from pipelines.hexo import beginning, decode, html_of, is_markdown, original_link, read_post

POST = """
---
title: '报表 &#123;一&#125;：自动化'
categories:{space}
 - 新媒体
 - 鸟哥笔记
 - 首页
headimg: 'https://picsum.photos/400/300?random=9277'
author: 鸟哥笔记
comments: false
date: Mon, 17 May 2021 08:29:00 GMT
thumbnail: 'https://picsum.photos/400/300?random=9277'
---

<div>{space}{space}
<p>正文，两行。</p>
</div>
            """.replace("{space}", " ")
RULES = CleanRules(repair_decoded=True)


def cleaned(body: str) -> str:
    return clean(html_of(body), "https://example.com/", RULES).html


def test_a_post_of_the_aggregator_says_what_it_can() -> None:
    post = read_post(POST.encode())

    assert post.title == "报表 {一}：自动化"
    assert post.categories == ("新媒体", "鸟哥笔记", "首页")
    assert (post.author, post.date) == ("鸟哥笔记", "Mon, 17 May 2021 08:29:00 GMT")
    assert (post.head_image, post.link, post.tags, post.updated, post.description) == ("", "", (), "", "")
    assert post.body == "<div>  \n<p>正文，两行。</p>\n</div>"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("windows", POST.replace("\n", "\r\n").encode()),
        ("mark", b"\xef\xbb\xbf" + POST.encode()),
        ("gb18030", POST.encode("gb18030")),
        ("utf-16", POST.encode("utf-16")),
        ("another placeholder", POST.replace("9277", "1").encode()),
        ("no placeholder", POST.replace("https://picsum.photos/400/300?random=9277", "").encode()),
        ("indents", POST.replace("\n - ", "\n- ").lstrip().encode()),
        ("another list", POST.replace("首页", "推荐").encode()),
    ],
)
def test_the_same_post_has_one_identity(name: str, data: bytes) -> None:
    assert read_post(data).identity == read_post(POST.encode()).identity, name


@pytest.mark.parametrize("change", ["title", "date", "body"])
def test_posts_of_one_title_are_told_apart(change: str) -> None:
    post = read_post(POST.encode())
    assert replace(post, **{change: "x"}).identity != post.identity  # type: ignore[arg-type]  # all are str


def test_the_identity_never_changes() -> None:
    """It is in the keys of archives."""
    assert read_post(POST.encode()).identity == "7e4a212e5b2ce9c2baf446686e019470ef943c27152bca35a455f34a6f9aca2d"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("鸟哥".encode(), "鸟哥"),
        ("鸟哥".encode()[:-2], "鸟"),
        (b"abc \xff " + "鸟哥笔记的一篇文章，很长".encode(), "abc \ufffd 鸟哥笔记的一篇文章，很长"),
        ("鸟哥笔记".encode("gbk"), "鸟哥笔记"),
        ("鸟哥".encode("utf-16-be").join((b"\xfe\xff", b"")), "鸟哥"),
        (b"", ""),
    ],
)
def test_bytes_are_read_in_the_encoding_that_they_have(data: bytes, text: str) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    "url",
    [
        "https://picsum.photos/400/300?random=1",
        "https://www.jianshu.com/p/undefined",
        "https://source.unsplash.com/random/400x300",
        "/images/local.png",
        "undefined",
    ],
)
def test_a_placeholder_is_no_head_image(url: str) -> None:
    text = f"---\ntitle: a\nheadimg: '{url}'\ncover: https://img.example.com/true.png\n---\nb"
    assert read_post(text.encode()).head_image == "https://img.example.com/true.png"


@pytest.mark.parametrize("key", ["link", "url", "original", "source", "canonical"])
def test_an_address_in_front_matter_is_the_posts(key: str) -> None:
    text = f"---\ntitle: a\nfrom: 鸟哥笔记\n{key}: https://www.niaogebiji.com/article-1-1.html\n---\nb"
    assert read_post(text.encode()).link == "https://www.niaogebiji.com/article-1-1.html"


@pytest.mark.parametrize(
    ("body", "url"),
    [
        ('字。<br><a href="https://a.cn/?id=1&x=2">原文链接</a>  \n</div>', "https://a.cn/?id=1&x=2"),
        ('<a href="https://a.cn/1">原文</a>', "https://a.cn/1"),
        ('<a href="https://a.cn/1">原文链接</a>。<a href="https://a.cn/2">另一篇</a>', ""),
        ('<p>原文</p><a href="https://a.cn/1">这里</a>', ""),
        ('<a href="javascript:1">原文链接</a>', ""),
        ("原文链接", ""),
    ],
)
def test_the_last_link_of_a_body_may_name_the_original(body: str, url: str) -> None:
    assert original_link(body) == url


def test_a_post_without_a_title_begins_as_its_text_does() -> None:
    assert beginning("<div><p>5月2日消息，</p><p>海南。</p></div>") == "5月2日消息，海南。"
    assert beginning(f"<p>{'字' * 50}</p>") == f"{'字' * 40}…"
    assert beginning('<a href="https://a.cn/">原文链接</a>') == ""


# --- bodies


@pytest.mark.parametrize(
    ("body", "html"),
    [
        (
            "<pre><code>&#123;<script>alert(1)</script>&#125;</code></pre>",
            "<pre><code>{&lt;script&gt;alert(1)&lt;/script&gt;}</code></pre>",
        ),
        ("<pre><源路径> <missing></pre>", "<pre><code>&lt;源路径&gt; &lt;missing&gt;</code></pre>"),
        ("<style>.a&#123;b&#125;</style><p>字<script>alert(1)</script></p>", "<p>字</p>"),
        ('<h2 style="background-image: url("/h2_icon.png"); color: red">题</h2><p>字</p>', "<h2>题</h2>\n<p>字</p>"),
        ('<p style="font-family: "A B"; font-weight: bold">粗</p><p>字</p>', "<p><strong>粗</strong></p>\n<p>字</p>"),
        ('<div>字<img src="https://a.cn/1.p', "<p>字</p>"),
        ("<p>一</p><p>二<b>三", "<p>一</p>\n<p>二<strong>三</strong></p>"),
        ('<p>字</p><img src="https://www.jianshu.com/p/undefined" referrerpolicy="no-referrer">', "<p>字</p>"),
    ],
)
def test_a_damaged_body_is_repaired_before_it_is_cleaned(body: str, html: str) -> None:
    assert cleaned(body) == html


MARKDOWN = """# 标题

一段**粗**的，[链接](https://a.cn/1)。

- 一
- 二

| 甲 | 乙 |
|---|---|
| 1 | 2 |

```python
print("<b>")
```

![图](https://img.example.com/1.png)

<p>HTML 一段</p><script>alert(1)</script>
"""


def test_markdown_is_rendered() -> None:
    html = cleaned(MARKDOWN)

    assert is_markdown(MARKDOWN)
    for piece in (
        "<h2>标题</h2>",
        '一段<strong>粗</strong>的，<a href="https://a.cn/1">链接</a>。',
        "<li>一</li>",
        "<td>1</td>",
        '<code class="language-python">print("&lt;b&gt;")',
        '<img src="https://img.example.com/1.png" alt="图">',
        "<p>HTML 一段</p>",
    ):
        assert piece in html
    assert "alert" not in html


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("只有一段。\n\n又一段。", True),
        ("1. 一\n2. 二", True),
        ("> 引", True),
        ('<img src="https://a.cn/1.png">\n\n## 题\n\n字', True),
        ("<div>\n# 井号\n- 减号\n</div>", False),
        ("<!-- 注 -->\n<p>字</p>", False),
        ("8月1日消息。<br>又一行。", False),
        ("", True),
    ],
)
def test_which_bodies_are_markdown(body: str, *, expected: bool) -> None:
    assert is_markdown(body) is expected
