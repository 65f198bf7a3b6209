"""One run as its page tells it: what became of the posts, what it archived, what failed, what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from archive.layout import parse_post_key, run_key
from archive.model import Failure, Figures, RunReport
from archive.runs import RunFacts, grouped_failures
from archive.views.reader import plots
from archive.views.reader.plots import Said
from archive.views.reader.run_text import Address, Teller, address, clean, kept

Titles = Mapping[str, str] | None
NO_TITLES: Final[Titles] = None

MOST_POSTS: Final = 200
_MOST_FAILURES: Final = 50
_MOST_REASONS: Final = 20
_MOST_LINES: Final = 20
_TEXT: Final = 600
_ENDS: Final = (
    *("new", "changed", "unchanged", "known", "superseded", "aliases", "gone", "absent", "failed", "unfinished"),
)


@dataclass(frozen=True, kw_only=True)
class Committed:
    """A version that a run archived: its post's page, None where the reader has none, and its title or name."""

    name: str
    page: str | None
    version: int | None


@dataclass(frozen=True, kw_only=True)
class FailedUrl:
    address: Address
    detail: str
    expected: bool
    listing: bool


@dataclass(frozen=True, kw_only=True)
class Reason:
    """The failures of one reason, the first of them, and how many are not shown."""

    code: str
    count: int
    shown: Sequence[FailedUrl]
    more: int


@dataclass(frozen=True, kw_only=True)
class RunView:
    """All that a run's page shows, in texts that a page can hold."""

    run: str
    site: str
    facts: RunFacts
    generator: str
    reasons: Sequence[str]
    more_reasons: int
    ends: Sequence[tuple[str, str, str]]
    share: Markup
    share_text: str
    committed: Sequence[Committed]
    committed_count: int
    failures: Sequence[Reason]
    more_failures: int
    missing: Sequence[tuple[str, str]]
    store_requests: Sequence[tuple[str, str]]
    saw: Sequence[tuple[str, str]]
    lists: Sequence[tuple[Address, str]]
    more_lists: int
    notes: Sequence[str]
    more_notes: int
    report: str


def run_view(report: RunReport, tell: Teller, titles: Titles) -> RunView:
    """What the page of one run shows; what is too much for it is capped, and counted."""
    facts = kept(report)
    counts = {name: facts.failed if name == "failed" else getattr(report, name) for name in _ENDS}
    parts = [f"{tell.words[name]} {tell.number(count)}" for name, count in counts.items() if count]
    text = (
        tell.say("what became of the posts, said", found=tell.number(report.found), parts=tell.words["sep"].join(parts))
        if parts
        else tell.words["nothing found"]
    )
    said = Said(name="share", title=tell.words["what became of the posts"], description=text)
    reasons = grouped_failures(report.failures)
    lists = list(report.figures.lists.items())
    return RunView(
        run=clean(report.run, 120),
        site=facts.site,
        facts=facts,
        generator=clean(report.generator, 80),
        reasons=_lines(report.reasons),
        more_reasons=max(0, len(report.reasons) - _MOST_LINES),
        ends=[(name, tell.words[name], tell.number(count)) for name, count in counts.items() if count],
        share=plots.share(said, list(counts.items())),
        share_text=text,
        committed=[_committed(key, titles) for key in sorted(report.documents)[:MOST_POSTS]],
        committed_count=len(report.documents),
        failures=[_reason(code, failures) for code, failures in list(reasons.items())[:_MOST_REASONS]],
        more_failures=sum(len(failures) for failures in list(reasons.values())[_MOST_REASONS:]),
        missing=_named(report.images_missing, tell),
        store_requests=_named(report.store_requests, tell),
        saw=_saw(report.figures, facts, tell),
        lists=[(address(url), tell.number(count)) for url, count in lists[:_MOST_LINES]],
        more_lists=max(0, len(lists) - _MOST_LINES),
        notes=_lines(report.notes),
        more_notes=max(0, len(report.notes) - _MOST_LINES),
        report=clean(run_key(report.run), 200),
    )


def posts_of(report: RunReport) -> tuple[str, ...]:
    """The posts, as `site/id`, whose titles the page of a run shows."""
    refs = (parse_post_key(key) for key in sorted(report.documents)[:MOST_POSTS])
    return tuple(f"{ref.site}/{ref.id}" for ref in refs if ref is not None)


def _lines(lines: Sequence[str]) -> list[str]:
    return [clean(line, _TEXT) for line in lines[:_MOST_LINES]]


def _named(counts: Mapping[str, int], tell: Teller) -> list[tuple[str, str]]:
    found = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(clean(name, 60), tell.number(count)) for name, count in found[:_MOST_LINES]]


def _saw(figures: Figures, facts: RunFacts, tell: Teller) -> list[tuple[str, str]]:
    """What the run's verdict went by."""
    counts = (
        ("pages read", figures.pages),
        ("with date", figures.with_date),
        ("with author", figures.with_author),
        ("with images", figures.with_images),
        *((("characters", figures.characters),) if figures.characters is not None else ()),
    )
    told = [(tell.words[name], tell.number(count)) for name, count in counts]
    if figures.newest_at is None:
        return told
    age = tell.age(max(0.0, (facts.finished_at - figures.newest_at).total_seconds()))
    return [*told, (tell.words["newest seen"], tell.moment(figures.newest_at)), (tell.words["age"], age)]


def _committed(key: str, titles: Titles) -> Committed:
    ref = parse_post_key(key)
    if ref is None:
        return Committed(name=clean(key, 200), page=None, version=None)
    post = f"{ref.site}/{ref.id}"
    shown = titles is None or post in titles
    title = clean(titles[post], 200) if titles and post in titles else post
    return Committed(name=title, page=f"posts/{post}/index.html" if shown else None, version=ref.version)


def _reason(code: str, failures: Sequence[Failure]) -> Reason:
    shown = [
        FailedUrl(
            address=address(each.url),
            detail=clean(each.detail, _TEXT),
            expected=each.expected,
            listing=each.what == "listing",
        )
        for each in failures[:_MOST_FAILURES]
    ]
    return Reason(code=clean(code, 60), count=len(failures), shown=shown, more=max(0, len(failures) - _MOST_FAILURES))
