"""Which site a file belongs to, and what post it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.errors import PageError, UsageError
from crawler.config import Config
from crawler.hexo_tree import UNSORTED, Importer, read_file, read_tree, site_of
from pipelines.item import RawPost

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def post(categories: str = "[新媒体, 鸟哥笔记, 首页]", body: str = "<p>正文</p>", **more: str) -> bytes:
    keys = {"title": "题", "author": "鸟哥笔记", "date": "Mon, 17 May 2021 08:29:00 GMT", **more}
    front = "".join(f"{key}: {value}\n" for key, value in keys.items() if value)
    return f"---\n{front}categories: {categories}\n---\n{body}".encode()


def sites(folder: Path, *files: bytes, slug: str | None = None) -> list[tuple[str, str]]:
    for number, data in enumerate(files):
        (folder / f"{number}.md").write_bytes(data)
    return [(files.site.slug, files.site.title) for files in read_tree(folder, Config(), slug=slug).sites]


def raw(data: bytes, slug: str = "niaogebiji") -> RawPost:
    return Importer.of(site_of(slug, "某站", "", Config())).raw_post(data, "x.md", fetched_at=NOW)


@pytest.mark.parametrize(
    ("categories", "author", "found"),
    [
        ("[新媒体, 鸟哥笔记, 首页]", "鸟哥笔记", ("niaogebiji", "鸟哥笔记")),
        ("[[新媒体], [鸟哥笔记, 首页]]", "某人", ("niaogebiji", "鸟哥笔记")),
        ("鸟哥笔记", "", ("niaogebiji", "鸟哥笔记")),
        ("[新媒体, 鸟哥笔记（旧）]", "", ("niaogebiji", "鸟哥笔记")),
        ("[社区, 某某论坛, 首页]", "某某论坛", ("site-67de9aed", "某某论坛")),
        ("[某某论坛, 首页]", "某某论坛", ("site-67de9aed", "某某论坛")),
        ("[社区, IT 某坛, 首页]", "某人", ("it-bbf17ffd", "IT 某坛")),
        ("[news, Some.Site, front]", "Some.Site", ("some-site", "Some.Site")),
        ("[技术, Python]", "某人", (UNSORTED, UNSORTED)),
        ("[]", "某人", (UNSORTED, UNSORTED)),
    ],
)
def test_the_categories_name_the_site(tmp_path: Path, categories: str, author: str, found: tuple[str, str]) -> None:
    assert sites(tmp_path, post(categories, author=author)) == [found]


def test_an_address_that_a_profile_knows_names_the_site(tmp_path: Path) -> None:
    data = post("[a, b]", author="", link="https://www.niaogebiji.com/article-1-1.html")
    assert sites(tmp_path, data) == [("niaogebiji", "鸟哥笔记")]


def test_a_slug_given_is_that_of_all_files(tmp_path: Path) -> None:
    assert sites(tmp_path, post(), b"no post", post("[a]"), slug="mine") == [("mine", "鸟哥笔记")]


def test_what_names_no_site_is_accounted_for_by_itself(tmp_path: Path) -> None:
    assert sites(tmp_path, post(), b"no post") == [("niaogebiji", "鸟哥笔记"), (UNSORTED, UNSORTED)]


@pytest.mark.parametrize("slug", ["Mine", "a b", "-a", "鸟", ""])
def test_what_is_no_slug_is_refused(tmp_path: Path, slug: str) -> None:
    with pytest.raises(UsageError, match="expected a slug"):
        sites(tmp_path, post(), slug=slug)


def test_a_folder_without_posts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UsageError, match=r"there is no file \*\.md"):
        read_tree(tmp_path, Config())
    with pytest.raises(UsageError, match="no such folder"):
        read_tree(tmp_path / "nothing", Config())


def test_of_a_hexo_site_the_posts_are_read_and_nothing_else(tmp_path: Path) -> None:
    for name in ("README.md", "source/_posts/a/ .md", "source/_posts/.git/x.md", "source/_posts/node_modules/r/y.md"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(post())
    (tmp_path / "source/_posts/b.part.md").write_bytes(post(title="乙"))
    (tmp_path / "source/_posts/c.markdown").write_bytes(post(title="丙"))
    (tmp_path / "source/_posts/d.png").write_bytes(b"x")

    tree = read_tree(tmp_path, Config())

    assert [files.names for files in tree.sites] == [["a/ .md", "c.markdown", "b.part.md"]]
    assert (tree.root, tree.files, tree.others, tree.excerpts) == (tmp_path / "source/_posts", 3, 1, 1)


def test_a_link_that_leads_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_bytes(post())
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.md").symlink_to(secret)
    (tree / "b.md").write_bytes(post())
    (tree / "c.md").symlink_to(tree / "b.md")

    with pytest.raises(PageError) as error:
        read_file(tree, "a.md")
    assert error.value.reason == "outside-the-tree"
    assert read_file(tree, "c.md") == post()


def test_a_file_that_is_gone_or_too_large_says_so(tmp_path: Path) -> None:
    with (tmp_path / "large.md").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    for name, reason in (("gone.md", "unreadable"), ("large.md", "too-large")):
        with pytest.raises(PageError, match=name) as error:
            read_file(tmp_path, name)
        assert error.value.reason == reason


# --- posts


def test_a_post_without_an_address_has_a_name_of_its_own() -> None:
    found = raw(post())

    assert found.url.startswith("urn:sha256:")
    assert found.id == f"u-{found.url.removeprefix('urn:sha256:')[:32]}"
    assert (found.base_url, found.requested_url) == ("https://www.niaogebiji.com/", "x.md")
    assert raw(post(), "elsewhere").base_url is None


@pytest.mark.parametrize(
    ("data", "id_", "url"),
    [
        (
            post(link="http://niaogebiji.com/article-12-1.html?from=x"),
            "article-12",
            "https://www.niaogebiji.com/article-12-1.html",
        ),
        (
            post(body='字<br><a href="https://www.niaogebiji.com/pc/bulletin/detail?id=7">原文链接</a>'),
            "bulletin-7",
            "https://www.niaogebiji.com/pc/bulletin/detail?id=7",
        ),
    ],
)
def test_an_address_makes_the_id_that_a_crawl_would_make(data: bytes, id_: str, url: str) -> None:
    found = raw(data)
    assert (found.id, found.url, found.base_url) == (id_, url, None)


def test_an_address_that_no_profile_knows_is_that_of_a_post_of_an_unknown_site_alone() -> None:
    data = post(link="https://a.cn/1")
    assert (raw(data, "elsewhere").id, raw(data, "elsewhere").url) == (
        "u-ee794e0a9aeae47b1063a768e3ab7c40",
        "https://a.cn/1",
    )
    assert raw(data, "elsewhere").base_url is None
    # A crawl of the site could not fetch it.
    assert raw(data).url.startswith("urn:sha256:")


def test_the_name_of_the_site_is_no_author() -> None:
    assert raw(post(author="鸟哥 笔记")).author == "鸟哥笔记"
    assert raw(post(author="")).author == "鸟哥笔记"
    assert raw(post(author="见实")).author == "见实"


@pytest.mark.parametrize(
    ("categories", "slug", "expected"),
    [
        ("[新媒体, 鸟哥笔记, 今日事]", "niaogebiji", ("新媒体", "鸟哥笔记", "今日事")),
        ("[旧类, 鸟哥笔记, 首页, 深层]", "niaogebiji", ("新媒体", "鸟哥笔记", "首页", "深层")),
        ("[新媒体, 某站, 首页]", "some", ("新媒体", "某站", "首页")),
        ("[]", "niaogebiji", ("新媒体", "鸟哥笔记")),
    ],
)
def test_categories_are_group_site_and_channel(categories: str, slug: str, expected: tuple[str, ...]) -> None:
    author = "鸟哥笔记" if slug == "niaogebiji" else "某站"
    assert raw(post(categories, author=author), slug).categories == expected


def test_a_title_of_one_space_is_the_beginning_of_the_text() -> None:
    assert raw(post(title="' '", body="<p>5月2日消息。</p>")).title == "5月2日消息。"


def test_the_same_source_has_one_digest_and_a_placeholder_is_no_part_of_it() -> None:
    first = raw(post(thumbnail="https://picsum.photos/1"))
    assert raw(post(thumbnail="https://picsum.photos/2")).source_sha256 == first.source_sha256
    assert raw(post(author="见实")).source_sha256 != first.source_sha256


def test_a_file_without_a_site_is_refused() -> None:
    with pytest.raises(PageError) as error:
        raw(post(), UNSORTED)
    assert error.value.reason == "site-unknown"
