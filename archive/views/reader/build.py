"""Builds the reader, and brings it up to date: a build reads, makes and writes only what changed.

What a build makes is in units: a post with all its versions, a page of a list, the feed, the runs' pages, the index for
the search. A unit's recipe is a digest of all that goes into it; `.birdnest/reader/` in the reader's folder notes the
recipe and the files of each (`notes`). A unit is made again when its recipe is another or one of its files is not there
as it was written, and of its files those are written whose bytes changed. Of a post the pictures come first, then its
pages, then the note; lists come when all posts are there. So whatever ends a build, the next one goes on. Nothing in
the reader depends on a clock: the same archive gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Final

from archive.ahead import ReadAhead
from archive.document import Document, read
from archive.errors import DamageError, ObjectMissing
from archive.layout import IMAGE_EXTENSIONS, MEDIA_TYPES, RUNS, PostRef, parse_run_key
from archive.model import JSON, RunReport, digest_of_json
from archive.reader import parse_report, read_info
from archive.runs import RunFacts
from archive.store import ObjectInfo, Store
from archive.views.reader import lists, search
from archive.views.reader.card import Card
from archive.views.reader.feed import feed_file
from archive.views.reader.frame import Look, assets
from archive.views.reader.notes import NOTES, Note, Notes
from archive.views.reader.pages_of_post import pages_of_post
from archive.views.reader.run_page import posts_of
from archive.views.reader.run_text import kept
from archive.views.reader.runs import OURS as RUN_PAGES
from archive.views.reader.runs import as_ended, list_pages, overview_page, run_key, run_page
from archive.views.reader.told import Told, told_by
from archive.views.reader.version import picture_place
from archive.views.sources import Choice, Complain, Progress, Source, require_site, versions
from archive.views.tree import File, refuse_archives

FORMAT: Final = 1
"""Counts the ways pages are written: another number, and all are made again."""

_READ_AHEAD_VERSIONS: Final = 64
_PICTURE: Final = re.compile(rf"images/([0-9a-f]{{2}})/\1[0-9a-f]{{62}}\.(?:{'|'.join(IMAGE_EXTENSIONS.values())})")
_POST: Final = re.compile(r"posts/[^/]+/[^/]+/(?:index|versions|v[0-9]{4}(?:-v[0-9]{4})?)\.html")


@dataclass(frozen=True, kw_only=True)
class Built:
    """What a build did: posts in the reader, documents read, files written and removed, and whether it has a search."""

    posts: int
    read: int
    written: int
    removed: int
    search: bool


def build(
    store: Store,
    target: Store,
    look: Look,
    choice: Choice,
    *,
    copy_pictures: bool = True,
    progress: Progress,
    complain: Complain,
) -> Built:
    """Make the reader of an archive in `target`, opened to be overwritten, what it should be.

    `complain` is told of what cannot be shown as it should be; all else is made. Where `copy_pictures` is off the pages
    link to `images/…`, and whoever serves them answers these from the archive's blobs. Raises UsageError where the
    target is an archive, or no site has the name that is asked for, StoreError.
    """
    refuse_archives(store, target)
    work = _Build(
        store=store,
        target=target,
        look=look,
        choice=choice,
        copy_pictures=copy_pictures,
        progress=progress,
        complain=complain,
    )
    return work.run()


@dataclass(kw_only=True)
class _Plan:
    """The versions of a post in the archive, and whether its pages are as they should be."""

    unit: str
    sources: list[Source]
    recipe: str
    made: bool
    data: dict[int, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Past:
    """What is held of a run while a build goes on: its report's place, its facts, and the posts that its page names."""

    info: ObjectInfo
    facts: RunFacts
    posts: tuple[str, ...]

    def value(self, titles: Mapping[str, str]) -> Mapping[str, JSON]:
        """All that the page of the run is made of."""
        named = {post: titles.get(post) for post in self.posts}
        return {"report": [self.info.bytes, self.info.modified.isoformat()], "titles": named}


class _Build:
    def __init__(
        self,
        *,
        store: Store,
        target: Store,
        look: Look,
        choice: Choice,
        copy_pictures: bool,
        progress: Progress,
        complain: Complain,
    ) -> None:
        self._store = store
        self._target = target
        self._look = look
        self._choice = choice
        self._copy_pictures = copy_pictures
        self._progress = progress
        self._complain = complain
        self._notes = Notes(target=target)
        self._there: dict[str, int] = {}
        self._options = digest_of_json({"format": FORMAT, **vars(look), **choice.as_json()})[:16]
        self._told = Told(runs={}, gone={})
        self._past: dict[str, _Past] = {}
        self._seen: set[str] = set()
        self._done = 0
        self._read = 0
        self._written = 0
        self._removed = 0

    def run(self) -> Built:
        self._notes.load()
        self._there = {info.key: info.bytes for info in self._target.list() if not info.key.startswith(NOTES)}
        self._told = told_by(self._reports())
        for file in assets():
            self._file(file)
        self._posts()
        cards = self._cards()
        self._lists(cards)
        self._runs(cards)
        self._file(feed_file(cards, read_info(self._store), self._look, self._choice.as_json()))
        self._search(cards)
        self._sweep()
        self._notes.save()
        return Built(
            posts=len(cards),
            read=self._read,
            written=self._written,
            removed=self._removed,
            search=search.is_available(),
        )

    # -- posts -------------------------------------------------------------------------------------------------------

    def _posts(self) -> None:
        found = 0
        for plan in self._planned():
            found += 1
            self._progress("posts", found)
            self._seen.add(plan.unit)
            if not plan.made:
                self._post(plan)
            self._notes.save_some()
        require_site(self._choice, found=found > 0)

    def _planned(self) -> Iterator[_Plan]:
        """Every post, with the documents of those that are to be made; these are read ahead."""
        waiting: deque[_Plan] = deque()

        def wanted() -> Iterator[tuple[ObjectInfo, bool]]:
            by_post = groupby(versions(self._store, self._choice.site), key=lambda each: (each.ref.site, each.ref.id))
            for (site, id_), sources in by_post:
                plan = self._plan(f"post {site}/{id_}", sorted(sources, key=lambda each: each.ref))
                waiting.append(plan)
                ahead = not plan.made and len(plan.sources) <= _READ_AHEAD_VERSIONS
                yield from ((source.info, ahead) for source in plan.sources)

        with ReadAhead(self._store) as reader:
            for _, data in reader.read(wanted()):
                plan = waiting[0]
                plan.data[plan.sources[len(plan.data)].ref.version] = data
                if len(plan.data) == len(plan.sources):
                    yield waiting.popleft()

    def _plan(self, unit: str, sources: list[Source]) -> _Plan:
        told = [self._told.runs.get(source.info.key) for source in sources]
        recipe = digest_of_json(
            {
                "options": self._options,
                "pictures": self._copy_pictures,
                "versions": [
                    [each.ref.version, each.info.bytes, each.info.modified.isoformat(), run.run if run else None]
                    for each, run in zip(sources, told, strict=True)
                ],
            }
        )[:32]
        note = self._notes.by_unit.get(unit)
        made = note is not None and note.recipe == self._with_gone(recipe, note) and self._is_there(note)
        return _Plan(unit=unit, sources=sources, recipe=recipe, made=made)

    def _with_gone(self, recipe: str, note: Note) -> str:
        """A post's recipe depends on whether it is gone, too, which its URL tells."""
        if note.card is None:
            return recipe
        return self._recipe_of_post(recipe, note.card.url, datetime.fromisoformat(note.card.fetched))

    def _recipe_of_post(self, recipe: str, url: str, fetched: datetime) -> str:
        gone = self._told.gone_since(url, fetched)
        return f"{recipe} {gone.day} {gone.reason}" if gone else recipe

    def _is_there(self, note: Note) -> bool:
        whole = all(self._there.get(key) == size for key, (size, _) in note.files.items())
        return whole and (
            not self._copy_pictures or all(self._there.get(key) == size for key, size in note.pictures.items())
        )

    def _post(self, plan: _Plan) -> None:
        trouble: list[str] = []
        try:
            made = pages_of_post(
                [source.ref for source in plan.sources],
                self._documents(plan),
                look=self._look,
                choice=self._choice,
                told=self._told,
                trouble=trouble.append,
            )
        except (DamageError, ObjectMissing) as error:
            # What an earlier build made of it stays.
            self._complain(f"{plan.sources[-1].info.key}: {error}")
            return
        if made is None:
            self._finish(plan.unit, Note(recipe=plan.recipe, files={}, pictures={}))
            return
        before = self._notes.by_unit.get(plan.unit)
        marks: dict[str, tuple[int, str]] = {}
        pictures: dict[str, int] = {}
        for file, blobs in made.pages:
            self._pictures(blobs, pictures, before, trouble.append)
            marks[file.key] = self._write(file, before)
        fetched = datetime.fromisoformat(made.card.fetched)
        self._finish(
            plan.unit,
            Note(
                # Where there was something to complain of, there will be again, unless it is mended.
                recipe="" if trouble else self._recipe_of_post(plan.recipe, made.card.url, fetched),
                files=marks,
                pictures=pictures if self._copy_pictures else before.pictures if before else {},
                card=made.card,
            ),
        )
        for told in dict.fromkeys(trouble):
            self._complain(told)

    def _documents(self, plan: _Plan) -> Callable[[PostRef], Document]:
        def document(ref: PostRef) -> Document:
            data = plan.data.get(ref.version)
            if data is None:
                data = self._store.read(ref.key)
            self._read += 1
            return read(data, name=ref.key)

        return document

    def _pictures(self, blobs: Iterable[str], sizes: dict[str, int], before: Note | None, trouble: Complain) -> None:
        """Write the pictures that are not there yet, and put down the sizes of all that are, by their places."""
        for blob in blobs if self._copy_pictures else ():
            place = picture_place(blob)
            if place in sizes:
                continue
            there = self._there.get(place)
            # A file's name is its digest: of the size that it had when it was written, it is what was written.
            if before is not None and there is not None and before.pictures.get(place) == there:
                sizes[place] = there
                continue
            try:
                data = self._store.read(blob)
            except ObjectMissing as error:
                trouble(f"{place}: not shown: {error}")
                continue
            if there != len(data):
                self._put(File(key=place, data=data, content_type=MEDIA_TYPES[place.rpartition(".")[2]]))
            sizes[place] = len(data)

    # -- everything else ---------------------------------------------------------------------------------------------

    def _cards(self) -> list[Card]:
        """The cards of all posts, from the oldest to the newest."""
        notes = (note for unit, note in self._notes.by_unit.items() if unit in self._seen)
        return sorted((note.card for note in notes if note.card), key=lambda card: card.order)

    def _lists(self, cards: Sequence[Card]) -> None:
        for leaf in lists.home_pages(cards):
            self._leaf(leaf)
        by_kind: dict[str, list[lists.Group]] = {kind: [] for kind in lists.KINDS}
        for group in lists.groups_of(cards):
            by_kind[group.kind].append(group)
            for leaf in lists.list_pages(group):
                self._leaf(leaf)
        for kind, groups in by_kind.items():
            for index in lists.index_pages(kind, groups):
                self._unit(index.key, index.value, index.render)

    def _leaf(self, leaf: lists.Leaf) -> None:
        self._unit(leaf.key, leaf.value, leaf.render)

    def _unit(self, key: str, value: Mapping[str, JSON], render: Callable[[Look], File]) -> None:
        """A page that is made of a value and of nothing else."""
        unit = f"page {key}"
        self._seen.add(unit)
        recipe = self._recipe(value)
        if not self._is_made(unit, recipe):
            self._made(unit, recipe, (render(self._look),))
            self._notes.save_some()
        self._done += 1
        self._progress("pages", self._done)

    def _recipe(self, value: Mapping[str, JSON]) -> str:
        return digest_of_json({"options": self._options, "value": value})[:32]

    def _is_made(self, unit: str, recipe: str) -> bool:
        note = self._notes.by_unit.get(unit)
        return note is not None and note.recipe == recipe and self._is_there(note)

    def _file(self, file: File) -> None:
        """A file that is given as it is."""
        unit = f"page {file.key}"
        self._seen.add(unit)
        self._made(unit, "", (file,))

    def _search(self, cards: Sequence[Card]) -> None:
        """The search, and its index: of all posts' pages, made anew where one of them is another."""
        self._file(search.search_page(self._look, available=search.is_available()))
        if not search.is_available():
            return
        marks = {card.key: self._notes.by_unit[f"post {card.name}"].files[card.key] for card in cards}
        unit = "search"
        self._seen.add(unit)
        recipe = digest_of_json({"indexer": search.indexer(), "pages": marks})[:32]
        note = self._notes.by_unit.get(unit)
        if note is None or note.recipe != recipe or not self._is_there(note):
            self._made(unit, recipe, search.index_files(self._written_pages(marks)))

    def _written_pages(self, marks: Mapping[str, tuple[int, str]]) -> Iterator[tuple[str, bytes]]:
        infos = (ObjectInfo(key=key, bytes=size, modified=datetime.min) for key, (size, _) in sorted(marks.items()))  # noqa: DTZ901 - it is read, whenever it was written
        with ReadAhead(self._target) as reader:
            for done, (info, data) in enumerate(reader.read((info, True) for info in infos), start=1):
                self._progress("pages for the search", done)
                if data is not None:
                    yield info.key, data

    # -- runs --------------------------------------------------------------------------------------------------------

    def _reports(self) -> Iterator[RunReport]:
        """The reports of all runs, oldest first, of which the facts are kept; those that are damaged are told of."""
        infos: list[tuple[ObjectInfo, bool]] = []
        for info in self._store.list(RUNS):
            place = parse_run_key(info.key)
            if place is not None and self._choice.site in (None, place.site):
                infos.append((info, True))
        with ReadAhead(self._store) as reader:
            for info, data in reader.read(infos):
                try:
                    report = parse_report(data, info.key) if data is not None else None
                except DamageError as error:
                    self._complain(str(error))
                    continue
                if report is not None and report.run not in self._past:
                    self._past[report.run] = _Past(info=info, facts=kept(report), posts=posts_of(report))
                    yield report

    def _runs(self, cards: Sequence[Card]) -> None:
        """The pages of all runs: a run's is made of its report, which is read again, and of its posts' titles."""
        titles = {card.name: card.title for card in cards}
        published: dict[str, Counter[date]] = {}
        for card in cards:
            published.setdefault(card.site, Counter())[date.fromisoformat(card.day)] += 1
        recipes = {past.info.key: self._recipe(past.value(titles)) for past in self._past.values()}
        pages = {past.info.key: run_key(past.facts.run) for past in self._past.values()}
        wanted = (
            (past.info, not self._is_made(f"page {pages[past.info.key]}", recipes[past.info.key]))
            for past in self._past.values()
        )
        with ReadAhead(self._store) as reader:
            for info, data in reader.read(wanted):
                unit = f"page {pages[info.key]}"
                self._seen.add(unit)
                if data is not None:
                    file = run_page(parse_report(data, info.key), self._look, titles=titles)
                    self._made(unit, recipes[info.key], (file,))
                    self._notes.save_some()
        ended = as_ended(past.facts for past in self._past.values())
        for leaf in list_pages(ended):
            self._unit(leaf.key, leaf.value, leaf.render)
        self._file(overview_page(ended, published, self._look))

    # -- files -------------------------------------------------------------------------------------------------------

    def _write(self, file: File, before: Note | None) -> tuple[int, str]:
        """Write a file that is not there as it should be; its size and digest."""
        mark = (len(file.data), hashlib.sha256(file.data).hexdigest()[:16])
        noted = before.files.get(file.key) if before else None
        if noted != mark or self._there.get(file.key) != mark[0]:
            self._put(file)
        return mark

    def _finish(self, unit: str, note: Note) -> None:
        """Note what a unit has given, and remove what it gave before and does not any more."""
        before = self._notes.by_unit.get(unit)
        for key in before.files if before else ():
            if key not in note.files:
                self._remove(key)
        self._notes.put(unit, note)

    def _made(self, unit: str, recipe: str, files: Iterable[File]) -> None:
        before = self._notes.by_unit.get(unit)
        marks = {file.key: self._write(file, before) for file in files}
        self._finish(unit, Note(recipe=recipe, files=marks, pictures={}))

    def _sweep(self) -> None:
        """Remove what no unit has any more, and what an ended build has left of such."""
        for unit in sorted(set(self._notes.by_unit) - self._seen):
            for key in self._notes.by_unit[unit].files:
                self._remove(key)
            self._notes.put(unit, None)
        kept = {key for note in self._notes.by_unit.values() for key in (*note.files, *note.pictures)}
        for key in [each for each in self._there if each not in kept]:
            ours = any(kind.fullmatch(key) for kind in (_POST, lists.OURS, RUN_PAGES, search.OURS))
            if ours or (self._copy_pictures and _PICTURE.fullmatch(key)):
                self._remove(key)

    def _put(self, file: File) -> None:
        self._target.put(file.key, file.data, file.content_type)
        self._there[file.key] = len(file.data)
        self._written += 1

    def _remove(self, key: str) -> None:
        if key in self._there:
            self._target.delete(key)
            del self._there[key]
            self._removed += 1
