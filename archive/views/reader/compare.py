"""What changed between two versions of a post: blocks aligned, then words and characters. Pure.

Both bodies are taken apart into blocks (paragraphs, headings, items, rows of tables, pictures). A shortest edit of one
sequence of blocks into the other (Myers 1986) tells which are the same; of the rest, blocks that share enough words are
taken for one another, in order, and a shortest edit of their words tells what was changed in them. Chinese is compared
character by character, other scripts word by word. The work is bounded: where two texts differ in more than
`_MOST_EDITS` places, the one stands as removed and the other as added.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeVar

from selectolax.lexbor import LexborHTMLParser, LexborNode

from archive.layout import link_from_document
from archive.views.reader.version import Picture, Version, is_picture, line, plain

Op = Literal["same", "del", "ins"]
Kind = Literal["same", "changed", "look", "del", "ins", "skip"]
_MOST_EDITS: Final = 800
_MOST_PAIRS: Final = 4_000
_ALIKE: Final = 0.45
_KEPT_SHARE: Final = 0.25
_CONTEXT: Final = 1
_TOKEN: Final = re.compile(r"[A-Za-z0-9À-ɏ]+|\s+|.", re.DOTALL)
_BLOCKS: Final = frozenset(
    ("p", "h2", "h3", "h4", "h5", "h6", "li", "dt", "dd", "blockquote", "pre", "tr", "caption", "figcaption", "summary")
)
_AROUND: Final = frozenset(("ul", "ol", "dl", "table", "thead", "tbody", "tfoot", "figure", "details", "hr"))
_INLINE: Final = frozenset(("strong", "em", "del", "s", "u", "mark", "sub", "sup", "small", "kbd", "code", "a", "ruby"))
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of text that both have, or one alone."""

    op: Op
    text: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """A block of the comparison; `skip` stands for so many blocks that are the same."""

    kind: Kind
    tag: str = "p"
    pieces: tuple[Piece, ...] = ()
    picture: Picture | None = None
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """fields: what changed beside the body, by the name of its word. added, removed: characters of the body."""

    fields: Sequence[tuple[str, tuple[Piece, ...]]]
    rows: Sequence[Row]
    added: int
    removed: int
    pictures_added: int
    pictures_removed: int

    @property
    def is_look_alone(self) -> bool:
        """Whether formatting and links changed, and not a word of the text."""
        changed = {row.kind for row in self.rows} - {"same", "skip"}
        return changed == {"look"}

    @property
    def is_empty(self) -> bool:
        return not self.fields and not self.rows


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of a body. marks: formatting and links, by where they stand in the text."""

    tag: str
    text: str = ""
    marks: tuple[tuple[str, int, str], ...] = ()
    image: str = ""

    @property
    def says(self) -> tuple[str, str]:
        return self.text, self.image


def compare(old: Version, new: Version) -> Comparison:
    """What a reader would see changed from one version to another."""
    rows = [*_aligned(blocks_of(old.body), blocks_of(new.body), {**old.pictures, **new.pictures})]
    body = [piece for row in rows for piece in row.pieces]
    return Comparison(
        fields=[*_fields(old, new)],
        rows=_folded(rows),
        added=sum(len(piece.text) for piece in body if piece.op == "ins"),
        removed=sum(len(piece.text) for piece in body if piece.op == "del"),
        pictures_added=sum(row.picture is not None and row.kind == "ins" for row in rows),
        pictures_removed=sum(row.picture is not None and row.kind == "del" for row in rows),
    )


# -- a body in blocks ----------------------------------------------------------------------------------------------


def blocks_of(body: str) -> list[Block]:
    """The blocks of a body, in order.

    >>> [(block.tag, block.text) for block in blocks_of("<p>一<b>二</b></p><ul><li>三<ul><li>四</li></ul></li></ul>")]
    [('p', '一二'), ('li', '三'), ('li', '四')]
    """
    root = LexborHTMLParser(f"<!DOCTYPE html><body>{body}").body
    taken = _Taken()
    if root is None:
        return []
    stack = [(root.iter(include_text=True), "")]
    while stack:
        children, tag = stack[-1]
        node = next(children, None)
        if node is None:
            stack.pop()
            taken.end(tag)
        elif node.tag == "-text":
            taken.text(plain(node.text_content or ""))
        elif node.tag == "img":
            taken.image(node)
        elif node.tag == "br":
            taken.text("\n")
        elif not (node.tag or "").startswith("-") and node.tag not in ("script", "style", "template"):
            taken.start(node)
            stack.append((node.iter(include_text=True), node.tag or ""))
    taken.flush()
    return taken.blocks


@dataclass(kw_only=True)
class _Taken:
    blocks: list[Block] = field(default_factory=list)
    _tags: list[str] = field(default_factory=lambda: ["p"])
    _text: str = ""
    _marks: list[tuple[str, int, str]] = field(default_factory=list)

    def text(self, text: str) -> None:
        self._text += text if "pre" in self._tags else re.sub(r"[ \t\r\f]+|(?<=\n)\n+", " ", text)

    def start(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in _BLOCKS or tag in _AROUND:
            self.flush()
        elif tag in ("td", "th") and self._text.strip():
            self._text += " ｜ "
        elif tag in _INLINE:
            self._marks.append((tag, len(self._text), line(node.attributes.get("href"))))
        if tag in _BLOCKS:
            self._tags.append(tag)

    def end(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.flush()
            self._tags.pop()
        elif tag in _AROUND:
            self.flush()
        elif tag in _INLINE:
            self._marks.append((f"/{tag}", len(self._text), ""))

    def image(self, node: LexborNode) -> None:
        key = (node.attributes.get("src") or "").removeprefix(link_from_document(""))
        if is_picture(key):
            self.flush()
            self.blocks.append(Block(tag="img", image=key))

    def flush(self) -> None:
        text = self._text.strip("\n") if "pre" in self._tags else self._text.strip()
        if text:
            self.blocks.append(Block(tag=self._tags[-1], text=text, marks=tuple(self._marks)))
        self._text = ""
        self._marks = []


# -- blocks aligned ------------------------------------------------------------------------------------------------


def _aligned(old: Sequence[Block], new: Sequence[Block], pictures: Mapping[str, Picture]) -> Iterator[Row]:
    for before, after, is_same in _runs(old, new):
        if is_same:
            yield from (_row("same", block, pictures) for block in after)
            continue
        for first, second in _pairs(before, after):
            if first is None or second is None:
                block = first or second
                if block is not None:
                    yield _row("ins" if first is None else "del", block, pictures)
            elif first.says == second.says:
                pieces = (Piece(op="same", text=second.text), *_links(first, second))
                yield Row(kind="look", tag=second.tag, pieces=pieces)
            else:
                yield Row(kind="changed", tag=second.tag, pieces=words_changed(first.text, second.text))


def _runs(old: Sequence[Block], new: Sequence[Block]) -> Iterator[tuple[list[Block], list[Block], bool]]:
    """Blocks that are the same in both, and between those the blocks of the one and of the other."""
    before: list[Block] = []
    after: list[Block] = []
    same: list[Block] = []
    for op, block in edits(old, new):
        if op == "same":
            if before or after:
                yield before, after, False
                before, after = [], []
            same.append(block)
            continue
        if same:
            yield same, same, True
            same = []
        (before if op == "del" else after).append(block)
    if same:
        yield same, same, True
    if before or after:
        yield before, after, False


def _pairs(old: list[Block], new: list[Block]) -> Iterator[tuple[Block | None, Block | None]]:
    """Blocks that are one another's, in order, by the most likeness in all; the others alone."""
    if not old or not new or len(old) * len(new) > _MOST_PAIRS:
        yield from ((block, None) for block in old)
        yield from ((None, block) for block in new)
        return
    words = [[Counter(_TOKEN.findall(block.text)) for block in side] for side in (old, new)]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    alike = [
        [_likeness(a, b, x, y) for b, y in zip(new, words[1], strict=True)] for a, x in zip(old, words[0], strict=True)
    ]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            paired = best[i + 1][j + 1] + alike[i][j] if alike[i][j] else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], paired)
    i = j = 0
    while i < len(old) and j < len(new):
        if alike[i][j] and best[i][j] == best[i + 1][j + 1] + alike[i][j]:
            yield old[i], new[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            yield old[i], None
            i += 1
        else:
            yield None, new[j]
            j += 1
    yield from ((block, None) for block in old[i:])
    yield from ((None, block) for block in new[j:])


def _likeness(old: Block, new: Block, before: Counter[str], after: Counter[str]) -> float:
    """The share of words that two blocks have in common, 0 where that is too little to be one another's."""
    if old.image or new.image:
        return 0.0
    common = sum((before & after).values())
    share = 2 * common / (before.total() + after.total())
    return share if share >= _ALIKE else 0.0


def _row(kind: Kind, block: Block, pictures: Mapping[str, Picture]) -> Row:
    op: Op = "ins" if kind == "ins" else "del" if kind == "del" else "same"
    if block.image:
        known = pictures.get(block.image)
        return Row(kind=kind, tag="img", picture=known or Picture(key=block.image, width=None, height=None, bytes=None))
    return Row(kind=kind, tag=block.tag, pieces=(Piece(op=op, text=block.text),))


def _links(old: Block, new: Block) -> Iterator[Piece]:
    """Addresses that links of a block led to before, and that they lead to now."""
    before, after = ([href for _, _, href in block.marks if href] for block in (old, new))
    yield from (Piece(op="del", text=f" {href}") for href in before if href not in after)
    yield from (Piece(op="ins", text=f" {href}") for href in after if href not in before)


def _folded(rows: Sequence[Row]) -> list[Row]:
    """Rows with little around what changed; none where nothing did."""
    changed = [at for at, row in enumerate(rows) if row.kind != "same"]
    shown = {near for at in changed for near in range(at - _CONTEXT, at + _CONTEXT + 1)}
    folded: list[Row] = []
    for at, row in enumerate(rows if changed else ()):
        if at in shown:
            folded.append(row)
        elif folded and folded[-1].kind == "skip":
            folded[-1] = replace(folded[-1], count=folded[-1].count + 1)
        else:
            folded.append(Row(kind="skip", count=1))
    return folded


# -- words -----------------------------------------------------------------------------------------------------------


def words_changed(old: str, new: str) -> tuple[Piece, ...]:
    """A text's changes, as pieces of both.

    >>> [(piece.op, piece.text) for piece in words_changed("今天发布 iPhone 14", "昨天发布 iPhone 15")]
    [('del', '今'), ('ins', '昨'), ('same', '天发布 iPhone '), ('del', '14'), ('ins', '15')]
    >>> [(piece.op, piece.text) for piece in words_changed("甲乙丙丁", "天地玄丁")]
    [('del', '甲乙丙丁'), ('ins', '天地玄丁')]
    """
    pieces = _joined(Piece(op=op, text=token) for op, token in edits(_TOKEN.findall(old), _TOKEN.findall(new)))
    pieces = _joined(_without_crumbs(pieces))
    kept = sum(len(piece.text) for piece in pieces if piece.op == "same")
    if kept <= _KEPT_SHARE * max(len(old), len(new)):
        return tuple(piece for piece in (Piece(op="del", text=old), Piece(op="ins", text=new)) if piece.text)
    return tuple(pieces)


def _without_crumbs(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """A single character that is the same between two changes is noise to a reader."""
    for at, piece in enumerate(pieces):
        inner = 0 < at < len(pieces) - 1
        if piece.op == "same" and inner and len(piece.text.strip()) <= 1 and "\n" not in piece.text:
            yield Piece(op="del", text=piece.text)
            yield Piece(op="ins", text=piece.text)
        else:
            yield piece


def _joined(pieces: Iterator[Piece]) -> list[Piece]:
    """Neighbours of one kind as one piece; between what is the same, what was removed and then what was added."""
    joined: list[Piece] = []
    texts: dict[Op, str] = {"del": "", "ins": ""}
    for piece in (*pieces, Piece(op="same", text="")):
        if piece.op != "same":
            texts[piece.op] += piece.text
            continue
        changes = [Piece(op=op, text=text) for op, text in texts.items() if text]
        texts = {"del": "", "ins": ""}
        joined += changes
        if joined and not changes and joined[-1].op == "same":
            joined[-1] = replace(joined[-1], text=joined[-1].text + piece.text)
        elif piece.text:
            joined.append(piece)
    return joined


# -- the shortest edit -----------------------------------------------------------------------------------------------


def edits(old: Sequence[T], new: Sequence[T]) -> list[tuple[Op, T]]:
    """The shortest way from one sequence to another; past `_MOST_EDITS` all of the one and all of the other.

    >>> "".join({"same": " ", "del": "-", "ins": "+"}[op] + each for op, each in edits("abcd", "axcd"))
    ' a-b+x c d'
    """
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    head: list[tuple[Op, T]] = [("same", each) for each in old[:start]]
    tail: list[tuple[Op, T]] = [("same", each) for each in new[len(new) - end :]]
    return [*head, *_shortest(old[start : len(old) - end], new[start : len(new) - end]), *tail]


def _shortest(old: Sequence[T], new: Sequence[T]) -> list[tuple[Op, T]]:
    """Myers' greedy algorithm: the furthest point that each number of edits reaches on each diagonal."""
    furthest = {1: 0}
    reached: list[dict[int, int]] = []
    for count in range(min(_MOST_EDITS, len(old) + len(new)) + 1):
        reached.append(furthest.copy())
        for diagonal in range(-count, count + 1, 2):
            down = diagonal == -count or (diagonal != count and furthest[diagonal - 1] < furthest[diagonal + 1])
            x = furthest[diagonal + 1] if down else furthest[diagonal - 1] + 1
            while x < len(old) and 0 <= x - diagonal < len(new) and old[x] == new[x - diagonal]:
                x += 1
            furthest[diagonal] = x
            if x >= len(old) and x - diagonal >= len(new):
                return _traced(old, new, reached)
    return [*(("del", each) for each in old), *(("ins", each) for each in new)]


def _traced(old: Sequence[T], new: Sequence[T], reached: Sequence[dict[int, int]]) -> list[tuple[Op, T]]:
    """The way back from the end to the beginning, turned round."""
    way: list[tuple[Op, T]] = []
    x, y = len(old), len(new)
    for count in range(len(reached) - 1, -1, -1):
        furthest, diagonal = reached[count], x - y
        down = diagonal == -count or (diagonal != count and furthest[diagonal - 1] < furthest[diagonal + 1])
        before = diagonal + 1 if down else diagonal - 1
        from_x = furthest[before] if count else 0
        from_y = from_x - before if count else 0
        while x > from_x and y > from_y:
            x, y = x - 1, y - 1
            way.append(("same", old[x]))
        if count:
            way.append(("ins", new[from_y]) if down else ("del", old[from_x]))
        x, y = from_x, from_y
    return way[::-1]


# -- beside the body ---------------------------------------------------------------------------------------------------


def _fields(old: Version, new: Version) -> Iterator[tuple[str, tuple[Piece, ...]]]:
    for name, before, after in (
        ("title", old.title, new.title),
        ("author", old.author, new.author),
        ("published", _clock(old, "published"), _clock(new, "published")),
        ("updated", _clock(old, "updated"), _clock(new, "updated")),
        ("section", old.section, new.section),
        ("summary", old.description, new.description),
        ("original", old.url, new.url),
    ):
        if before != after:
            yield name, words_changed(before, after)
    for name, was, now in (
        ("categories", old.categories, new.categories),
        ("tags", old.tags, new.tags),
        ("missing pictures", [each.url for each in old.missing], [each.url for each in new.missing]),
        (
            "embeds",
            [each.title or each.url or "" for each in old.embeds],
            [each.title or each.url or "" for each in new.embeds],
        ),
    ):
        if list(was) != list(now):
            yield name, tuple(Piece(op=op, text=f"{text} ") for op, text in edits(was, now))


def _clock(version: Version, name: Literal["published", "updated"]) -> str:
    moment = version.published if name == "published" else version.updated
    return moment.isoformat(sep=" ") if moment else ""
