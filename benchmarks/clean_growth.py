"""How the cleaner's time grows with the size of a body: ten times the size should take ten times as long.

    python -m benchmarks.clean_growth

Bodies of one thing many times over, bodies nested deeply, and one of 5 MB of everything. What is done once a level,
down to the depth that the cleaner keeps (`parse.MAX_DEPTH`), gives up to 20. The exit code is 1 when one takes more
than `growth.MAX_RATIO` times as long.
"""

from __future__ import annotations

import sys
from typing import Final

from benchmarks import growth
from pipelines.clean import clean

_BASE: Final = "https://example.com/post/1.html"
_CHARACTERS: Final = 30_000  # of the smaller body
_DEPTH: Final = 3_000  # of the less deep one
_MB: Final = 1 << 20
_LARGE: Final = {
    "paragraphs": "<section><p style='color:red'><span>一段文字，<strong>粗</strong>体</span></p></section>",
    "spans in one paragraph": "字<span>文</span>",
    "buttons in one paragraph": "字<button>赞</button>",
    "dead links in one paragraph": "字<a href='javascript:;'>链</a>",
    "links": "<p><a href='https://example.org/a?b=1'>链</a></p>",
    "notes": "<a href='#f'>一</a><p id=f>二</p>",
    "line breaks": "字<br>",
    "pictures": "<p><img data-src='//a.example/1.png' src='//a.example/b.gif' alt=图></p>",
    "pictures with captions": "<p><img src='//a.example/1.png'></p><p label=图片描述>图</p>",
    "listings": "<pre><code>a = <b>1</b>\n</code></pre>",
    "one listing": "a = <b>1</b>\n",
    "rows": "<tr><td>一<td rowspan=2>二",
    "items": "<li>一",
    "headings": "<h2>一</h2><h4>二</h4>",
    "bold lines": "<p><b>一、题</b></p><p>文</p>",
    "bullets": "<p>● 点</p>",
    "noscripts": "<img data-x=1><noscript><img src=/1.png></noscript>",
    "players": "<iframe src='//v.qq.com/x'></iframe>",
    "hidden": "字<i style='display:none'>无</i>",
    "comments": "字<!-- 注 -->",
    "escapes": "&lt;&amp;&#8203;字",
    "emphasis": "<b>字</b><i style='font-weight:bold'>字</i>",
    "odd names": "<o:p @click=x>字</o:p>",
    "text": "字",
    "entities in an attribute": "&amp;",
    "backgrounds in one style": "background:url(",
    "decorations in one style": "text-decoration:",
    "classes": "hljs language- ",
}
_OPENINGS: Final = {
    "one listing": "<pre>",
    "rows": "<table>",
    "items": "<ul>",
    "entities in an attribute": "<p title='",
    "backgrounds in one style": "<p style='",
    "decorations in one style": "<p style='",
    "classes": "<pre class='",
}
_DEEP: Final = (
    *("<div>", "<b>", "<ul><li>", "<table><tr><td>", "<p><a>", "<dl><dd>", "<svg>", "<font color=1>", "<x-y>"),
    *("<blockquote>", "<section><p>", "<details><summary>"),
)


def main() -> int:
    """Measure, print, and judge."""
    return growth.judge("body", _bodies(), lambda html: clean(html, _BASE))


def _bodies() -> list[tuple[str, str, str]]:
    bodies = []
    for kind, unit in _LARGE.items():
        opening, times = _OPENINGS.get(kind, ""), _CHARACTERS // len(unit)
        bodies.append((kind, opening + unit * times, opening + unit * times * 10))
    bodies += [
        (f"{opening} {10 * _DEPTH:,} deep", f"{opening}字" * _DEPTH, f"{opening}字" * _DEPTH * 10) for opening in _DEEP
    ]
    everything = "".join(_LARGE[kind] for kind in ("paragraphs", "links", "pictures", "headings")) + "字" * 200
    count = 5 * _MB // len(everything.encode())
    return [*bodies, ("5 MB of everything", everything * (count // 10), everything * count)]


if __name__ == "__main__":
    sys.exit(main())
