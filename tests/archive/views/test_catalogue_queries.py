"""The queries of docs/catalogue.md, run as they stand there by DuckDB alone, on a folder and on S3."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from archive import Archive, ArchiveReader
from archive.s3 import S3Store
from archive.store import FolderStore
from archive.views.sql import POSTS, ask
from tests.archive.views.made import make_catalogue, objects
from tests.support import ROOT

if TYPE_CHECKING:
    from tests.conftest import Need, S3Server

PAGE = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
BLOCKS = [re.sub(r"^ +", "", block, flags=re.MULTILINE) for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)]
VIEWS, QUERIES, IN_S3 = BLOCKS[0], BLOCKS[1:-1], BLOCKS[-1]

DUCKDB_ALONE = """
import json, sys
import duckdb
connection = duckdb.connect()
first, queries = json.load(sys.stdin)
for statement in first:
    connection.execute(statement)
answers = []
for query in queries:
    connection.execute(query)
    answers.append([[column[0] for column in connection.description], *connection.fetchall()])
assert "archive" not in sys.modules and "crawler" not in sys.modules
json.dump(answers, sys.stdout, default=str)
"""


def answers(first: list[str], folder: Path) -> list[Any]:
    """What each query of the page answers, headed by its columns, in a process that knows DuckDB only."""
    command = [sys.executable, "-I", "-c", DUCKDB_ALONE]
    asked = json.dumps([first, QUERIES])
    done = subprocess.run(command, cwd=folder, input=asked, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def catalogued(replica_copy: Path, fill: Callable[..., Archive]) -> FolderStore:
    """The replica's archive with its catalogue; one post of it has changed, another shares its pictures."""
    store = FolderStore(replica_copy)
    later = datetime(2036, 11, 22, tzinfo=UTC)
    fill(store, {"id": "article-482538", "title": "neu", "fetched_at": later}, {"id": "article-2"})
    make_catalogue(store)
    return store


def test_there_are_ten_queries() -> None:
    assert len(QUERIES) == 10


def test_duckdb_alone_answers_the_queries_on_a_folder(catalogued: FolderStore) -> None:
    found = answers([VIEWS], catalogued.root.parent)

    reader = ArchiveReader.open(catalogued)
    fronts = [reader.load(ref).document.front for ref in reader.posts()]
    by = {tuple(answer[0]): answer[1:] for answer in found}
    assert all(len(answer) > 1 for answer in found)
    assert len(fronts) == 63
    days = [front["published_at"][:10] for front in fronts if front["published_at"]]
    assert by["site", "posts", "first", "last"] == [["niaogebiji", 63, min(days), max(days)]]
    assert sum(row[2] for row in by["site", "month", "posts", "characters"]) == 63
    tags = [tag for front in fronts for tag in front["tags"]]
    assert all(tags.count(tag) == count for tag, count in by["tag", "posts"])
    spoken = [front["id"] for front in fronts if "支付宝" in json.dumps(front, ensure_ascii=False)]
    assert set(spoken) >= {row[2] for row in by["published_on", "site", "id", "title"]} >= {"article-2"}
    missing = sorted(image["url"] for front in fronts for image in front["missing_images"])
    assert sorted(row[2] for row in by["reason", "retryable", "url", "site", "id"]) == missing
    assert [row[1:3] for row in by["site", "id", "versions", "first_seen", "last_changed", "title_changed"]] == [
        ["article-482538", 2]
    ]
    lines = [
        f"{reader.load(ref).digest}  {ref.key}"
        for post in reader.posts()
        for ref in reader.versions(post.site, post.id)
    ]
    assert by["line",] == [[line] for line in sorted(lines, key=lambda line: line.split("  ")[1])]


def test_duckdb_alone_answers_the_queries_on_s3(
    catalogued: FolderStore, s3_store: S3Store, s3_environment: S3Server, need: Need
) -> None:
    spec = importlib.util.find_spec("duckdb_extension_httpfs")
    need("httpfs", found=spec is not None, how="python -m pip install duckdb-extension-httpfs of DuckDB's version")
    assert spec is not None
    assert spec.origin is not None
    (extension,) = Path(spec.origin).parent.rglob("httpfs.duckdb_extension")
    for key, data in objects(catalogued).items():
        s3_store.put(key, data, "")
    in_folder = answers([VIEWS], catalogued.root.parent)

    # The page's statements, but for where the extension, the keys, the server and the bucket are.
    environment = s3_environment.environment
    secret = (
        f"CREATE SECRET (TYPE s3, KEY_ID '{environment['AWS_ACCESS_KEY_ID']}', "
        f"SECRET '{environment['AWS_SECRET_ACCESS_KEY']}', REGION 'us-east-1', URL_STYLE 'path', USE_SSL false, "
        f"ENDPOINT '{s3_environment.url.removeprefix('http://')}')"
    )
    load, _, views = IN_S3.split("\n", 2)
    assert load == "INSTALL httpfs; LOAD httpfs;"
    assert "s3://my-bucket/nest/" in views
    posts = VIEWS.split("\n\n")[1]
    first = [f"LOAD '{extension}'", secret, views.replace("s3://my-bucket/nest/", f"{s3_store.url}/"), posts]

    assert answers(first, catalogued.root) == in_folder


def test_birdnest_sql_has_the_tables_of_the_page(catalogued: FolderStore, s3_store: S3Store) -> None:
    assert " ".join(POSTS.split()) in " ".join(VIEWS.split())
    for key, data in objects(catalogued).items():
        s3_store.put(key, data, "")
    in_folder = answers([VIEWS], catalogued.root.parent)

    for store in (catalogued, s3_store):
        for query, expected in zip(QUERIES, in_folder, strict=True):
            with ask(store, query) as answer:
                found = [list(answer.columns), *answer.rows]
            assert json.loads(json.dumps(found, default=str)) == expected


def test_an_archive_without_posts_can_be_asked(folder_store: FolderStore, fill: Callable[..., Archive]) -> None:
    fill(folder_store)
    make_catalogue(folder_store)

    with ask(folder_store, "SELECT count(*), count(title), sum(image_count) FROM posts") as answer:
        assert list(answer.rows) == [(0, 0, None)]
    for query in QUERIES:
        with ask(folder_store, query) as answer:
            assert list(answer.rows) == []
