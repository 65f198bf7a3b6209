"""The frontier: every URL ever found, what became of it, and when to look again.

It is crawl state, not the archive: one SQLite file for each archive id in the user's state folder, rebuilt from the
archive when it is lost. Where the two disagree the archive wins.

State of a URL
--------------
::

    open ────▶ archived   its post is committed: no URL leaves "open" for this before
      │  ▲        │  ▲
      │  └────────┘  │    due again: an interval has passed, or a list tells of a change
      ├─▶ failed ────┤    it gave no post, for the reason noted; tried again at the same intervals
      │              │
      │   gone ◀─────┘    it was archived, and the site has it no more; the archive keeps it
      └─▶ alias           it leads to another URL, which has a row of its own

A URL whose failure may pass (no answer, an error of the server) stays open, and is tried by the next run; after
`MOST_ATTEMPTS` of these it counts as failed. What is found is committed before the list that named it counts as read:
a list whose reading was cut short is remembered, and the next run reads on past posts that are known already.

A post that was taken down is gone for the reason `taken-down`, and never due again by any address that is known to be
its own; nothing that lists or failures told of it is kept.

A post that was imported without an address has a row, too, for its missing images: its URL is a name (`urn:sha256:…`),
and it is never due.

Times are whole Unix seconds of the run's clock. Nothing here decides by comparing them with another machine's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert

from archive.errors import ConfigError
from archive.layout import NAMES
from archive.model import NOT_FETCHED, WarcRecord
from crawler.capture import Earlier
from crawler.schedule import RECHECK_DAYS
from crawler.sqlite import Prepared, create_tables, engine_of

_T = TypeVar("_T")
DAY_SECONDS = 24 * 3600
MOST_ATTEMPTS = 5
STATES = ("open", "archived", "failed", "gone", "alias")
TAKEN_DOWN = "taken-down"
_VERSION = "1"
_BATCH = 400
_TAKEN_OVER = ("state", "reason", "version", "source_sha256", "fetched_at", "checks", "due_at")
_TOLD = ("list_record", "reason", "detail", "etag", "last_modified", "source_sha256", "published_at", "updated_at")
_NOW = 0  # due at once, whatever the clock says

_tables = MetaData()
_urls = Table(
    "urls",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("site", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("post", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("alias_of", Text),
    Column("channel", Text, nullable=False),
    Column("channel_rank", Integer, nullable=False),
    Column("hints", Text, nullable=False),
    Column("published_at", Integer),
    Column("updated_at", Integer),
    Column("list_record", Text),
    Column("found_at", Integer, nullable=False),
    Column("found_where", Text, nullable=False),
    Column("found_in", Integer, nullable=False),
    Column("started", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", Text),
    Column("detail", Text),
    Column("fetched_at", Integer),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("source_sha256", Text),
    Column("version", Integer),
    Column("checks", Integer, nullable=False),
    Column("due_at", Integer),
    UniqueConstraint("site", "url"),
    Index("urls_due", "site", "due_at", "id"),
    Index("urls_state", "site", "state"),
    Index("urls_post", "site", "post"),
    Index("urls_alias", "alias_of", "site", sqlite_where=text("alias_of IS NOT NULL")),
)
_images = Table(
    "images",
    _tables,
    Column("site", Text, primary_key=True),
    Column("url", Text, primary_key=True),
    Column("image", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Integer, nullable=False),
    Index("images_due", "site", "due_at"),
)
_events = Table(
    "events",
    _tables,
    Column("id", Integer, primary_key=True),
    Column("site", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Column("run", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("events_url", "site", "url"),
)
_lists = Table(
    "lists",
    _tables,
    Column("site", Text, primary_key=True),
    Column("list", Text, primary_key=True),
    Column("unfinished_since", Integer),
    Column("read_at", Integer),
)
_captures = Table(
    "captures",
    _tables,
    Column("target", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("date", Text, nullable=False),
    Column("segment", Text, nullable=False),
)
_runs = Table(
    "runs",
    _tables,
    Column("number", Integer, primary_key=True),
    Column("run", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("began_at", Integer, nullable=False),
    Column("report", Text),
    Index("runs_began", "began_at"),
)
_taken_down = Table(
    "taken_down",
    _tables,
    Column("site", Text, primary_key=True),
    Column("post", Text, primary_key=True),
)
_meta = Table("meta", _tables, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

Told = Mapping[str, Any]
"""What a list tells about a post: JSON values by name, empty ones for what it does not tell."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """A post that a list names. Times are Unix seconds, None where the list tells none.

    rank: the list's place among the site's; a post's channel is that of the first. is_exact: `published_at` is told to
    the minute at least, so that another time means a change; `updated_at` always is.
    """

    url: str
    post: str
    channel: str = ""
    rank: int = 0
    hints: Told = field(default_factory=dict)
    published_at: int | None = None
    updated_at: int | None = None
    is_exact: bool = True


@dataclass(frozen=True, kw_only=True)
class Due:
    """A URL to fetch now. `version` is the one archived, None where none is; `started`: an earlier run began it."""

    url: str
    post: str
    state: str
    channel: str
    hints: Told
    list_record: WarcRecord | None
    started: bool
    attempts: int
    etag: str | None
    last_modified: str | None
    source_sha256: str | None
    version: int | None
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class DueImages:
    """A post's missing images that are due, and where its newest version was when they were missed."""

    url: str
    post: str
    images: tuple[str, ...]


@dataclass(kw_only=True)
class Reading:
    """What one run's lists have named so far: rows seen, and those of them that are known and not due."""

    run: int
    seen: set[int] = field(default_factory=set)
    quiet: set[int] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class Held:
    """A post that an archive holds, as a rebuilt frontier needs to know it."""

    site: str
    url: str
    post: str
    channel: str
    version: int
    source_sha256: str | None
    fetched_at: int
    published_at: int | None
    retryable: tuple[tuple[str, str], ...] = ()
    gone: bool = False


def frontier_file(state: Path, archive_id: str) -> Path:
    """Where an archive's frontier lies below the state folder."""
    return state / "frontier" / f"{archive_id}.sqlite"


class Frontier:
    """A frontier in a file; not for several threads at once. Raises ConfigError where the file is none of ours."""

    def __init__(self, file: Path, *, recheck_days: Sequence[int] = RECHECK_DAYS) -> None:
        self.file = file
        self._days = tuple(recheck_days)
        self._down: set[tuple[str, str]] = set()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"state folder {file.parent}: {error.strerror}: set `state` in birdnest.toml") from error
        self._engine = engine_of(file)
        try:
            create_tables(self._engine, _tables)
            found = self._get("version")
            if found is None:
                self._set("version", _VERSION)
        except Exception as error:
            self._engine.dispose()
            raise ConfigError(
                f"frontier {file}: {type(error).__name__}: {error}: it is crawl state and can be rebuilt: remove it"
            ) from error
        if found not in (None, _VERSION):
            self._engine.dispose()
            raise ConfigError(f"frontier {file}: version {found}, expected {_VERSION}: remove it, a crawl rebuilds it")

        with self._engine.connect() as db:
            self._down = {(row.site, row.post) for row in db.execute(_taken_down.select())}

    def close(self) -> None:
        self._engine.dispose()

    # -- runs --------------------------------------------------------------------------------------------------

    @property
    def is_complete(self) -> bool:
        """Whether it knows all that the archive holds: not before `rebuild`."""
        return self._get("complete") is not None

    def begin_run(self, run: str, site: str, *, now: int) -> int:
        """A number for a run, higher than that of every earlier one. After a clock that was ahead, all is due."""
        clock = self._get("clock")
        with self._engine.begin() as db:
            if clock is not None and now < int(clock) - DAY_SECONDS:
                late = and_(_urls.c.fetched_at > now + DAY_SECONDS, _urls.c.due_at.is_not(None))
                db.execute(_urls.update().where(late).values(due_at=_NOW, fetched_at=None))
                db.execute(_images.update().where(_images.c.due_at > now + 365 * DAY_SECONDS).values(due_at=_NOW))
            db.execute(_put(_meta, name="clock", value=str(now)))
            done = db.execute(_runs.insert().values(run=run, site=site, began_at=now))
        key = done.inserted_primary_key
        if key is None:
            raise AssertionError("SQLite numbers its rows")
        return int(key[0])

    def end_run(self, number: int, report: str) -> None:
        """Note that a run's report is in the archive, under this key."""
        with self._engine.begin() as db:
            db.execute(_runs.update().where(_runs.c.number == number).values(report=report))

    def next_run(self) -> int:
        """The number that the next run will have, or a lower one than that."""
        with self._engine.connect() as db:
            return int(db.execute(select(func.max(_runs.c.number))).scalar() or 0) + 1

    def last_report(self) -> str | None:
        """The key of the newest report that the archive is known to hold."""
        wanted = select(_runs.c.report).where(_runs.c.report.is_not(None)).order_by(_runs.c.number.desc()).limit(1)
        with self._engine.connect() as db:
            found: str | None = db.execute(wanted).scalar()
        return found

    def first_began(self) -> int | None:
        """When the oldest run that is known began."""
        with self._engine.connect() as db:
            found: int | None = db.execute(select(func.min(_runs.c.began_at))).scalar()
        return found

    # -- lists -------------------------------------------------------------------------------------------------

    def begin_list(self, site: str, list_: str, run: int) -> int:
        """Note that a list is being read; the run since which it has not been read to its end."""
        with self._engine.begin() as db:
            wanted = select(_lists.c.unfinished_since).where(_lists.c.site == site, _lists.c.list == list_)
            since: int | None = db.execute(wanted).scalar()
            if since is None:
                since = run
                db.execute(_put(_lists, site=site, list=list_, unfinished_since=run))
        return since

    def end_list(self, site: str, list_: str, *, now: int) -> None:
        """The list is read: as far as the profile asks, or to posts that were all known."""
        with self._engine.begin() as db:
            db.execute(_put(_lists, site=site, list=list_, unfinished_since=None, read_at=now))

    def discover(
        self,
        reading: Reading,
        site: str,
        links: Iterable[Link],
        *,
        where: str,
        now: int,
        since: int | None = None,
        record: WarcRecord | None = None,
    ) -> bool:
        """Commit what a page of a list names; whether all of it was known, before run `since`, and is not due.

        where: what the list is called in a URL's story. record: the list's capture.
        """
        quiet = True
        for batch in _batches(list({link.url: link for link in links}.values())):
            with self._engine.begin() as db:
                rows = self._rows(db, site, [link.url for link in batch])
                for link in batch:
                    row = rows.get(link.url)
                    if row is None:
                        quiet = quiet and (site, link.post) in self._down
                        given = self._new_row(site, link, where=where, run=reading.run, now=now, record=record)
                        reading.seen.add(_FOUND(db, **given).lastrowid)
                        continue
                    old = row.found_in < (since or reading.run)
                    quiet = self._recognise(db, reading, row, link, now, record) and old and quiet
        return quiet

    def _rows(self, db: Any, site: str, urls: Sequence[str]) -> dict[str, Row[Any]]:
        """Rows by the URLs that were asked for; an alias has that of what it leads to."""
        wanted = _urls.select().where(_urls.c.site == site, _urls.c.url.in_(urls))
        rows = {row.url: row for row in db.execute(wanted)}
        targets = {row.alias_of: url for url, row in rows.items() if row.state == "alias"}
        if targets:
            for row in db.execute(_urls.select().where(_urls.c.site == site, _urls.c.url.in_(list(targets)))):
                rows[targets[row.url]] = row
        return rows

    def _recognise(  # noqa: PLR0917 - one row, one link
        self, db: Any, reading: Reading, row: Row[Any], link: Link, now: int, record: WarcRecord | None
    ) -> bool:
        """Note what a list tells of a URL that is known; whether there is nothing to fetch."""
        again = row.id in reading.seen
        reading.seen.add(row.id)
        if row.reason == TAKEN_DOWN:
            reading.quiet.add(row.id)
            return True
        change = _told_change(row, link)
        old_hints = json.loads(row.hints)
        hints = _merged(old_hints, link.hints) if again else _merged(link.hints, old_hints)
        values: dict[str, Any] = {}
        if hints != old_hints:
            values.update(hints=_json(hints), list_record=_record(record) or row.list_record)
        if not row.channel or (link.channel and link.rank < row.channel_rank):
            values.update(channel=link.channel, channel_rank=link.rank)
        for name in ("published_at", "updated_at"):
            told = getattr(link, name)
            before = getattr(row, name)
            if told is not None and (before is None or (told > before and (link.is_exact or name == "updated_at"))):
                values[name] = told
        if change:
            values["due_at"] = _NOW
            self._tell(db, row.site, row.url, now, str(reading.run), f"due: the list tells of a change: {change}")
        values = {name: value for name, value in values.items() if value != getattr(row, name)}
        if values:
            db.execute(_urls.update().where(_urls.c.id == row.id).values(**values))
        due_at = values.get("due_at", row.due_at)
        quiet = due_at is None or due_at > now
        (reading.quiet.add if quiet else reading.quiet.discard)(row.id)
        return quiet

    def unknown(self, site: str, urls: Sequence[str]) -> list[str]:
        """Those of some URLs that were never found."""
        with self._engine.connect() as db:
            wanted = select(_urls.c.url).where(_urls.c.site == site, _urls.c.url.in_(urls))
            known = set(db.execute(wanted).scalars())
        return [url for url in urls if url not in known]

    def would(self, site: str, links: Sequence[Link], *, now: int) -> dict[str, str]:
        """What there would be to fetch of some links, and why; changes nothing."""
        found: dict[str, str] = {}
        with self._engine.connect() as db:
            for batch in _batches(links):
                rows = self._rows(db, site, [link.url for link in batch])
                for link in batch:
                    row = rows.get(link.url)
                    if row is None:
                        found |= {link.url: "new"} if (site, link.post) not in self._down else {}
                    elif change := _told_change(row, link):
                        found[row.url] = f"the list tells of a change: {change}"
                    elif row.due_at is not None and row.due_at <= now:
                        found[row.url] = _why_due(row)
        return found

    # -- what is due -------------------------------------------------------------------------------------------

    def ask_again(self, site: str, states: Sequence[str]) -> None:
        """Make all URLs of these states due."""
        with self._engine.begin() as db:
            where = and_(_urls.c.site == site, _urls.c.state.in_(states), _HAS_ADDRESS, _IS_UP)
            db.execute(_urls.update().where(where).values(due_at=_NOW))

    def count_due(self, site: str, *, now: int, since: int | None = None) -> int:
        with self._engine.connect() as db:
            return int(db.execute(select(func.count()).where(_due(site, now, since))).scalar() or 0)

    def due(self, site: str, *, now: int, since: int | None = None) -> Iterator[Due]:
        """The URLs that are due: open ones in the order in which they were found, then those longest due.

        since: leave out posts that a list told to be published before. Rows are read as they are wanted.
        """
        last = (-1, 0)
        while True:
            after = or_(_urls.c.due_at > last[0], and_(_urls.c.due_at == last[0], _urls.c.id > last[1]))
            wanted = (
                _urls.select().where(_due(site, now, since), after).order_by(_urls.c.due_at, _urls.c.id).limit(_BATCH)
            )
            with self._engine.connect() as db:
                rows = db.execute(wanted).all()
            if not rows:
                return
            for row in rows:
                last = (row.due_at, row.id)
                yield _as_due(row)

    def get(self, site: str, url: str) -> Due | None:
        """One URL, whether due or not."""
        row = self._row(site, url)
        return None if row is None else _as_due(row)

    def due_images(self, site: str, *, now: int) -> list[DueImages]:
        """Posts with missing images to try again."""
        wanted = (
            select(_images.c.url, _images.c.image, _urls.c.post)
            .join(_urls, and_(_urls.c.site == _images.c.site, _urls.c.url == _images.c.url))
            .where(_images.c.site == site, _images.c.due_at <= now, _urls.c.state.in_(("archived", "gone")))
            .order_by(_images.c.due_at, _images.c.url, _images.c.image)
        )
        posts: dict[tuple[str, str], list[str]] = {}
        with self._engine.connect() as db:
            for row in db.execute(wanted):
                posts.setdefault((row.url, row.post), []).append(row.image)
        return [DueImages(url=url, post=post, images=tuple(images)) for (url, post), images in posts.items()]

    # -- what became of it -------------------------------------------------------------------------------------

    def add(self, site: str, link: Link, *, where: str, run: int, now: int) -> None:
        """Note a URL that was found elsewhere than in a list; nothing changes where it is known."""
        given = self._new_row(site, link, where=where, run=run, now=now, record=None)
        with self._engine.begin() as db:
            db.execute(insert(_urls).values(**given).on_conflict_do_nothing())

    def add_all(self, site: str, links: Iterable[Link], *, where: str, run: int, now: int) -> None:
        with self._engine.begin() as db:
            rows = [self._new_row(site, link, where=where, run=run, now=now, record=None) for link in links]
            if rows:
                db.execute(insert(_urls).on_conflict_do_nothing(), rows)

    def started(self, site: str, urls: Sequence[str]) -> None:
        """URLs are about to be fetched."""
        with self._engine.begin() as db:
            db.execute(_urls.update().where(_urls.c.site == site, _urls.c.url.in_(urls)).values(started=1))

    def archived(
        self,
        site: str,
        url: str,
        *,
        status: str,
        version: int,
        source_sha256: str | None,
        etag: str | None,
        last_modified: str | None,
        retryable: Mapping[str, str],
        run: str,
        now: int,
        text: str,
    ) -> None:
        """A post's page was fetched and its version is in the archive, be it new or the one already held.

        status: as in `archive.writer.Outcome`. retryable: the reasons of images that may be had later.
        """
        values = {
            "state": "archived",
            "reason": None,
            "fetched_at": now,
            # An older page than the version held must not pass for it in a conditional request.
            "etag": etag if status != "superseded" else None,
            "last_modified": last_modified if status != "superseded" else None,
            "source_sha256": source_sha256,
            "version": version,
        }
        with self._engine.begin() as db:
            row = self._required(db, site, url)
            changed = status in ("new", "changed") or row.version != version
            checks = 0 if changed else row.checks + 1
            values["checks"] = checks
            values["due_at"] = now + self._interval(checks) if has_address(url) else None
            if status == "taken-down":
                values.update(state="gone", reason=TAKEN_DOWN, due_at=None)
            _KEEP(db, row_id=row.id, **values)
            if changed:
                _FORGET_IMAGES(db, of_site=site, of_url=url)
                self._miss(db, site, url, retryable, now)
            self._tell(db, site, url, now, run, text)

    def unchanged(self, site: str, url: str, *, run: str, now: int, text: str) -> None:
        """The site answered that the page is as it was."""
        row = self._require(site, url)
        checks = row.checks + 1
        values = {"fetched_at": now, "checks": checks}
        with self._engine.begin() as db:
            due_at = now + self._interval(checks)
            _CHECK(db, row_id=row.id, due_at=due_at, **values)
            self._tell(db, site, url, now, run, text)

    def failed(
        self, site: str, url: str, *, reason: str, detail: str, may_pass: bool, never_again: bool, run: str, now: int
    ) -> None:
        """A URL gave no post. A post that is archived stays so, and is looked at again later."""
        row = self._require(site, url)
        attempts = row.attempts + 1
        values: dict[str, Any] = {"attempts": attempts, "reason": reason, "detail": detail}
        if may_pass and attempts < MOST_ATTEMPTS:
            values["due_at"] = _NOW
        else:
            values["state"] = "archived" if row.version is not None else "failed"
            values["due_at"] = None if never_again else now + self._interval(attempts - 1)
        with self._engine.begin() as db:
            db.execute(_urls.update().where(_urls.c.id == row.id).values(**values))
            self._tell(db, site, url, now, run, f"failed: {reason}: {detail}")

    def gone(self, site: str, url: str, *, reason: str, detail: str, run: str, now: int) -> None:
        """The site has an archived post no more. The archive keeps it; a later run looks whether it is back."""
        row = self._require(site, url)
        checks = row.checks + 1 if row.state == "gone" else 0
        values = {"state": "gone", "reason": reason, "detail": detail, "checks": checks, "etag": None}
        with self._engine.begin() as db:
            due_at = now + self._interval(checks)
            changes = _urls.update().where(_urls.c.id == row.id)
            db.execute(changes.values(due_at=due_at, last_modified=None, fetched_at=now, **values))
            self._tell(db, site, url, now, run, f"gone: {reason}: {detail}")

    def alias(self, site: str, url: str, target: str, *, run: str, now: int) -> None:
        """A URL leads to another, which has a row of its own."""
        with self._engine.begin() as db:
            where = and_(_urls.c.site == site, _urls.c.url == url)
            db.execute(_urls.update().where(where).values(state="alias", alias_of=target, due_at=None))
            # Nothing leads to an alias: what led to this one leads on.
            onward = and_(_urls.c.site == site, _urls.c.alias_of == url, _urls.c.url != target)
            db.execute(_urls.update().where(onward).values(alias_of=target))
            self._tell(db, site, url, now, run, f"leads to {target}")

    def archived_at(self, site: str, post: str, *, besides: str) -> str | None:
        """Another URL by which a post is archived, or None."""
        of_post = and_(_urls.c.site == site, _urls.c.post == post, _urls.c.url != besides)
        wanted = select(_urls.c.url).where(of_post, _urls.c.state == "archived").order_by(_urls.c.id).limit(1)
        with self._engine.connect() as db:
            found: str | None = db.execute(wanted).scalar()
        return found

    def identify(self, site: str, url: str, post: str) -> None:
        """Note the post that a URL turned out to be."""
        with self._engine.begin() as db:
            db.execute(_urls.update().where(and_(_urls.c.site == site, _urls.c.url == url)).values(post=post))

    def ended_since(self, site: str, urls: Sequence[str], run: int) -> set[str]:
        """Those of some URLs that a run of this number or a later one fetched and came to an end with.

        A URL that leads to another has come to its end with that one.
        """
        ended: set[str] = set()
        with self._engine.connect() as db:
            of_runs = select(_events.c.url).join(_runs, _runs.c.run == _events.c.run).where(_runs.c.number >= run)
            for batch in _batches(urls):
                wanted = select(_urls.c.url, _urls.c.alias_of).where(_urls.c.site == site, _urls.c.url.in_(batch))
                last = {row.url: row.alias_of or row.url for row in db.execute(wanted)}
                told = of_runs.where(_events.c.site == site, _events.c.url.in_(list(last.values())))
                done = set(db.execute(told).scalars())
                # One may lead to another site's, whose events no index finds by the URL alone.
                if away := [end for url, end in last.items() if end != url and end not in done]:
                    done |= set(db.execute(of_runs.where(_events.c.url.in_(away))).scalars())
                ended |= {url for url, end in last.items() if end in done}
        return ended

    def images_tried(
        self, site: str, url: str, missing: Mapping[str, str], tried: Sequence[str], *, run: str, now: int, text: str
    ) -> None:
        """Missing images were tried again: those in `missing` (by their reasons) still are, the others are had."""
        with self._engine.begin() as db:
            of_post = and_(_images.c.site == site, _images.c.url == url)
            had = [image for image in tried if image not in missing]
            db.execute(_images.delete().where(of_post, _images.c.image.in_(had)))
            for image in tried:
                if image in missing:
                    this = and_(of_post, _images.c.image == image)
                    attempts: int = db.execute(select(_images.c.attempts).where(this)).scalar() or 0
                    values = {"reason": missing[image], "attempts": attempts + 1}
                    values["due_at"] = now + self._interval(attempts)
                    db.execute(_images.update().where(this).values(**values))
            self._tell(db, site, url, now, run, text)

    def new_version(self, site: str, url: str, version: int) -> None:
        """A version that came of no fetch of the page: its validators stay as they are."""
        with self._engine.begin() as db:
            where = and_(_urls.c.site == site, _urls.c.url == url)
            db.execute(_urls.update().where(where).values(version=version))

    # -- what was taken down ------------------------------------------------------------------------------------

    def addresses_of(self, site: str, post: str) -> list[str]:
        """The URLs that are a post's, or lead to one of these."""
        with self._engine.connect() as db:
            wanted = select(_urls.c.url).where(_urls.c.site == site, _urls.c.post == post)
            own = list(db.execute(wanted).scalars())
            leading = select(_urls.c.url).where(_urls.c.alias_of.in_(own))
            return list(dict.fromkeys((*own, *db.execute(leading).scalars())))

    def take_down(self, site: str, post: str, *, records: Sequence[str], run: str, now: int) -> None:
        """A post was taken down: it is never due again, and nothing that was told of it stays but its URLs.

        records: captures that are no more, to which no later one may refer.
        """
        known = (site, post) in self._down
        urls = self.addresses_of(site, post)
        self._down.add((site, post))
        forgotten: dict[str, Any] = dict.fromkeys(_TOLD)
        with self._engine.begin() as db:
            db.execute(insert(_taken_down).values(site=site, post=post).on_conflict_do_nothing())
            for batch in _batches(records):
                db.execute(_captures.delete().where(_captures.c.record_id.in_(batch)))
            for batch in _batches(urls):
                of_post = and_(_urls.c.url.in_(batch), or_(_urls.c.site == site, _urls.c.state == "alias"))
                its = and_(of_post, _urls.c.state != "alias")
                db.execute(_urls.update().where(of_post).values(hints="{}", due_at=None, **forgotten))
                db.execute(_urls.update().where(its).values(state="gone", reason=TAKEN_DOWN))
                db.execute(_images.delete().where(_images.c.site == site, _images.c.url.in_(batch)))
                if not known:
                    db.execute(_events.delete().where(_events.c.url.in_(batch)))
            if not known:
                for url in urls:
                    self._tell(db, site, url, now, run, "taken down")

    # -- captures ----------------------------------------------------------------------------------------------

    def last_capture(self, target: str) -> Earlier | None:
        """The newest whole response of a target, or None."""
        with self._engine.connect() as db:
            row = _LAST_CAPTURE(db, of_target=target).one_or_none()
        if row is None:
            return None
        return Earlier(digest=row.digest, record_id=row.record_id, date=row.date, segment=row.segment)

    def captured(self, target: str, capture: Earlier) -> None:
        with self._engine.begin() as db:
            _CAPTURED(db, target=target, **vars(capture))

    # -- rebuilding --------------------------------------------------------------------------------------------

    def rebuild(self, held: Iterable[Held], *, now: int, made_at: int = 0) -> int:
        """Take over what an archive holds, and nothing else as archived; returns how many posts that are.

        made_at: when the archive was made; runs before that were of another one, and are forgotten.
        Each is due where its intervals, counted from its newest version, have their next end: nothing that is not
        due is fetched for the frontier's loss. What is open or failed here and not in the archive stays so.
        """
        count = 0
        with self._engine.begin() as db:
            were = _urls.c.state.in_(("archived", "gone"))
            db.execute(_urls.delete().where(were, ~_HAS_ADDRESS))
            up = and_(were, _IS_UP)
            db.execute(_urls.update().where(up).values(state="open", version=None, due_at=_NOW, etag=None))
            db.execute(_images.delete())
            # Their segments may be lost with the rest: nothing may be said to be in, or the same as, what is not there.
            db.execute(_captures.delete())
            db.execute(_urls.update().values(list_record=None))
            db.execute(_runs.delete().where(_runs.c.began_at < made_at))
            for batch in _batches(held):
                count += len(batch)
                self._take_over(db, batch, now)
            db.execute(_put(_meta, name="complete", value=str(now)))
        return count

    def _take_over(self, db: Any, posts: Sequence[Held], now: int) -> None:
        added = insert(_urls)
        known = {name: added.excluded[name] for name in _TAKEN_OVER}
        db.execute(
            added.on_conflict_do_update(index_elements=["site", "url"], set_=known),
            [self._row_of(post, now) for post in posts],
        )
        for post in posts:
            self._miss(db, post.site, post.url, dict(post.retryable), now)

    def _row_of(self, post: Held, now: int) -> dict[str, Any]:
        checks, due_at = self._next_check(post.fetched_at, now)
        link = Link(url=post.url, post=post.post, channel=post.channel, published_at=post.published_at)
        return _new_row(post.site, link, where="the archive", run=0, now=now, record=None) | {
            "started": 1,
            "state": "gone" if post.gone else "archived",
            "reason": TAKEN_DOWN if post.gone else None,
            "version": post.version,
            "source_sha256": post.source_sha256,
            "fetched_at": post.fetched_at,
            "checks": checks,
            "due_at": due_at if has_address(post.url) and not post.gone else None,
        }

    def _next_check(self, since: int, now: int) -> tuple[int, int]:
        """How many checks a post has had that was looked at as planned since then, and when the next one is due."""
        checks, at = 0, since + self._interval(0)
        if at <= now:
            for checks in range(1, len(self._days)):
                at += self._interval(checks)
                if at > now:
                    return checks, at
            last = self._interval(len(self._days))
            at += -(-(now - at + 1) // last) * last
            checks = len(self._days)
        return checks, at

    # -- for people --------------------------------------------------------------------------------------------

    def counts(self, *, now: int) -> dict[str, dict[str, int]]:
        """Numbers of URLs by site: each state, and `due`; `images` are missing ones that may be had later."""
        found: dict[str, dict[str, int]] = {}
        with self._engine.connect() as db:
            by_state = select(_urls.c.site, _urls.c.state, func.count()).group_by(_urls.c.site, _urls.c.state)
            for site, state, count in db.execute(by_state):
                found.setdefault(site, {})[state] = count
            due = select(_urls.c.site, func.count()).where(_urls.c.due_at <= now).group_by(_urls.c.site)
            for site, count in db.execute(due):
                found[site]["due"] = count
            for site, count in db.execute(select(_images.c.site, func.count()).group_by(_images.c.site)):
                found.setdefault(site, {})["images"] = count
        return found

    def rows(
        self, *, site: str | None = None, state: str | None = None, due_by: int | None = None, most: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """URLs with all that is known of each, those due first."""
        wanted = _urls.select().order_by(_urls.c.site, _urls.c.due_at.is_(None), _urls.c.due_at, _urls.c.id)
        for column, value in ((_urls.c.site, site), (_urls.c.state, state)):
            wanted = wanted.where(column == value) if value else wanted
        wanted = wanted.where(_urls.c.due_at <= due_by) if due_by is not None else wanted
        with self._engine.connect() as db:
            for row in db.execute(wanted.limit(most)):
                yield {**row._asdict(), "hints": json.loads(row.hints)}

    def site_of(self, url: str) -> str | None:
        """The site of a post by its URL alone, which may be a name; None where it was never found."""
        with self._engine.connect() as db:
            found: str | None = db.execute(select(_urls.c.site).where(_urls.c.url == url).limit(1)).scalar()
        return found

    def story(self, site: str, url: str) -> tuple[dict[str, Any], list[tuple[int, str, str]], list[dict[str, Any]]]:
        """A URL's row, what happened to it as (when, run, what), and its missing images. Raises KeyError."""
        row = self._row(site, url)
        if row is None:
            raise KeyError(url)
        with self._engine.connect() as db:
            of_url = _events.select().where(_events.c.site == site, _events.c.url == url).order_by(_events.c.id)
            happened = [(event.at, event.run, event.text) for event in db.execute(of_url)]
            missing = _images.select().where(_images.c.site == site, _images.c.url == url)
            images = [image._asdict() for image in db.execute(missing)]
        return {**row._asdict(), "hints": json.loads(row.hints)}, happened, images

    # -- inside ------------------------------------------------------------------------------------------------

    def _interval(self, checks: int) -> int:
        return self._days[min(checks, len(self._days) - 1)] * DAY_SECONDS

    def _miss(self, db: Any, site: str, url: str, retryable: Mapping[str, str], now: int) -> None:
        for image, reason in retryable.items():
            given = {"site": site, "url": url, "image": image, "reason": reason}
            due_at = _NOW if reason == NOT_FETCHED else now + self._interval(0)
            db.execute(_put(_images, **given, attempts=1, due_at=due_at))

    def _new_row(
        self, site: str, link: Link, *, where: str, run: int, now: int, record: WarcRecord | None
    ) -> dict[str, Any]:
        row = _new_row(site, link, where=where, run=run, now=now, record=record)
        if (site, link.post) in self._down:
            row |= {"state": "gone", "reason": TAKEN_DOWN, "due_at": None, "hints": "{}", "list_record": None}
        return row

    def _tell(self, db: Any, site: str, url: str, now: int, run: str, text: str) -> None:  # noqa: PLR0917 - a row
        _TELL(db, site=site, url=url, at=now, run=run, text=text)

    def _row(self, site: str, url: str) -> Row[Any] | None:
        with self._engine.connect() as db:
            return _OF_URL(db, of_site=site, of_url=url).one_or_none()

    def _require(self, site: str, url: str) -> Row[Any]:
        with self._engine.connect() as db:
            return self._required(db, site, url)

    def _required(self, db: Connection, site: str, url: str) -> Row[Any]:
        row = _OF_URL(db, of_site=site, of_url=url).one_or_none()
        if row is None:
            raise AssertionError(f"{url} was fetched and never found")
        return row

    def _get(self, name: str) -> str | None:
        with self._engine.connect() as db:
            found: str | None = db.execute(select(_meta.c.value).where(_meta.c.name == name)).scalar()
        return found

    def _set(self, name: str, value: str) -> None:
        with self._engine.begin() as db:
            db.execute(_put(_meta, name=name, value=value))


def has_address(url: str) -> bool:
    """Whether there is a page to fetch: a post that was imported from a file may have a name alone."""
    return not url.startswith(NAMES)


_IS_UP = or_(_urls.c.reason.is_(None), _urls.c.reason != TAKEN_DOWN)
_HAS_ADDRESS = _urls.c.url.not_like(f"{NAMES}%")


def _put(table: Table, **values: Any) -> Any:
    """Insert a row, or set these columns of the one that is there."""
    keys = [column.name for column in table.primary_key]
    others = {name: value for name, value in values.items() if name not in keys}
    return insert(table).values(**values).on_conflict_do_update(index_elements=keys, set_=others)


_NEW = (
    *("site", "url", "post", "state", "reason", "channel", "channel_rank", "hints", "published_at", "updated_at"),
    *("list_record", "found_at", "found_where", "found_in", "started", "attempts", "checks", "due_at"),
)


def _columns(*names: str) -> dict[str, Any]:
    """Values for a statement that is prepared: each a parameter of its column's name."""
    return {name: bindparam(name) for name in names}


# What is asked for each post that is found, fetched or archived.
_OF_URL = Prepared(_urls.select().where(_urls.c.site == bindparam("of_site"), _urls.c.url == bindparam("of_url")))
_AS_IT_WAS = {"attempts": 0, "reason": None, "detail": None}
_KEEP = Prepared(
    _urls.update()
    .where(_urls.c.id == bindparam("row_id"))
    .values(
        attempts=0,
        detail=None,
        **_columns("state", "reason", "fetched_at", "etag", "last_modified", "source_sha256", "version", "checks"),
        **_columns("due_at"),
    )
)
_CHECK = Prepared(
    _urls.update()
    .where(_urls.c.id == bindparam("row_id"))
    .values(state="archived", **_AS_IT_WAS, **_columns("fetched_at", "checks", "due_at"))
)
_FORGET_IMAGES = Prepared(
    _images.delete().where(_images.c.site == bindparam("of_site"), _images.c.url == bindparam("of_url"))
)
_TELL = Prepared(_events.insert().values(**_columns("site", "url", "at", "run", "text")))
_LAST_CAPTURE = Prepared(_captures.select().where(_captures.c.target == bindparam("of_target")))
_CAPTURED = Prepared(_put(_captures, **_columns("target", *(each.name for each in fields(Earlier)))))
_FOUND = Prepared(_urls.insert().values(**_columns(*_NEW)))


def _due(site: str, now: int, since: int | None) -> Any:
    due = and_(_urls.c.site == bindparam("site", site), _urls.c.due_at <= bindparam("now", now))
    return and_(due, or_(_urls.c.published_at.is_(None), _urls.c.published_at >= since)) if since is not None else due


def _new_row(site: str, link: Link, *, where: str, run: int, now: int, record: WarcRecord | None) -> dict[str, Any]:
    return {
        "site": site,
        "url": link.url,
        "post": link.post,
        "state": "open",
        "channel": link.channel,
        "channel_rank": link.rank,
        "hints": _json(link.hints),
        "published_at": link.published_at,
        "updated_at": link.updated_at,
        "list_record": _record(record),
        "found_at": now,
        "found_where": where,
        "found_in": run,
        "started": 0,
        "attempts": 0,
        "reason": None,
        "checks": 0,
        "due_at": _NOW if has_address(link.url) else None,
    }


def _as_due(row: Row[Any]) -> Due:
    record = json.loads(row.list_record) if row.list_record else None
    return Due(
        url=row.url,
        post=row.post,
        state=row.state,
        channel=row.channel,
        hints=json.loads(row.hints),
        list_record=WarcRecord(**record) if record else None,
        started=bool(row.started),
        attempts=row.attempts,
        etag=row.etag,
        last_modified=row.last_modified,
        source_sha256=row.source_sha256,
        version=row.version,
        reason=row.reason,
    )


def _told_change(row: Row[Any], link: Link) -> str | None:
    """What a list tells that was not so when the post was fetched; None where it tells nothing of that kind."""
    if row.state not in ("archived", "gone") or row.reason == TAKEN_DOWN:
        return None
    for name, told in (("updated", link.updated_at), ("published", link.published_at)):
        before = row.updated_at if name == "updated" else row.published_at
        is_exact = name == "updated" or link.is_exact
        # Later only: two lists may tell two times of one post, run after run.
        if is_exact and told is not None and before is not None and told > before:
            return f"{name} {told}, was {before}"
    if link.updated_at is not None and row.updated_at is None and (row.fetched_at or 0) <= link.updated_at:
        return f"updated {link.updated_at}, fetched {row.fetched_at}"
    return None


def _why_due(row: Row[Any]) -> str:
    if row.state == "open":
        return f"tried {row.attempts} times: {row.reason}" if row.attempts else "found and not fetched yet"
    return "due for a re-check" if row.state == "archived" else f"{row.state}: {row.reason}: due to be tried again"


def _merged(first: Told, other: Told) -> dict[str, Any]:
    # In one order of names, so that the same tells the same JSON.
    return {name: first.get(name) or other.get(name, first.get(name)) for name in sorted({**first, **other})}


def _record(record: WarcRecord | None) -> str | None:
    return _json(vars(record)) if record else None


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _batches(values: Iterable[_T]) -> Iterator[list[_T]]:
    batch: list[_T] = []
    for value in values:
        batch.append(value)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
