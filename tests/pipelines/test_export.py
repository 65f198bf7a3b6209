"""What is committed of a post, and what the version held gives to what this fetch could not tell."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive import Archive, Outcome
from archive.document import CONTENT_TYPE, Document, write
from archive.layout import PostRef
from archive.model import Image, MissingImage
from archive.reader import Head
from archive.store import FolderStore
from pipelines.clean import CleanBody, Embed
from pipelines.dates import Moment, Precision
from pipelines.export import ExportPipeline, RecallPipeline, finish, says_nothing_new
from pipelines.item import OriginalFile, PostItem, RejectedPost
from pipelines.session import ArchiveSession

FETCHED_AT = datetime(2022, 7, 23, 1, tzinfo=UTC)

Make = Callable[..., PostItem]
LISTED = Moment(at=datetime.fromisoformat("2022-07-22T16:05:09+08:00"), precision="second")
MISSING = MissingImage(url="https://img.example.com/a.png", reason="timeout", retryable=True)


def moment(text: str, precision: Precision) -> Moment:
    return Moment(at=datetime.fromisoformat(text), precision=precision)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[ArchiveSession]:
    """A session over a new archive in a folder."""
    now = datetime(2022, 7, 23, tzinfo=UTC)
    session = ArchiveSession(Archive.open_or_create(FolderStore(tmp_path / "nest"), now=now), lambda: now)
    yield session
    session._closed()


@pytest.fixture
def hold(session: ArchiveSession) -> Callable[[PostItem], Head]:
    """Commits a post and gives the version then held."""

    def commit(post: PostItem) -> Head:
        session.archive.add(finish(post), head=post.head)
        head = session.archive.head(post.site, post.id)
        assert head is not None
        return head

    return commit


Hold = Callable[[PostItem], Head]


def later(post: PostItem, head: Head, **given: object) -> PostItem:
    """The same post, fetched a month later."""
    return replace(post, head=head, fetched_at=post.fetched_at + timedelta(days=30), **given)  # type: ignore[arg-type]


# --- finish ---


def test_a_dated_post_carries_its_date_in_utc_and_its_time_as_told(make_post: Make) -> None:
    post = finish(make_post(published=LISTED))
    assert post.published_at == LISTED.at
    assert str(post.published_at) == "2022-07-22 16:05:09+08:00"
    assert str(post.date) == "2022-07-22 08:05:09+00:00"


def test_an_undated_post_carries_the_date_of_its_fetch(make_post: Make) -> None:
    post = finish(make_post(published=None))
    assert (post.published_at, post.date) == (None, make_post().fetched_at)


def test_an_undated_post_keeps_the_date_of_its_first_fetch(make_post: Make, hold: Hold) -> None:
    first = make_post()
    post = finish(later(first, hold(first), title="改了标题"))
    assert (post.published_at, post.date) == (None, first.fetched_at)


def test_a_date_that_comes_later_replaces_that_of_the_first_fetch(make_post: Make, hold: Hold) -> None:
    first = make_post()
    post = finish(later(first, hold(first), published=LISTED))
    assert (post.published_at, post.date) == (LISTED.at, LISTED.at)


def test_a_date_that_a_later_page_lacks_is_kept(make_post: Make, hold: Hold) -> None:
    first = make_post(published=LISTED, updated=LISTED)
    post = finish(later(first, hold(first), published=None, updated=None))
    assert (post.published_at, post.updated_at, post.date) == (LISTED.at, LISTED.at, LISTED.at)


@pytest.mark.parametrize(
    "coarse",
    [moment("2022-07-22T16:05:00+08:00", "minute"), moment("2022-07-22T00:00:00+08:00", "day")],
    ids=["minute", "day"],
)
def test_the_seconds_of_a_list_survive_a_page_that_tells_less(make_post: Make, hold: Hold, coarse: Moment) -> None:
    first = make_post(published=LISTED, updated=LISTED)
    post = finish(later(first, hold(first), published=coarse, updated=coarse))
    assert (post.published_at, post.updated_at) == (LISTED.at, LISTED.at)


def test_a_time_that_differs_as_far_as_it_is_told_replaces_the_one_held(make_post: Make, hold: Hold) -> None:
    first, told = make_post(published=LISTED), moment("2022-07-22T16:06:00+08:00", "minute")
    assert finish(later(first, hold(first), published=told)).published_at == told.at


def test_a_body_ends_with_one_line_end(make_post: Make) -> None:
    assert finish(make_post(html="<p>甲</p>")).body == "<p>甲</p>\n"


def test_embeds_of_the_cleaner_are_committed(make_post: Make) -> None:
    clean = CleanBody(html="", text="字", embeds=(Embed(kind="video", url=None, title="直播"),))
    (embed,) = finish(make_post(clean=clean)).embeds
    assert (embed.kind, embed.url, embed.title) == ("video", None, "直播")


# --- says_nothing_new ---


def test_a_post_that_is_not_held_is_news(make_post: Make) -> None:
    assert not says_nothing_new(make_post())


def test_the_same_source_says_nothing_new(make_post: Make, hold: Hold) -> None:
    first = make_post()
    assert says_nothing_new(later(first, hold(first)))


def test_another_source_is_news(make_post: Make, hold: Hold) -> None:
    first = make_post()
    assert not says_nothing_new(later(first, hold(first), source_sha256="6" * 64))


@pytest.mark.parametrize("retryable", [True, False])
def test_the_same_source_is_looked_at_again_while_an_image_may_still_come(
    make_post: Make, hold: Hold, *, retryable: bool
) -> None:
    first = make_post(missing_images=(replace(MISSING, retryable=retryable),))
    assert says_nothing_new(later(first, hold(first))) is not retryable


# --- the pipelines over a real archive ---


def recall(session: ArchiveSession, post: PostItem, *, refetch_images: bool = False) -> PostItem:
    return asyncio.run(RecallPipeline(session, refetch_images=refetch_images).process_item(post))


def export(session: ArchiveSession, post: PostItem) -> PostItem:
    return asyncio.run(ExportPipeline(session).process_item(post))


def test_a_new_post_passes_and_becomes_the_first_version(session: ArchiveSession, make_post: Make) -> None:
    recalled = recall(session, make_post())
    assert (recalled.head, recalled.outcome) == (None, None)
    outcome = export(session, recalled).outcome
    assert outcome is not None
    assert (outcome.status, outcome.version) == ("new", 1)
    assert outcome.bytes_written > 0


def test_the_same_source_ends_unchanged_and_writes_nothing(
    session: ArchiveSession, make_post: Make, hold: Hold
) -> None:
    hold(make_post())
    written = session.archive.store.usage.requests["PUT"]
    ended = export(session, recall(session, make_post()))
    assert ended.outcome == Outcome(status="unchanged", version=1)
    assert session.archive.store.usage.requests["PUT"] == written


def test_the_same_source_passes_when_images_are_to_be_fetched_again(
    session: ArchiveSession, make_post: Make, hold: Hold
) -> None:
    head = hold(make_post())
    assert recall(session, make_post(), refetch_images=True) == make_post(head=head)


def test_a_changed_post_becomes_the_next_version(session: ArchiveSession, make_post: Make, hold: Hold) -> None:
    first = make_post()
    head = hold(first)
    changed = later(first, head, title="改了标题", source_sha256="6" * 64)
    outcome = export(session, recall(session, changed)).outcome
    assert outcome is not None
    assert (outcome.status, outcome.version) == ("changed", 2)


def test_an_image_that_comes_later_makes_a_version_of_the_same_source(
    session: ArchiveSession, make_post: Make, hold: Hold
) -> None:
    first = make_post(missing_images=(MISSING,))
    head = hold(first)
    key, _ = session.archive.put_blob(b"GIF89a", "image/gif")
    image = Image(url=MISSING.url, key=key, sha256="a" * 64, bytes=6, media_type="image/gif", width=2, height=2)
    recalled = recall(session, later(first, head))
    assert recalled.outcome is None
    ended = export(session, replace(recalled, images=(image,), missing_images=()))
    assert ended.outcome is not None
    assert (ended.outcome.status, ended.outcome.version) == ("changed", 2)


def test_an_older_fetch_does_not_stand_over_a_newer_one(session: ArchiveSession, make_post: Make, hold: Hold) -> None:
    first = make_post()
    hold(first)
    older = replace(first, title="旧标题", source_sha256="6" * 64, fetched_at=first.fetched_at - timedelta(days=1))
    assert export(session, recall(session, older)).outcome == Outcome(status="superseded", version=1)


def test_a_known_outcome_passes_the_export_untouched(session: ArchiveSession, make_post: Make) -> None:
    post = make_post(outcome=Outcome(status="unchanged", version=3))
    assert export(session, post) is post


def test_a_post_that_is_expected_to_be_new_is_not_looked_for(session: ArchiveSession, make_post: Make) -> None:
    session.expect_new("niaogebiji", "article-1")
    asked = dict(session.archive.store.usage.requests)
    assert recall(session, make_post(id="article-1")).head is None
    assert dict(session.archive.store.usage.requests) == asked
    assert recall(session, make_post(id="article-1")).head is None
    assert dict(session.archive.store.usage.requests) != asked


def test_a_post_that_was_expected_to_be_new_and_is_not_is_compared_all_the_same(
    session: ArchiveSession, make_post: Make, hold: Hold
) -> None:
    hold(make_post())
    session.expect_new("niaogebiji", "article-482538")
    later = make_post(fetched_at=FETCHED_AT + timedelta(hours=1))
    assert export(session, recall(session, later)).outcome == Outcome(status="unchanged", version=1)


def test_a_sixth_version_within_a_day_is_refused_and_a_later_one_is_not(
    session: ArchiveSession, make_post: Make, hold: Hold
) -> None:
    def counted(number: int, hours: int) -> PostItem:
        at = FETCHED_AT + timedelta(hours=hours)
        return recall(session, make_post(body=f"<p>{number} 次</p>", source_sha256=f"{number:064}", fetched_at=at))

    for number in range(5):
        hold(counted(number, number))
    with pytest.raises(RejectedPost, match=r"too-many-versions: .* 5 versions since 2022-07-23T01:00:00"):
        export(session, counted(5, 23))
    assert export(session, counted(4, 23)).outcome == Outcome(status="unchanged", version=5)
    outcome = export(session, counted(5, 24)).outcome
    assert outcome is not None
    assert (outcome.status, outcome.version) == ("changed", 6)


def test_a_post_that_was_taken_down_stays_down(session: ArchiveSession, make_post: Make) -> None:
    post = make_post()
    ref = PostRef(site=post.site, id=post.id, version=1)
    stub = Document(front={"site": ref.site, "id": ref.id, "version": 1, "op": "takedown"}, body="")
    assert session.archive.store.create(ref.key, write(stub), CONTENT_TYPE)
    assert export(session, recall(session, post)).outcome == Outcome(status="taken-down", version=1)


def test_boilerplate_that_the_cleaner_moved_off_the_body_is_committed(make_post: Make) -> None:
    clean = CleanBody(html="", text="字", boilerplate=("责任编辑：鸟",))
    assert finish(make_post(clean=clean)).boilerplate == ("责任编辑：鸟",)


# --- files ---


def test_a_post_of_a_file_is_committed_with_the_file_and_only_then(session: ArchiveSession, make_post: Make) -> None:
    file = OriginalFile(data=b"---\ntitle: x\n---\n", media_type="text/markdown")
    ended = export(session, recall(session, make_post(original=file)))
    assert ended.outcome is not None
    head = session.archive.head("niaogebiji", "article-482538")
    assert head is not None
    assert head.document.original is not None
    assert session.archive.store.read(head.document.original.key) == file.data
    written = session.archive.store.usage.requests["PUT"]
    other = OriginalFile(data=b"---\r\ntitle: x\r\n---\r\n", media_type="text/markdown")
    assert export(session, recall(session, make_post(original=other))).outcome == Outcome(status="unchanged", version=1)
    assert session.archive.store.usage.requests["PUT"] == written


def test_a_file_of_a_post_that_was_fetched_is_known_and_leaves_nothing(
    session: ArchiveSession, make_post: Make, hold: Hold
) -> None:
    hold(make_post())
    written = session.archive.store.usage.requests["PUT"]
    file = OriginalFile(data=b"x", media_type="text/markdown")
    post = make_post(original=file, title="旧", source_sha256="6" * 64)
    assert recall(session, post).outcome == Outcome(status="known", version=1)
    # Where another writer fetched it after this one had looked, too.
    session.expect_new(post.site, post.id)
    assert export(session, recall(session, post)).outcome == Outcome(status="known", version=1)
    assert session.archive.store.usage.requests["PUT"] <= written + 2  # its blob, and the document that was refused


def test_a_file_that_is_read_again_waits_for_no_image(make_post: Make, hold: Hold) -> None:
    file = OriginalFile(data=b"x", media_type="text/markdown")
    first = make_post(original=file, missing_images=(MISSING,))
    assert says_nothing_new(later(first, hold(first)))
