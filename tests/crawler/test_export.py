"""`birdnest export …` and `birdnest sql`, run as a user runs them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from archive import Archive
from archive.errors import BirdnestError
from archive.store import FolderStore
from crawler.cli import app
from tests.posts import NOW, PICTURES, make_post
from tests.support import Birdnest, Ended


@pytest.fixture
def nest(tmp_path: Path) -> Birdnest:
    """The command beside an archive of three posts."""
    archive = Archive.open_or_create(FolderStore(tmp_path / "archive"), now=NOW)
    for data in PICTURES:
        archive.put_blob(data, "image/gif")
    for number in (1, 2, 3):
        archive.add(make_post(id=f"article-{number}", title=f"Titel {number}", tags=(f"t{number}", "all")))
    return Birdnest(folder=tmp_path)


def fine(ended: Ended) -> str:
    assert (ended.code, ended.err) == (0, ""), ended.err
    return ended.out


def test_a_catalogue_is_made_and_asked_in_sql(nest: Birdnest) -> None:
    assert fine(nest("export", "catalogue", "-a", "archive")) == (
        "3 versions in archive/views/catalogue/: read 3 documents, wrote 1 months, removed 0\n"
    )
    counts = json.loads(fine(nest("export", "catalogue", "-a", "archive", "--json")))
    assert (counts["rows"], counts["read"], counts["written"]) == (3, 0, 0)
    query = "SELECT id, tags, published_on, published_at, image_bytes / 2 AS half FROM posts ORDER BY id LIMIT 1"

    (line,) = fine(nest("sql", query, "-a", "archive", "--json")).splitlines()
    row = json.loads(line)

    assert row | {"published_at": ""} == {
        "id": "article-1",
        "tags": ["t1", "all"],
        "published_on": "2022-07-23",
        "published_at": "",
        "half": sum(map(len, PICTURES)) / 2,
    }
    assert "Titel 2" in fine(nest("sql", "SELECT title FROM posts", "-a", "archive"))


def test_sql_is_up_to_date_unless_it_is_asked_as_it_is(nest: Birdnest) -> None:
    count = "SELECT count(*) AS n FROM posts"
    assert json.loads(fine(nest("sql", count, "-a", "archive", "--json", "--as-is"))) == {"n": 0}
    assert json.loads(fine(nest("sql", count, "-a", "archive", "--json"))) == {"n": 3}


def test_trees_are_made_and_made_again(nest: Birdnest) -> None:
    out = fine(nest("export", "hexo", "blog", "-a", "archive"))
    assert out.startswith("3 posts in blog: read 3 documents, wrote 11 files, removed 0\n")
    assert "npx hexo generate" in out
    assert "timezone: Asia/Shanghai" in (nest.folder / "blog/_config.yml").read_text()
    assert "3 posts in blog: read 0 documents, wrote 0 files" in fine(nest("export", "hexo", "blog", "-a", "archive"))
    chosen = ["--tag", "t1", "--tag", "t2", "--site", "niaogebiji", "--since", "2022-01-01", "--markdown"]
    assert fine(nest("export", "hexo", "blog", "-a", "archive", *chosen)).startswith("2 posts in blog: ")
    assert sorted(path.name for path in (nest.folder / "blog/source/_posts/niaogebiji").iterdir()) == [
        "article-1.md",
        "article-2.md",
    ]
    counts = json.loads(fine(nest("export", "markdown", "notes", "-a", "archive", "--json")))
    assert (counts["posts"], counts["written"]) == (3, 9)
    assert "正文" in (nest.folder / "notes/niaogebiji/article-1.md").read_text(encoding="utf-8")


def test_the_zone_of_a_tree_is_the_one_asked_for_or_the_one_it_has(nest: Birdnest) -> None:
    fine(nest("export", "hexo", "blog", "-a", "archive", "--timezone", "Asia/Tokyo"))

    assert "timezone: Asia/Tokyo" in (nest.folder / "blog/_config.yml").read_text()
    assert "wrote 0 files" in fine(nest("export", "hexo", "blog", "-a", "archive"))


def test_one_post_is_written_as_one_file(nest: Birdnest) -> None:
    assert fine(nest("export", "html", "niaogebiji/article-1", "-a", "archive")) == "article-1.html\n"
    page = (nest.folder / "article-1.html").read_text(encoding="utf-8")
    url = "http://niaogebiji.com/article-482538-1.html?from=x"  # as a person may write it
    assert fine(nest("export", "html", url, "-a", "archive", "-o", "-")) == page
    assert page.count("data:image/gif;base64,") == 2
    assert sorted(path.name for path in nest.folder.iterdir()) == ["archive", "article-1.html"]


def test_posts_are_written_as_json_lines(nest: Birdnest) -> None:
    printed = fine(nest("export", "jsonl", "-a", "archive", "--tag", "t3"))
    assert [json.loads(line)["id"] for line in printed.splitlines()] == ["article-3"]

    assert fine(nest("export", "jsonl", "posts.jsonl", "-a", "archive")) == ""

    lines = (nest.folder / "posts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["article-1", "article-2", "article-3"]
    assert all("正文" in json.loads(line)["body"] for line in lines)
    assert sorted(path.name for path in nest.folder.iterdir()) == ["archive", "posts.jsonl"]


def test_a_book_is_made_of_what_is_chosen(nest: Birdnest) -> None:
    out = fine(
        nest("export", "epub", "one.epub", "-a", "archive", "--tag", "t1", "--author", "鸟哥笔记", "--month", "2022-07")
    )
    assert re.fullmatch(r"鸟哥笔记 · t1 · 2022年7月: 1 posts and 2 pictures in one.epub, [0-9]+ kB\n", out)

    told = ["--site", "niaogebiji", "--since", "2022-01-01", "--title", "All", "--language", "en", "--json"]
    made = json.loads(fine(nest("export", "epub", "all.epub", "-a", "archive", *told)))

    assert (made["file"], made["title"], made["posts"], made["pictures"], made["converted"]) == (
        "all.epub",
        "All",
        3,
        2,
        0,
    )
    assert made["bytes"] == (nest.folder / "all.epub").stat().st_size
    with zipfile.ZipFile(nest.folder / "all.epub") as book:
        assert made["identifier"] in book.read("EPUB/package.opf").decode()
        assert "Versions in this book" in book.read("EPUB/imprint.xhtml").decode()
    assert sorted(path.name for path in nest.folder.iterdir()) == ["all.epub", "archive", "one.epub"]


def test_a_book_of_a_damaged_archive_is_made_and_the_command_ends_with_7(nest: Birdnest) -> None:
    (nest.folder / "archive/posts/niaogebiji/article-2/v0001.html").write_bytes(b"damaged")
    (picture,) = (nest.folder / "archive").glob(f"blobs/sha256/*/{hashlib.sha256(PICTURES[0]).hexdigest()}.gif")
    picture.unlink()

    ended = nest("export", "epub", "book.epub", "-a", "archive")

    assert ended.code == 7
    post, image, verdict = ended.err.strip().splitlines()
    assert post.startswith("left out: posts/niaogebiji/article-2/v0001.html: ")
    assert image.endswith(f"{picture.name}, which posts/niaogebiji/article-1/v0001.html shows: blob-missing")
    assert "2 of the archive's documents and pictures could not be used" in verdict
    assert ended.out.startswith("鸟哥笔记: 2 posts and 1 pictures in book.epub")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["export", "hexo", "archive"], 2, "archive is an archive; name another folder"),
        (["export", "markdown", "archive/posts/x"], 2, "lies in the archive archive, and outside its views/"),
        (
            ["export", "hexo", "blog", "--timezone", "Mars/Base"],
            2,
            "'Mars/Base': expected a name such as",
        ),
        (["export", "hexo", "blog", "--site", "nobody"], 2, "--site 'nobody'"),
        (["export", "jsonl", "--site", "nobody"], 2, "--site 'nobody'"),
        (["export", "jsonl", "--since", "yesterday"], 2, "expected an ISO 8601 date"),
        (["export", "jsonl", "archive"], 2, "archive: cannot be written"),
        (["export", "epub", "a.epub", "--author", "x"], 2, r"no post to make a book of \(--author x\)"),
        (["export", "epub", "a.epub", "--month", "2022-13"], 2, "--month '2022-13': expected a month such as"),
        (["export", "epub", "a.epub", "--language", "fr"], 2, "--language 'fr': expected one of zh, en"),
        (["export", "epub", "no/a.epub"], 2, "no/a.epub: cannot be written"),
        (["export", "html", "niaogebiji/article-9"], 2, "no post 'niaogebiji/article-9'"),
        (["sql", "SELEC 1"], 2, "DuckDB: Parser Error"),
        (["sql", "SELECT nothing FROM posts", "--json"], 2, 'DuckDB: Binder Error: .*"nothing"'),
        (["export", "catalogue", "-a", "nowhere"], 6, "no archive of ours"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    nest: Birdnest, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, says: str
) -> None:
    monkeypatch.chdir(nest.folder)

    with pytest.raises(BirdnestError, match=says) as refused:
        app([*arguments, *([] if "-a" in arguments else ["-a", "archive"])], standalone_mode=False)

    assert refused.value.exit_code == code
    assert "\n" not in str(refused.value)


def test_damaged_documents_end_the_command_with_7_when_all_else_is_done(nest: Birdnest) -> None:
    (nest.folder / "archive/posts/niaogebiji/article-2/v0001.html").write_bytes(b"damaged")

    for arguments in (["hexo", "blog"], ["jsonl", "posts.jsonl"]):
        ended = nest("export", *arguments, "-a", "archive")

        assert ended.code == 7
        left_out, verdict = ended.err.strip().splitlines()
        assert left_out.startswith("left out: posts/niaogebiji/article-2/v0001.html: ")
        assert "1 of the archive's documents could not be used" in verdict
    assert len((nest.folder / "posts.jsonl").read_text().splitlines()) == 2
    assert len(list((nest.folder / "blog/source/_posts/niaogebiji").iterdir())) == 2


@pytest.mark.parametrize(
    ("module", "arguments", "install"),
    [
        ("pytz", ["sql", "SELECT 1"], "birdnest[sql]"),
        ("bs4", ["export", "hexo", "blog", "--markdown"], "birdnest[markdown]"),
    ],
)
def test_without_the_extra_the_command_says_what_to_install(
    nest: Birdnest, module: str, arguments: list[str], install: str
) -> None:
    program = f"import sys; sys.modules[{module!r}] = None; from crawler.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, "-a", "archive"],
        cwd=nest.folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.endswith(f"{module} is not installed: python -m pip install '{install}'")


def test_help_asks_for_no_heavy_module() -> None:
    program = "import sys; import crawler.cli; print({'scrapy', 'duckdb', 'bs4'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout == "set()\n"
