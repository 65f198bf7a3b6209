"""Labels and captions: what a paragraph is, said in other ways than by its tag."""

from typing import Final

from lxml import etree
from lxml.etree import _Element

from pipelines.clean.draft import Draft
from pipelines.clean.tree import classes, text_of

_LABELLED: Final = etree.XPath("descendant::*[@label]")
_CLASSED: Final = etree.XPath("descendant::*[@class]")
_MAX_CAPTION_CHARS: Final = 200
_MAX_GAP: Final = 8  # line breaks and empty layers between a picture and its caption
_LIMITS: Final = frozenset(("body", "td", "li", "blockquote"))


def read_labels(body: Draft) -> None:
    """鸟哥笔记's `label` attribute names headings and captions; other sites' classes do.

    >>> from pipelines.clean.draft import after
    >>> after(read_labels, '<p label="二级标题">a</p><p label="正文">b</p>')
    '<h3 label="二级标题">a</h3><p label="正文">b</p>'
    """
    if body.came_with(' label="'):
        kinds = dict(body.rules.labels)
        for element in _LABELLED(body.root):
            kind = kinds.get(element.get("label", ""))
            if kind and element.tag in ("p", "div", "section", "h1", "h2", "h3", "h4", "h5", "h6"):
                element.tag = kind
    headings = dict(body.rules.heading_classes)
    if headings and body.came_with(*headings):
        for element in _CLASSED(body.root):
            kind = next((headings[name] for name in classes(element) if name in headings), None)
            if kind and element.tag in ("p", "div", "section"):
                element.tag = kind
    if body.came_with(' class="') and body.came_with(*body.rules.captions):
        captioned = set(body.rules.captions)
        for element in _CLASSED(body.root):
            if not captioned.isdisjoint(classes(element)) and element.tag not in ("img", "figcaption", "a"):
                element.tag = "figcaption"


def bind_captions(body: Draft) -> None:
    """A caption and the picture before it become a figure.

    >>> from pipelines.clean.draft import after
    >>> after(bind_captions, "<p><img src=a></p> <figcaption>b</figcaption><figcaption>c</figcaption>")
    '<figure><p><img src="a"></p><figcaption>b</figcaption></figure><p>c</p>'
    """
    for caption in list(body.root.iter("figcaption")):
        if next(caption.iterancestors("figure"), None) is not None:
            continue
        picture = _picture_before(caption)
        if picture is None or len(text_of(caption)) > _MAX_CAPTION_CHARS:
            caption.tag = "p"
            continue
        figure = etree.Element("figure")
        picture.addprevious(figure)
        figure.append(picture)
        picture.tail = None
        figure.tail, caption.tail = caption.tail, None
        figure.append(caption)


def _picture_before(caption: _Element) -> _Element | None:
    """The pictures just before the caption, or before the block that it begins."""
    element: _Element | None = caption
    while element is not None and element.tag not in _LIMITS:
        previous = element.getprevious()
        for _ in range(_MAX_GAP):
            if previous is None or not _is_nothing(previous):
                break
            previous = previous.getprevious()
        parent = element.getparent()
        if previous is not None:
            pictures = previous.tag == "img" or previous.find(".//img") is not None
            texts = (previous.tail or "") + text_of(previous)
            return previous if pictures and not texts.strip() and previous.tag != "figure" else None
        if parent is None or (parent.text or "").strip():
            return None
        element = parent
    return None


def _is_nothing(element: _Element) -> bool:
    """Whether a reader sees nothing of it: a line break, an empty layer."""
    if element.tag in ("img", "hr") or (element.tail or "").strip() or text_of(element).strip():
        return False
    return element.find(".//img") is None
