"""Parts of the page that were never part of the text."""

from functools import lru_cache
from typing import Final

from lxml import etree
from lxml.cssselect import CSSSelector
from lxml.etree import _Element

from pipelines.clean.draft import Draft
from pipelines.clean.tree import classes, drop, text_of

_CLASSED: Final = etree.XPath("descendant::*[@class]")
_CONTROLS: Final = ("button", "input", "select", "textarea", "datalist", "dialog", "canvas", "progress", "meter")
_UNSHOWN: Final = ("noframes", "noembed", "head", "frameset", "area", "param", "track")


def drop_site_furniture(body: Draft) -> None:
    """What the site's profile says is no part of its articles.

    >>> from pipelines.clean.draft import after
    >>> from pipelines.clean.rules import CleanRules
    >>> after(drop_site_furniture, "<p>a</p><div class=share>b</div>c", CleanRules(drop=("div.share",)))
    '<p>a</p>c'
    """
    for selector in body.rules.drop:
        for element in select(selector, body.root):
            if element.getparent() is not None:
                body.ledger.note(f"drop {selector}", text_of(element))
                drop(element)


def select(css: str, root: _Element) -> list[_Element]:
    return list(_selector(css)(root))


@lru_cache(maxsize=256)
def _selector(css: str) -> CSSSelector:
    return CSSSelector(css)


def drop_controls(body: Draft) -> None:
    """Buttons, fields and the furniture of code listings and players.

    >>> from pipelines.clean.draft import after
    >>> after(drop_controls, '<pre>x = 1<span class="copy-code-btn">复制代码</span></pre><button>打赏</button>')
    '<pre>x = 1</pre>'
    """
    if body.came_with(' class="') and body.came_with(*body.rules.drop_classes):
        named = set(body.rules.drop_classes)
        for element in _CLASSED(body.root):
            if not named.isdisjoint(classes(element)):
                body.ledger.note("furniture", text_of(element))
                drop(element)
    if body.had(_CONTROLS):
        for element in list(body.root.iter(*_CONTROLS)):
            body.ledger.note("control", text_of(element) or str(element.get("value", "")))
            drop(element)
    if body.had(_UNSHOWN):
        for element in list(body.root.iter(*_UNSHOWN)):
            drop(element)
