"""Saved pages and the addresses they came from."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.errors import UsageError
from crawler.draft.pages import feeds_of, is_web_address, read_files, said_url
from crawler.extract import Page


def saved(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("page", "url"),
    [
        (
            "<!DOCTYPE html>\n<!-- saved from url=(0029)https://www.e.example/p/1.html -->",
            "https://www.e.example/p/1.html",
        ),
        (
            "<!DOCTYPE html> <!--\n Page saved with SingleFile \n url: https://www.e.example/p/2.html -->",
            "https://www.e.example/p/2.html",
        ),
        ("<html><head><link rel=canonical href='https://www.e.example/p/3.html'>", "https://www.e.example/p/3.html"),
        (
            "<html><head><meta property='og:url' content='https://www.e.example/p/4.html'>",
            "https://www.e.example/p/4.html",
        ),
        ("<html><head><link rel=canonical href='/p/5.html'>", ""),
        ("<html><head><link rel=canonical href='javascript:x'>", ""),
        ("", ""),
    ],
)
def test_a_page_tells_the_address_it_came_from(page: str, url: str) -> None:
    assert said_url(page.encode()) == url


def test_addresses_given_by_hand_come_before_what_the_pages_say(tmp_path: Path) -> None:
    one = saved(tmp_path, "one.html", "<link rel=canonical href='https://a.example/1'>")
    two = saved(tmp_path, "two.html", "<link rel=canonical href='https://a.example/2'>")
    assert [seen.url for seen in read_files([one, two], ["https://b.example/1"])] == [
        "https://b.example/1",
        "https://a.example/2",
    ]


def test_a_page_saved_under_the_name_of_a_link_has_that_address(tmp_path: Path) -> None:
    home = saved(tmp_path, "index.html", "<a href='/2024/p-7.html'>x</a>")
    article = saved(tmp_path, "p-7.html", "<p>text</p>")
    seen = read_files([home, article], ["https://b.example/"])
    assert seen[1].url == "https://b.example/2024/p-7.html"


def test_a_page_that_nobody_tells_the_address_of_is_refused_with_what_to_do(tmp_path: Path) -> None:
    file = saved(tmp_path, "page.html", "<p>text</p>")
    with pytest.raises(UsageError, match=r"page\.html: nothing tells the address it came from .*--url"):
        read_files([file])


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "p/1.html", "https://", "https://a b/", "https://[x", "javascript:alert(1)"]
)
def test_what_is_no_web_address_is_refused(tmp_path: Path, url: str) -> None:
    assert not is_web_address(url)
    with pytest.raises(UsageError, match="is no web address"):
        read_files([saved(tmp_path, "page.html", "<p>text</p>")], [url])


def test_a_file_that_is_not_there_or_empty_or_a_folder_is_refused(tmp_path: Path) -> None:
    for file in (tmp_path / "none.html", saved(tmp_path, "empty.html", " \n"), tmp_path):
        with pytest.raises(UsageError, match=str(file)):
            read_files([file], ["https://a.example/"])


def test_more_addresses_than_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 times --url for 1 files"):
        read_files([saved(tmp_path, "a.html", "x")], ["https://a.example/", "https://b.example/"])


def test_the_time_of_a_saved_page_is_that_of_its_file(tmp_path: Path) -> None:
    file = saved(tmp_path, "a.html", "<p>3小时前</p>")
    os.utime(file, (1_700_000_000, 1_700_000_000))
    (seen,) = read_files([file], ["https://a.example/"])
    assert seen.fetched_at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert seen.body == file.read_bytes()


def test_feeds_are_those_that_pages_of_the_site_link_to_as_feeds() -> None:
    page = Page.of(
        "https://a.example/x/",
        b"<link rel=alternate type='application/rss+xml' href='/feed' title=' All '>"
        b"<link rel=alternate type='application/atom+xml' href='https://a.example/comments/feed/'>"
        b"<link rel=alternate type='application/rss+xml' href='/c' title='Comments on X'>"
        b"<link rel=alternate type='text/html' hreflang=en href='/en/'>"
        b"<link rel=stylesheet type='application/rss+xml' href='/no'>"
        b"<link rel=alternate type='application/rss+xml' href='https://other.example/feed'>"
        b"<link rel=alternate type='application/feed+json' href='feed.json'>"
        b"<link rel=alternate type='application/feed+json' href='../feed.json'>",
    )
    assert feeds_of([page], ["a.example"]) == ("https://a.example/feed", "https://a.example/feed.json")
