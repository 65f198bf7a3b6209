"""A post that breaks an invariant is rejected with its reason, and says where to look."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from archive import Outcome
from pipelines.check import CheckPipeline, broken_invariants
from pipelines.clean import CleanBody, CleanImage
from pipelines.dates import Moment
from pipelines.item import PostItem, RejectedPost

Make = Callable[..., PostItem]
IMAGE = CleanImage(url="https://img.example.com/a.png", alt="")


def reasons(post: PostItem) -> list[str]:
    return [reason for reason, _ in broken_invariants(post)]


def test_a_whole_post_breaks_nothing(make_post: Make) -> None:
    assert reasons(make_post()) == []


@pytest.mark.parametrize("title", ["", " ", "\u3000\xa0", "\n\t", "\u200b", "\ufeff \u2060"])
def test_a_title_without_a_visible_character_is_empty(make_post: Make, title: str) -> None:
    assert reasons(make_post(title=title)) == ["empty-title"]


@pytest.mark.parametrize("text", ["", " \n\u3000"])
def test_a_body_without_text_and_images_is_empty(make_post: Make, text: str) -> None:
    assert reasons(make_post(text=text)) == ["empty-body"]


def test_a_body_that_never_passed_the_cleaner_is_empty(make_post: Make) -> None:
    assert reasons(make_post(clean=None)) == ["empty-body"]


def test_a_body_of_one_image_is_none_too_short(make_post: Make) -> None:
    clean = CleanBody(html="", text="", images=(IMAGE,))
    assert reasons(make_post(clean=clean, min_characters=100)) == []


@pytest.mark.parametrize(("characters", "broken"), [(9, ["too-short"]), (10, []), (11, [])])
def test_white_space_does_not_count_as_text(make_post: Make, characters: int, broken: list[str]) -> None:
    assert reasons(make_post(text="字 \n" * characters, min_characters=10)) == broken


@pytest.mark.parametrize(("hours", "broken"), [(-1, []), (24, []), (25, ["future-date"])])
def test_a_post_may_be_a_day_ahead_and_no_more(make_post: Make, hours: int, broken: list[str]) -> None:
    post = make_post()
    published = Moment(at=post.fetched_at + timedelta(hours=hours), precision="second")
    assert reasons(replace(post, published=published)) == broken


def test_every_broken_invariant_is_named_with_site_and_url(make_post: Make) -> None:
    post = make_post(title="", text="")
    broken = list(broken_invariants(post))
    assert [reason for reason, _ in broken] == ["empty-title", "empty-body"]
    assert all(detail.startswith(f"niaogebiji: {post.url}: ") for _, detail in broken)


def test_the_pipeline_rejects_with_the_first_reason(make_post: Make) -> None:
    with pytest.raises(RejectedPost) as raised:
        asyncio.run(CheckPipeline().process_item(make_post(title="", text="")))
    assert raised.value.reason == "empty-title"
    assert "no visible character" in raised.value.detail


def test_the_pipeline_lets_a_whole_post_through_untouched(make_post: Make) -> None:
    post = make_post()
    assert asyncio.run(CheckPipeline().process_item(post)) is post


def test_a_post_whose_outcome_is_known_is_not_checked(make_post: Make) -> None:
    post = make_post(title="", outcome=Outcome(status="unchanged", version=1))
    assert asyncio.run(CheckPipeline().process_item(post)) is post
