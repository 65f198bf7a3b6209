"""Keys: what names what, and that nothing else does."""

import hashlib
from dataclasses import FrozenInstanceError

import pytest

from archive.layout import (
    BLOB_EXTENSIONS,
    PostRef,
    blob_digest,
    blob_key,
    check_key,
    link_from_document,
    parse_post_key,
    post_id,
    post_prefix,
    run_key,
)

DIGEST = hashlib.sha256(b"bytes").hexdigest()


@pytest.mark.parametrize("version", [1, 2, 42, 9999])
def test_a_post_key_names_the_version_it_was_made_of(version: int) -> None:
    ref = PostRef(site="niaogebiji", id="article-482538", version=version)

    assert ref.key == f"posts/niaogebiji/article-482538/v{version:04d}.html"
    assert parse_post_key(ref.key) == ref
    assert check_key(ref.key) == ref.key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "posts/niaogebiji/article-1/v0000.html",
        "posts/niaogebiji/article-1/v1.html",
        "posts/niaogebiji/article-1/v10000.html",
        "posts/niaogebiji/article-1/v0001.htm",
        "posts/niaogebiji/article-1/v0001.html.bak",
        "posts/niaogebiji/article-1/v0001.html\n",
        "posts/niaogebiji/article-1/v٠٠٠١.html",
        "posts/niaogebiji/Article-1/v0001.html",
        "posts/niaogebiji/-1/v0001.html",
        "posts/niaogebiji/文章-1/v0001.html",
        "posts/niaogebiji/x/article-1/v0001.html",
        f"posts/niaogebiji/{'a' * 101}/v0001.html",
        "posts/niaogebiji/v0001.html",
        "/posts/niaogebiji/article-1/v0001.html",
        "views/posts/niaogebiji/article-1/v0001.html",
    ],
)
def test_any_other_key_names_no_post(key: str) -> None:
    assert parse_post_key(key) is None


def test_versions_of_a_post_sort_as_numbers_do() -> None:
    refs = [PostRef(site="s", id="a-1", version=version) for version in (1, 2, 9, 10, 99, 100, 9999)]

    assert sorted(refs) == refs
    assert sorted(ref.key for ref in refs) == [ref.key for ref in refs]


def test_a_key_is_a_value_that_nobody_can_change() -> None:
    with pytest.raises(FrozenInstanceError):
        PostRef(site="s", id="a-1", version=1).version = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "site_id", "id_"),
    [
        ("article", "482538", "article-482538"),
        ("bulletin", "482538", "bulletin-482538"),
        ("article", "a.b_c-d", "article-a.b_c-d"),
        ("article", "x" * 92, "article-" + "x" * 92),
    ],
)
def test_a_post_is_named_by_its_kind_and_the_site_s_own_id(kind: str, site_id: str, id_: str) -> None:
    assert post_id(kind, site_id, "https://site.example/") == id_


@pytest.mark.parametrize("site_id", ["关于", "A1", "a/b", "a b", "x" * 96, "..\n", "a?b"])
def test_an_id_that_cannot_stand_in_a_key_gives_way_to_the_digest_of_the_url(site_id: str) -> None:
    url = "https://site.example/关于"

    assert post_id("page", site_id, url) == "u-" + hashlib.sha256(url.encode()).hexdigest()[:32]


def test_the_prefix_of_one_post_is_not_that_of_another() -> None:
    assert post_prefix("s", "a-1") == "posts/s/a-1/"
    assert post_prefix("s") == "posts/s/"


@pytest.mark.parametrize("media_type", BLOB_EXTENSIONS)
def test_a_blob_key_promises_the_digest_it_was_made_of(media_type: str) -> None:
    key = blob_key(DIGEST, media_type)

    assert key == f"blobs/sha256/{DIGEST[:2]}/{DIGEST}.{BLOB_EXTENSIONS[media_type]}"
    assert blob_digest(key) == DIGEST
    assert check_key(key) == key


def test_no_two_media_types_share_an_extension() -> None:
    assert len(set(BLOB_EXTENSIONS.values())) == len(BLOB_EXTENSIONS)


@pytest.mark.parametrize("media_type", ["text/html", "image/jpg", "IMAGE/PNG", "image/heic", ""])
def test_bytes_of_a_type_outside_the_table_have_no_key(media_type: str) -> None:
    with pytest.raises(KeyError):
        blob_key(DIGEST, media_type)


@pytest.mark.parametrize(
    "key",
    [
        f"blobs/sha256/00/{DIGEST}.jpg",
        f"blobs/sha256/{DIGEST[:2]}/{DIGEST}.html",
        f"blobs/sha256/{DIGEST[:2]}/{DIGEST}.jpeg",
        f"blobs/sha256/{DIGEST[:2]}/{DIGEST}",
        f"blobs/sha256/{DIGEST[:2]}/{DIGEST[:63]}.jpg",
        f"blobs/sha256/{DIGEST[:2]}/{DIGEST.upper()}.jpg",
        f"blobs/sha512/{DIGEST[:2]}/{DIGEST}.jpg",
        f"{DIGEST}.jpg",
    ],
)
def test_any_other_key_promises_no_digest(key: str) -> None:
    assert blob_digest(key) is None


def test_a_document_reaches_every_object_by_a_relative_link() -> None:
    assert link_from_document("blobs/sha256/ab/x.jpg") == "../../../blobs/sha256/ab/x.jpg"
    assert PostRef(site="s", id="a-1", version=1).key.count("/") == 3


def test_a_report_lies_under_the_day_of_its_run() -> None:
    assert run_key("20261122T080000Z-ab12") == "runs/2026-11-22/20261122T080000Z-ab12.json"


@pytest.mark.parametrize("key", ["ARCHIVE.json", "a/b.c/d", ".hidden", "a..b", "with space", "~"])
def test_a_key_that_every_store_can_hold_passes(key: str) -> None:
    assert check_key(key) == key
