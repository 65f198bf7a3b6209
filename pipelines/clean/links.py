"""Links: absolute and true, or only their text."""

import re
from typing import Final
from urllib.parse import unquote

from lxml import etree
from lxml.etree import _Element

from archive.body import ID_PREFIX
from pipelines.clean.draft import Draft
from pipelines.clean.layout import lay_out
from pipelines.clean.rules import any_found
from pipelines.clean.tree import text_of, unwrap
from pipelines.clean.urls import absolute, unredirected

_WITH_NAMES: Final = etree.XPath("descendant::*[@id or @name]")
_SCHEMES: Final = ("http", "https", "mailto")
_ID_STRAY: Final = re.compile(r"[^A-Za-z0-9_.\-]")
_DEAD: Final = re.compile(r"^\s*(?:$|#|javascript:|about:|void)", re.IGNORECASE)


def mend_links(body: Draft) -> None:
    """Absolute addresses without forwarding pages; scripts and empty ones leave their text.

    >>> from pipelines.clean.draft import after
    >>> after(mend_links, '<a href="/a" target=_blank>a</a><a href="javascript:;">b</a><a>c</a>')
    '<a href="https://example.com/a" target="_blank">a</a>bc'
    >>> after(mend_links, '<a href="https://www.niaogebiji.com/tag/%E6%94%AF">支付宝</a>')
    '支付宝'
    """
    targets = _targets(body.root) if _came_with_targets(body) else {}
    for link in list(body.root.iter("a")):
        href = link.get("href") or ""
        inside = _inside(href, body.base_url, targets)
        if inside is not None:
            link.set("href", inside)
            continue
        url = None if _DEAD.search(href) else absolute(href, body.base_url, _SCHEMES)
        if url is None:
            if href:
                body.ledger.note("dead link", href)
            _let_go(link)
            continue
        url = unredirected(url, body.rules.redirects)
        if any_found(body.rules.tag_links, url):
            name = " ".join(text_of(link).split())
            body.ledger.note("tag link", url)
            if name:
                body.ledger.tags[name] = None
            _let_go(link)
        else:
            link.set("href", url)


def _let_go(link: _Element) -> None:
    if link.get("id") or link.get("name"):
        link.tag = "span"
    else:
        unwrap(link)


def _came_with_targets(body: Draft) -> bool:
    return body.came_with(' id="', ' name="')


def _targets(root: _Element) -> dict[str, _Element]:
    found: dict[str, _Element] = {}
    for element in _WITH_NAMES(root):
        for name in (element.get("id"), element.get("name") if element.tag == "a" else None):
            if name:
                found.setdefault(name, element)
    return found


def _inside(href: str, base_url: str, targets: dict[str, _Element]) -> str | None:
    """`#id` as the cleaned article names it, where the link leads to something in the article."""
    page, hash_, fragment = href.strip().partition("#")
    if not hash_ or not fragment or (page and absolute(page, base_url) != base_url.partition("#")[0]):
        return None
    name = fragment if fragment in targets else unquote(fragment)
    return "#" + safe_id(name) if name in targets else None


def safe_id(name: str) -> str:
    """The id an article's target gets.

    >>> safe_id("fn:1"), safe_id("n-fn_3a1"), safe_id("注1")
    ('n-fn_3a1', 'n-fn_3a1', 'n-_6ce81')
    """
    plain = _ID_STRAY.sub(lambda stray: f"_{ord(stray[0]):x}", name)
    return plain if plain.startswith(ID_PREFIX) else ID_PREFIX + plain


def keep_targets(body: Draft) -> None:
    """Ids that a link in the article leads to stay, under a name of our own; the others go.

    >>> from pipelines.clean.draft import after
    >>> after(keep_targets, '<a href="#n-fn1">[1]</a><p id="fn1">a</p><p id="js_content">b</p>')
    '<a href="#n-fn1">[1]</a><p id="n-fn1">a</p><p>b</p>'
    """
    if not _came_with_targets(body):
        return
    wanted = {href[1:] for link in body.root.iter("a") if (href := link.get("href") or "").startswith("#")}
    given: set[str] = set()
    for element in _WITH_NAMES(body.root):
        names = [element.get("id") or "", (element.get("name") or "") if element.tag in ("a", "span") else ""]
        element.attrib.pop("id", None)
        for name in names:
            if name and (safe := safe_id(name)) in wanted and safe not in given:
                element.set("id", safe)
                given.add(safe)


def drop_lost_links(body: Draft) -> None:
    """A link to something that has not stayed in the article becomes its text, a target without links plain.

    >>> from pipelines.clean.draft import after
    >>> after(drop_lost_links, '<p id="n-z"><a href="#n-x">a</a><a href="#n-y">b</a></p><p id="n-y">c</p>')
    '<p>a<a href="#n-y">b</a></p><p id="n-y">c</p>'
    """
    if not _came_with_targets(body):
        return
    named = {element.get("id", ""): element for element in _WITH_NAMES(body.root)}
    inside = [link for link in body.root.iter("a") if (link.get("href") or "#").startswith("#")]
    wanted = {link.get("href", "#")[1:] for link in inside}
    for name, element in named.items():
        if name not in wanted:
            del element.attrib["id"]
    lost = [link for link in inside if link.get("href", "#")[1:] not in named]
    for link in lost:
        unwrap(link)
    if lost:
        lay_out(body)  # what the link kept apart is one again
