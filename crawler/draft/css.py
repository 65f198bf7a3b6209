"""Elements in trees → a short, stable CSS selector that finds them in every tree. Pure.

Ids and class names that mean something come before tags, tags before positions, and what a build tool generated
(`css-1x2ab3`, `Title_root__3kT9a`) is never used: it changes with the site's next release.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise

from lxml import etree
from lxml.etree import _Element
from parsel import css2xpath

_MOST_ANCESTORS = 7
_MOST_CANDIDATES = 600
_MOST_SELECTORS = 3
_TELLING_SCOPES = 8
_TELLING_ELEMENTS = 3
_NAME = re.compile(r"-?[A-Za-z_][A-Za-z0-9_-]{1,40}")
_BUILT = re.compile(r"^(?:css|sc|jsx|jss|emotion|svelte|astro|chakra)-|^data-v-|^Mui[A-Z]|\d{3}")
_HASH_CHANGES = 3  # more than camelCase and a number behind it have
_LAYOUT = re.compile(
    r"^(?:clearfix|clear|cf|fl|fr|left|right|center|pull-\w+|float-\w+|row|cols?|col-[\w-]+|grid[\w-]*|container|wrap|"
    r"wrapper|inner|outer|box|flex[\w-]*|inline[\w-]*|block|hidden|show|active|on|cur|current|first|last|odd|even|"
    r"[pm][xytblr]?-\d+|[pm][tblrxy]?\d+|text-[\w-]+|font-[\w-]+|w-[\w-]+|h-[\w-]+|bg-[\w-]+|border[\w-]*|rounded[\w-]*|"
    r"\w*hide|mobile\w*|elp|ellipsis|new|item|list|is-[\w-]+|has-[\w-]+|wow|fade\w*|sr-only)$",
    re.IGNORECASE,
)
_TAGS = {"h1": 2.0, "article": 2.5, "time": 2.5, "main": 3.0, "h2": 3.5, "h3": 3.5}
_SAYING = ("itemprop", "rel", "property", "name")
"""Attributes whose values say what an element holds."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where a selector is looked up, and what it shall find there, in document order; nothing: find nothing."""

    root: _Element
    wanted: tuple[_Element, ...]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A selector, in how many of the scopes that want something it finds it, and in how many something else."""

    css: str
    right: int
    wrong: int


Fits = Callable[[Scope, Sequence[_Element]], bool]


def finds_first(scope: Scope, found: Sequence[_Element]) -> bool:
    """The first match is the wanted one: how a profile's fields are read."""
    return found[0] is scope.wanted[0]


def finds_all(scope: Scope, found: Sequence[_Element]) -> bool:
    """The matches are the wanted ones and no others: how tags and the entries of a list are read."""
    return len(found) == len(scope.wanted) and all(a is b for a, b in zip(found, scope.wanted, strict=True))


def matches(root: _Element, css: str) -> list[_Element]:
    """The elements that a CSS selector finds in an element, itself included, as a profile's selectors do.

    >>> tree = etree.fromstring("<div><p class='a'/><p/></div>")
    >>> len(matches(tree, "p")), len(matches(tree, "div > .a"))
    (2, 1)
    """
    found = _compiled(css)(root)
    return [node for node in found if etree.iselement(node)] if isinstance(found, list) else []


@lru_cache(maxsize=4096)
def _compiled(css: str) -> etree.XPath:
    return etree.XPath(css2xpath(css))


def is_generated(name: str) -> bool:
    """Whether a class name or an id looks like a build tool's work, or holds a number of one post.

    >>> [name for name in ("css-1q2w3e", "Title_root__3kT9a", "post-48213", "articleTitle", "h2") if is_generated(name)]
    ['css-1q2w3e', 'Title_root__3kT9a', 'post-48213']
    """
    if not _NAME.fullmatch(name) or _BUILT.search(name):
        return True
    return any(_changes(part) >= _HASH_CHANGES for part in re.split(r"[-_]+", name))


def _changes(part: str) -> int:
    """How often a word goes from small letters to capitals, or digits, and back: words hardly do, hashes do."""
    if re.fullmatch(r"(?=\w*\d\w*\d)[a-f0-9]{6,}|\d[A-Za-z]{4,}|(?:[A-Z][a-z]{0,2}){3,}[a-z]?", part):
        return len(part)
    kinds = re.sub(r"[A-Z]", "A", re.sub(r"[a-z]", "a", re.sub(r"\d", "1", part)))
    runs = re.findall(r"a+|A+|1+", kinds)
    words = len(re.findall(r"(?<!A)A(?=a)", kinds)) - (0 if kinds.startswith("a") else 1)
    return len(runs) - 1 - 2 * max(0, words) if runs else 0


def choose(scopes: Sequence[Scope], fits: Fits, *, hint: str = "") -> Choice | None:
    """The best selector over all scopes, None when no selector finds what is wanted in any.

    hint: a regular expression for names that say what is looked for (`author|byline`).
    """
    most = sum(bool(scope.wanted) for scope in scopes)
    best, best_rank = None, (math.inf, math.inf)
    for css, cost in _by_cost(scopes, hint):
        if best_rank[0] == -most and best_rank[1] <= cost:
            break  # what follows costs more and cannot be right more often
        right, wrong, further = _judge(scopes, css, fits)
        trust = right - 2 * wrong - (2 if ":nth-of-type" in css else 0)
        rank = (-trust, cost + (3.0 if further else 0.0))
        if right and rank < best_rank:
            best, best_rank = Choice(css=css, right=right, wrong=wrong), rank
    return best


def cascade(scopes: Sequence[Scope], fits: Fits = finds_first, *, hint: str = "") -> tuple[Choice, ...]:
    """Selectors to be tried in order, as a profile's field has them: the next stand for scopes where none before found
    anything. One that finds a wrong thing anywhere is taken only when there is no other.
    """
    chosen: list[Choice] = []
    left = [scope for scope in scopes if scope.wanted]
    while left and len(chosen) < _MOST_SELECTORS:
        idle = [scope for scope in scopes if scope in left or not scope.wanted]
        choice = choose(idle, fits, hint=hint)
        if choice is None or (chosen and choice.wrong):
            break
        chosen.append(choice)
        left = [scope for scope in left if not matches(scope.root, choice.css)]
    return tuple(chosen)


def _by_cost(scopes: Sequence[Scope], hint: str) -> list[tuple[str, float]]:
    """Candidates for what is wanted, the cheapest first. A few scopes are enough to think of all there are."""
    costs: dict[str, float] = {}
    for scope in [scope for scope in scopes if scope.wanted][:_TELLING_SCOPES]:
        for element in scope.wanted[:_TELLING_ELEMENTS]:
            for css, cost in islice(candidates(element, scope.root, hint), _MOST_CANDIDATES):
                costs[css] = min(cost, costs.get(css, cost))
    return sorted(costs.items(), key=lambda row: (row[1], len(row[0]), row[0]))


def _judge(scopes: Sequence[Scope], css: str, fits: Fits) -> tuple[int, int, int]:
    """In how many scopes a selector is right, and wrong, and in how many it finds more than it should."""
    right = wrong = further = 0
    for scope in scopes:
        found = matches(scope.root, css)
        if not found:
            continue
        if scope.wanted and fits(scope, found):
            right += 1
            further += len(found) > len(scope.wanted)
        else:
            wrong += 1
    return right, wrong, further


def candidates(element: _Element, root: _Element, hint: str = "") -> Iterator[tuple[str, float]]:
    """Selectors that find an element below a root, each with its cost: lower reads better and lasts longer."""
    own = list(simple(element, hint))
    yield from own
    parent = element.getparent() if element is not root else None
    above = list(islice(_ancestors(element, root), _MOST_ANCESTORS))
    for distance, ancestor in enumerate(above):
        for outer, outer_cost in simple(ancestor, hint):
            for inner, cost in own:
                total = cost + outer_cost + 0.5 + 0.1 * distance
                yield f"{outer} {inner}", total
                if ancestor is parent:
                    yield f"{outer} > {inner}", total + 0.4
    yield from _positional(element, above)


def simple(element: _Element, hint: str = "") -> Iterator[tuple[str, float]]:
    """The compound selectors of one element without its surroundings."""
    tag = element.tag
    if not isinstance(tag, str) or not re.fullmatch(r"[a-z][a-z0-9-]*", tag):
        return
    said = re.compile(hint, re.IGNORECASE) if hint else None

    def cost(base: float, name: str) -> float:
        hinted = -0.8 if said and said.search(name) else 0.0
        return base + hinted + (2.5 if _LAYOUT.match(name) else 0.0) + len(name) / 100

    id_ = element.get("id", "")
    if id_ and not is_generated(id_):
        yield f"#{id_}", cost(1.5, id_)
    names = [name for name in dict.fromkeys(element.get("class", "").split()) if not is_generated(name)]
    for name in names:
        yield f".{name}", cost(2.0, name)
        yield f"{tag}.{name}", cost(1.9 if tag in _TAGS else 2.3, name)
    for stem in dict.fromkeys(filter(None, map(_stem, element.get("class", "").split()))):
        yield f'[class*="{stem}"]', cost(3.2, stem)
    for first, second in pairwise(names):
        yield f".{first}.{second}", cost(3.0, first) + cost(1.0, second)
    for attribute in _SAYING:
        value = element.get(attribute, "")
        if re.fullmatch(r"[A-Za-z][\w:.-]{0,40}", value) and not re.search(r"\d{3,}", value):
            quoted = value if re.fullmatch(r"[A-Za-z][\w-]*", value) else f'"{value}"'
            yield f"{tag}[{attribute}={quoted}]", cost(2.2, value)
    yield tag, _TAGS.get(tag, 5.0)


def _stem(name: str) -> str:
    """What people chose of a name that a build tool lengthened; nothing of other names, and of what is all hash.

    >>> _stem("main_content-LcrEruCc"), _stem("Title_root__3kT9a"), _stem("css-1q2w3e"), _stem("entry-content")
    ('main_content-', 'Title_root__', '', '')
    """
    match = re.match(r"(?P<stem>[A-Za-z][A-Za-z_-]{4,}[-_])(?P<rest>[A-Za-z0-9]{4,})$", name)
    if match is None or not is_generated(name) or match["rest"].isdigit() or is_generated(match["stem"] + "x"):
        return ""
    return match["stem"]


def _ancestors(element: _Element, root: _Element) -> Iterator[_Element]:
    """From the parent up, below `html` and `body`, and not above the root of the scope."""
    node: _Element | None = element
    while node is not None and node is not root:
        node = node.getparent()
        if node is not None and node.tag not in ("html", "body"):
            yield node


def _positional(element: _Element, above: Sequence[_Element]) -> Iterator[tuple[str, float]]:
    """The last resort: which of its kind it is, below the nearest ancestor that has a name."""
    step = _step(element)
    steps = [step]
    for ancestor in above:
        named = [(css, cost) for css, cost in simple(ancestor) if cost < _TAGS["h2"]]
        for css, cost in named:
            yield f"{css} > {' > '.join(reversed(steps))}", 12.0 * len(steps) + cost
        steps.append(_step(ancestor))
    yield step, 18.0
    line = [node for node in (element, *element.iterancestors()) if node.tag not in ("html", "body")]
    if line[-1].getparent() is not None:
        yield f"body > {' > '.join(_step(node) for node in reversed(line))}", 12.0 * len(line) + 8


def _step(element: _Element) -> str:
    tag = str(element.tag)
    return f"{tag}:nth-of-type({1 + len([*element.itersiblings(tag, preceding=True)])})"
