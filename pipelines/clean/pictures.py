"""Pictures: found wherever pages hide their addresses, written as `src` and `alt`."""

import itertools
import re
from functools import lru_cache
from typing import Final

from lxml import etree
from lxml.etree import _Element

from pipelines.clean.draft import Draft
from pipelines.clean.layout import lay_out
from pipelines.clean.rules import CleanRules, any_found
from pipelines.clean.text import visible
from pipelines.clean.tree import drop, give_text_before, replace, text_of, unwrap
from pipelines.clean.urls import absolute, data_image

_STYLED: Final = etree.XPath("descendant::*[@style]")
_IMAGE_TAGS: Final = ("amp-img", "mip-img", "image")
_BACKGROUND: Final = re.compile(
    r"""background(?:-image)?\s*+:(?:(?!background|url\()[^;])*+url\(\s*+["']?([^"'()]+)["']?\s*\)""", re.IGNORECASE
)
_LENGTH: Final = re.compile(r"(?:^|[;\s])(?:min-)?(width|height)\s*:\s*([0-9]+(?:\.[0-9]+)?)px", re.IGNORECASE)
_TALL: Final = re.compile(
    r"padding-(?:top|bottom)\s*:\s*[2-9]\d(?:\.\d+)?%|padding-(?:top|bottom)\s*:\s*\d{3}", re.IGNORECASE
)
_MIN_PICTURE_PX: Final = 60  # a background lower than that decorates: rules, bullets, quotation marks
# 快科技: s_<name>.jpg beside <name>.jpg; 游民星空: <name>_S.jpg; WordPress: <name>-300x200.jpg
_THUMB: Final = re.compile(r"^(?:s|m|thumb|small)_|(?:_(?:s|m|thumb|small)|-\d{2,4}x\d{2,4})(?=\.\w+$)", re.IGNORECASE)
_VIEWER: Final = re.compile(r"^[^?]*\?(?=https?://)")  # 游民星空: /showimage/…?<address of the picture>
_FULL: Final = re.compile(r"\.(?:jpe?g|png|gif|webp|bmp)(?:[?#!].*)?$", re.IGNORECASE)
# What an attribute must look like to be taken for a picture's address.
_ADDRESS: Final = re.compile(r"^(?:https?:)?//|^/|\.(?:jpe?g|png|gif|webp|bmp|avif)\b|wx_fmt=", re.IGNORECASE)
# These hold the original where `src` holds a smaller copy; the others only replace a placeholder.
_SETS: Final = ("srcset", "data-srcset", "data-lazy-srcset")
_BETTER_THAN_SRC: Final = ("data-croporisrc", "data-original-src", "data-original", "data-actualsrc")


def show_backgrounds(body: Draft) -> None:
    """A picture that is the background of an otherwise empty box is content; bullets and rules are not.

    >>> from pipelines.clean.draft import after
    >>> after(show_backgrounds, '<svg style="background-image:url(//a.cn/1.png);height:400px"></svg>')
    '<svg style="background-image:url(//a.cn/1.png);height:400px"><img src="//a.cn/1.png"></svg>'
    >>> after(show_backgrounds, '<h2 style="background-image:url(/h2_icon.png)">a</h2>')
    '<h2 style="background-image:url(/h2_icon.png)">a</h2>'
    """
    if not body.came_with("url("):
        return
    for element in _STYLED(body.root):
        style = element.get("style", "")
        found = _BACKGROUND.search(style) if "url(" in style else None
        if not found or text_of(element).strip() or element.find(".//img") is not None or element.tag == "img":
            continue
        lengths = {name.lower(): float(value) for name, value in _LENGTH.findall(style)}
        if lengths.get("height", 0) >= _MIN_PICTURE_PX or _TALL.search(style) or element.get("viewBox"):
            element.insert(0, etree.Element("img", {"src": found[1].strip()}))


def open_noscripts(body: Draft) -> None:
    """A picture in `noscript` is shown to whoever runs no scripts: it stands in for the one before it.

    >>> from pipelines.clean.draft import after
    >>> after(open_noscripts, '<img class="lazy" data-x="?"><noscript><img src="a.png">Turn it on!</noscript>')
    '<img src="a.png">'
    """
    if "noscript" not in body.tags:
        return
    for noscript in list(body.root.iter("noscript")):
        before = noscript.getprevious()
        for image in list(noscript.iter("img")):
            if before is not None and before.tag == "img" and not _candidates(before, body.rules):
                drop(before)
            before = None
            image.tail = None
            noscript.addprevious(image)
        drop(noscript)


def resolve_pictures(body: Draft) -> None:
    """Each picture's true address, absolute, its original where a resize was asked for; trackers go.

    >>> from pipelines.clean.draft import after
    >>> after(resolve_pictures, '<img data-src="//a.cn/图.jpg?imageView2/2/w/640" src="data:," class=b alt=" x ">')
    '<img src="https://a.cn/%E5%9B%BE.jpg" alt="x">'
    >>> after(resolve_pictures, 'a<img src="/pixel" width="1" height="1">b<img>')
    'ab'
    """
    if body.had(_IMAGE_TAGS):
        for element in list(body.root.iter(*_IMAGE_TAGS)):
            element.tag = "img"
    images = list(body.root.iter("img"))
    sources = [image.get("src") for image in images]
    shared = {src for src in sources if src and sources.count(src) > 1} if len(images) < _MANY else set()
    for image in images:
        url = _address(image, body, shared)
        if url is None:
            if any(image.get(name) for name in ("src", *body.rules.lazy)):
                body.ledger.note("picture without address", image.get("src") or "")
                body.ledger.unusable.update(dict.fromkeys(_unusable(image, body.rules)))
            drop(image)
        elif _is_tracker(image, url, body.rules):
            body.ledger.note("tracker", url)
            drop(image)
        else:
            alt = _alt(image.get("alt") or "", url, body.rules)
            image.attrib.clear()
            image.set("src", url)
            image.set("alt", alt)


_MANY: Final = 500
_FORMULA_LAYER: Final = re.compile(r"\bkatex\b|mathjax|mjx-container", re.IGNORECASE)
_MAX_TWIN_LEVELS: Final = 3


def _unusable(image: _Element, rules: CleanRules) -> list[str]:
    """The address a picture was meant to have, when it names one that no browser would fetch."""
    named = [
        candidate for candidate in _candidates(image, rules) if not candidate.lower().startswith(("data:", "about:"))
    ]
    return named[:1]


def _candidates(image: _Element, rules: CleanRules) -> list[str]:
    """Addresses in the order in which they are believed."""
    given = dict(image.items())
    src = given.get("src", "").strip()
    lazy = {name: given[name].strip() for name in rules.lazy if name in given and _ADDRESS.search(given[name])}
    better = [lazy[name] for name in _BETTER_THAN_SRC if name in lazy]
    usable = [src] if src and not any_found(rules.placeholders, src) else []
    sets = [best for name in _SETS if name in given and (best := _largest(given[name]))]
    parent = image.getparent()
    if parent is not None and parent.tag == "picture":
        sets += [
            best
            for source in parent.iter("source")
            if (best := _largest(source.get("srcset") or source.get("data-srcset")))
        ]
    return [*better, *usable, *lazy.values(), *sets, *([src] if src else [])]


def _largest(srcset: str | None) -> str | None:
    """The widest picture of a `srcset`.

    >>> _largest("a.jpg 1x, b.jpg 2x"), _largest(None)
    ('b.jpg', None)
    """
    best, best_width = None, -1.0
    for candidate in re.split(r",\s+|,(?=https?:|//)", srcset or ""):
        address, _, size = candidate.strip().partition(" ")
        number = re.match(r"[0-9]+(?:\.[0-9]+)?", size.strip())
        width = float(number[0]) if number else 0.0
        if address and width > best_width:
            best, best_width = address, width
    return best


def _address(image: _Element, body: Draft, shared: set[str]) -> str | None:
    candidates = _candidates(image, body.rules)
    if len(set(candidates)) > 1 and candidates[0] in shared:
        candidates = [*candidates[1:], candidates[0]]
    for candidate in candidates:
        if candidate[:5].lower() == "data:":
            found = data_image(candidate)
            if found and not any_found(body.rules.placeholders, found):
                return found
            continue
        if url := absolute(candidate, body.base_url):
            return original(url, body.rules.image_originals)
    return None


def original(url: str, originals: tuple[tuple[str, str], ...]) -> str:
    """The address of the uploaded file, where a CDN was asked for a smaller one.

    >>> from pipelines.clean.rules import IMAGE_ORIGINALS
    >>> original("https://a.jianshu.io/1.png?imageMogr2/auto-orient/strip%7CimageView2/2/w/610", IMAGE_ORIGINALS)
    'https://a.jianshu.io/1.png'
    """
    for pattern, replacement in _originals(originals):
        if pattern.search(url):
            found = absolute(pattern.sub(replacement, url), url)
            if found is not None and found != url:
                return original(found, originals)  # what is behind a proxy may ask for a smaller one itself
    return url


@lru_cache(maxsize=256)
def _originals(table: tuple[tuple[str, str], ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in table)


def _is_tracker(image: _Element, url: str, rules: CleanRules) -> bool:
    if any_found(rules.trackers, url):
        return True
    sizes = dict(_LENGTH.findall(image.get("style") or ""))
    width = image.get("width") or sizes.get("width") or ""
    height = image.get("height") or sizes.get("height") or ""
    return width.strip().removesuffix("px") in ("0", "1") and height.strip().removesuffix("px") in ("0", "1")


def _alt(alt: str, url: str, rules: CleanRules) -> str:
    alt = " ".join(visible(alt).split())
    if not alt or alt in url or any_found(rules.seo_alt, alt):
        return ""
    return alt


def link_originals(body: Draft) -> None:
    """A thumbnail that links to its own full picture becomes that picture.

    >>> from pipelines.clean.draft import after
    >>> after(link_originals, '<a href="https://a.cn/1.jpg"><img src="https://a.cn/thumb/1.jpg" alt=""></a>')
    '<img src="https://a.cn/1.jpg" alt="">'
    """
    if "a" not in body.tags:
        return
    for image in list(body.root.iter("img")):
        link = next(image.iterancestors("a"), None)
        if link is None or text_of(link).strip() or len(link.findall(".//img")) > 1:
            continue
        full = absolute(_VIEWER.sub("", link.get("href") or ""), body.base_url)
        if full is None or not _FULL.search(full):
            continue
        full = original(full, body.rules.image_originals)
        name = _file_name(full)
        if name and name == _THUMB.sub("", _file_name(image.get("src", ""))):
            body.ledger.note("full picture", full)
            image.set("src", full)
            unwrap(link)


def link_cut_originals(body: Draft) -> None:
    """A link around a picture and text is two links once they are laid out, the first perhaps to its own picture.

    >>> from pipelines.clean.draft import after
    >>> after(link_cut_originals, '<p><a href="https://a.cn/1.jpg"><img src="https://a.cn/1.jpg"></a></p><p>b</p>')
    '<p><img src="https://a.cn/1.jpg" alt=""></p><p>b</p>'
    """
    found = body.ledger.counts.get("full picture", 0)
    link_originals(body)
    if body.ledger.counts.get("full picture", 0) != found:
        lay_out(body)  # what the link kept apart is one again


def _file_name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def write_formulas(body: Draft) -> None:
    """A formula that is drawn as paths stands as its TeX, where the page gives it.

    >>> from pipelines.clean.draft import after
    >>> after(write_formulas, '由<span data-formula="x^2"><svg><path></path></svg></span>得')
    '由<span data-formula="x^2">x^2</span>得'
    """
    if not body.came_with("data-formula"):
        return
    for formula in body.root.findall(".//*[@data-formula]"):
        drawn = next(formula.iter("svg", "embed"), None)
        if drawn is None or text_of(formula).strip() or formula.find(".//img") is not None:
            continue
        if drawn is formula:
            give_text_before(formula, formula.get("data-formula"))
            drop(formula)
        else:
            for child in list(formula):
                formula.remove(child)
            formula.text = formula.get("data-formula")


def _drop_twin(math: _Element, body: Draft) -> None:
    """KaTeX and MathJax write a formula twice, as MathML for screen readers and drawn; the drawing, beside what holds
    the MathML, is marked as hidden from them (https://katex.org/docs/options.html, `htmlAndMathml`).
    """
    for layer in itertools.islice(math.iterancestors(), _MAX_TWIN_LEVELS):
        if _FORMULA_LAYER.search(f"{layer.tag!s} {layer.get('class')}"):
            for part in layer:
                if part.get("aria-hidden") == "true":
                    body.ledger.note("formula drawn beside its MathML", text_of(part))
                    drop(part)


def draw(body: Draft) -> None:
    """Inline SVG and MathML: pictures and text in them stay, a formula by its TeX; icons go.

    >>> from pipelines.clean.draft import after
    >>> after(draw, "<i class=katex><i><math><mi>x</mi></math></i><i aria-hidden=true>x</i></i>")
    '<i class="katex"><i>x</i></i>'
    >>> after(draw, "<svg><title>t</title><foreignObject><p>a</p></foreignObject></svg>b<svg><path></path></svg>")
    '<div><div><p>a</p></div></div>b'
    """
    if not body.had(("svg", "math")):
        return
    for svg in list(body.root.iter("svg")):
        kept = etree.Element("div")
        for part in list(svg.iter("foreignObject", "img", "image", "text")):
            if any(above.tag in ("foreignObject", "text") for above in part.iterancestors()):
                continue
            if part.tag == "image":
                href = part.get("href") or part.get("xlink_href") or part.get("{http://www.w3.org/1999/xlink}href")
                kept.append(etree.Element("img", {"src": href or ""}))
                continue
            part.tag = part.tag if part.tag == "img" else "div"
            part.tail = None
            kept.append(part)
        if len(kept):
            replace(svg, kept)
        else:
            body.ledger.note("svg", "")
            drop(svg)
    for math in list(body.root.iter("math")):
        _drop_twin(math, body)
        tex = next((text_of(note) for note in math.iter("annotation") if "tex" in (note.get("encoding") or "")), None)
        give_text_before(math, tex.strip() if tex else text_of(math))
        drop(math)
