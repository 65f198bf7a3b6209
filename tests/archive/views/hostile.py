"""Posts that make trouble for Hexo, YAML, templates and Markdown, by what is particular of each."""

from __future__ import annotations

from typing import Any

from tests.archive.views.made import at

TITLES = (
    *("{{ x }}", "{% foo %}", "{% raw %}", "{% endraw %}", "{# c #}", "---", "- - -", "```", "~~~", "a\n---\nb"),
    *(
        "'single'",
        '"double"',
        "a: b",
        "鸟哥: 笔记",
        "key:",
        "# no comment",
        "a # b",
        "🐦👩‍👩‍👧",
        "a\u2028b",
        "a\u2029b",
    ),
    *("1e3", "1_000", "0x10", "yes", "null", "~", "2022-07-23", "12:30:45", "     ", "", "%TAG", "*a", "&a", "|", ">"),
    *("<img src=x onerror=alert(1)>", "</title><script>alert(1)</script>", "&lt;b&gt;", "\\", "C:\\path", "$& $1 $$"),
    *("同名", "同名"),
)
IN_NO_HOUR = "date-02"
"""A post of the hour that Los Angeles' clocks left out when summer time began."""

BODIES = (
    "<p>{{ x }} {% foo %} {% raw %}{# c #}</p>\n",
    "<p>{% endraw %}{{ '</p>' }}</p>\n",
    "---\n<p>a</p>\n---\ntitle: x\n---\n",
    '<pre><code class="language-js">&#96;&#96;&#96;js\nlet a = {{ b }};\n&#96;&#96;&#96;\n</code></pre>\n',
    "<pre>```js\nlet a = 1;\n```\n\n\n~~~\nx\n~~~\n</pre>\n",
    "<pre>- ```js\n- x\n```\n1. ~~~~\n~~~~\n</pre>\n",
    "<p>a\u2028b \u2029 🐦 “引号” \"quotes\" 'single' -- ... (c)</p>\n",
    "<p>1e3</p>\n<p>- no list</p>\n<p>1. no list</p>\n<p># no heading</p>\n<p>+ - * = ~ | : &gt;</p>\n",
    "<p>&lt;b&gt; &amp;lt; &amp;amp;</p>\n<p>$&amp; $1 $$ \\1 \\n \\ </p>\n",
    "<blockquote><p>&gt; quoted</p>\n<pre>code {% x %}</pre></blockquote>\n",
    "<p><strong>“粗体。”</strong>后面<em>，斜体，</em>后<strong>粗</strong>字 a<strong>b</strong>c</p>\n",
    "<p>2*3*4 a_b_c __init__ <strong>a<em>b</em></strong><em>c</em><strong>d</strong><strong>e</strong></p>\n",
    "<table><thead><tr><th>甲|乙</th><th>丙</th></tr></thead><tr><td>{{ 1 }}</td><td>a<br>b</td></tr></table>\n",
    '<table><tbody><tr><td colspan="2">宽</td></tr><tr><td>1</td><td><p>2</p>\n\n<p>3</p></td></tr></tbody></table>\n',
    "<details><summary>问</summary><p>答</p>\n\n<ul><li>一</li></ul></details>\n<dl><dt>词</dt><dd>义</dd></dl>\n",
    '<ul><li>一<ol start="3"><li>三</li><li><pre>x\n\n  y</pre></li></ol></li><li><p>二</p>\n<p>段</p></li></ul>\n',
    '<p>注意!<a href="https://example.com/a_(b)?x=1&amp;copy=2">链接 [1]</a> <a href="#n-1">↑</a></p>\n',
    '<p><a href="#n-1">↓</a></p><h2 id="n-1">标题 C#</h2>\n<p>www.example.com https://a_b.c/d_e</p>\n',
    "<p><code>a|b `c`</code> <code>{{ x }}</code> <kbd>Ctrl</kbd> H<sub>2</sub>O</p>\n",
    "<p><u>u</u> <mark>m</mark> <del>旧</del><s>s</s></p>\n<h3># 一 !</h3>\n<p>!</p>\n<p>#</p>\n",
    "<p>   </p>\n",
)  # fmt: skip


def posts() -> list[dict[str, Any]]:
    """Every title, every body, every odd date, tag and category; each the changes of a usual post."""
    titles = [{"id": f"title-{n:02}", "title": title, "author": title or "x"} for n, title in enumerate(TITLES)]
    bodies = [{"id": f"body-{n:02}", "body": body, "images": (), "head_image": None} for n, body in enumerate(BODIES)]
    dates = [
        {"id": f"date-{n:02}", **at(text)}
        for n, text in enumerate(
            ("2022-07-23 00:00:00", "2022-07-23 23:59:59", "2022-03-13 02:30:00", "2022-01-01 00:00:01", "1969-12-31")
        )
    ]
    names: list[dict[str, Any]] = [
        {
            "id": "names-01",
            "tags": ("", "  ", "a/b", "..", "App", "app", "1e3", "{{ x }}"),
            "categories": ("x", "x", " "),
        },
        {"id": "names-02", "tags": (), "categories": ()},
        {"id": "dots.and-dashes_.x", "section": None, "description": "<b>{{ x }}</b>"},
        {"id": "undated", "published_at": None},
    ]
    return [*titles, *bodies, *dates, *names]
