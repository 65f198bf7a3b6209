"""A body on its way through the passes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lxml.etree import _Element

from pipelines.clean.decoded import repair_decoded
from pipelines.clean.model import Embed, Note
from pipelines.clean.parse import read_body
from pipelines.clean.rules import GENERIC, CleanRules
from pipelines.clean.serialise import inner_html

_SAMPLE_CHARS = 80


@dataclass(kw_only=True)
class Ledger:
    """What the passes removed, found and moved, in the order they met it."""

    counts: dict[str, int] = field(default_factory=dict)
    samples: dict[str, str] = field(default_factory=dict)
    tags: dict[str, None] = field(default_factory=dict)
    embeds: list[Embed] = field(default_factory=list)
    unusable: dict[str, None] = field(default_factory=dict)
    boilerplate: list[str] = field(default_factory=list)

    def note(self, rule: str, sample: str) -> None:
        self.counts[rule] = self.counts.get(rule, 0) + 1
        if rule not in self.samples:
            self.samples[rule] = " ".join(sample.split())[:_SAMPLE_CHARS]

    def notes(self) -> tuple[Note, ...]:
        return tuple(Note(rule=rule, count=count, sample=self.samples[rule]) for rule, count in self.counts.items())


@dataclass(kw_only=True)
class Draft:
    """The tree that a pass changes in place (`layout.lay_out` puts a new one there), and what it needs to know for it.

    `markup` and `tags` tell what the tree was made of: a pass that has nothing to do sees so there, in a fraction
    of the time that a walk through the tree takes.
    """

    root: _Element
    markup: str
    tags: frozenset[str]
    base_url: str
    rules: CleanRules
    ledger: Ledger

    def came_with(self, *words: str) -> bool:
        """Whether one of the words stood in the markup, as a name or in a value."""
        markup = self.markup
        for word in words:  # noqa: SIM110 - twice as fast as `any` with a generator, and asked twenty times a post
            if word in markup:
                return True
        return False

    def had(self, tags: Iterable[object]) -> bool:
        """Whether one of the tags stood in the markup."""
        return not self.tags.isdisjoint(tags)


def draft(html: str, base_url: str, rules: CleanRules | None = None) -> Draft:
    """A body before the first pass."""
    rules = rules or GENERIC
    root, markup, tags = read_body(repair_decoded(html) if rules.repair_decoded else html)
    return Draft(root=root, markup=markup, tags=tags, base_url=base_url, rules=rules, ledger=Ledger())


def after(pass_: Callable[[Draft], None], html: str, rules: CleanRules | None = None) -> str:
    """The markup one pass makes of some HTML; for examples."""
    body = draft(html, "https://example.com/post/1.html", rules)
    pass_(body)
    return inner_html(body.root)
