"""How the time to find an article grows with the size of its page: ten times the size should take ten times as long.

    python -m benchmarks.extract_growth

The exit code is 1 when a page takes more than `growth.MAX_RATIO` times as long.
"""

from __future__ import annotations

import sys
from typing import Final

from benchmarks import growth
from crawler.extract import Page
from crawler.generic import find_article

_COUNT: Final = 1_000
_TEXT: Final = "".join(
    f"<p>茶山的第{number}段文字，露水干透以后再摘，炒出来的茶才不会发苦。</p>" for number in range(5)
)
_PAGES: Final = {
    "paragraphs": ("", "<p>三月的茶山还带着凉意，采茶的人天不亮就上了坡，篮子里铺着一层棉布。</p>"),
    "links beside the article": (_TEXT, '<li><a href="/n/1.html">另一条消息，编号为一</a></li>'),
    "links to further pages": (_TEXT, '<p><a href="/1_2.html">2</a></p>'),
    "lists of related articles": (_TEXT, "<div><h3>相关阅读</h3><p>每到清明前后，全村的人都在坡上忙碌。</p></div>"),
    "boxes with a picture": (_TEXT, '<div class="side"><img src="a.jpg"></div>'),
    "bylines": (_TEXT, "<p>作者：茶</p>"),
    "bylines in one paragraph": (f"{_TEXT}<p>", "作者："),
}


def main() -> int:
    """Measure, print, and judge."""
    pairs = [(name, _page(*parts, _COUNT), _page(*parts, 10 * _COUNT)) for name, parts in _PAGES.items()]
    return growth.judge("page", pairs, lambda html: find_article(Page.of("https://example.com/1.html", html.encode())))


def _page(opening: str, unit: str, count: int) -> str:
    return f"<title>茶山</title><h1>茶山</h1><div>{opening}</div>{unit * count}"


if __name__ == "__main__":
    sys.exit(main())
