"""The same crawl into S3: what a folder gets, byte for byte, and no write that is not needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive import Archive, Store, open_store
from archive.verify import Scope, verify
from crawler.demo import SITE
from crawler.replica import trouble
from crawler.replica.process import Replica
from crawler.replica.trouble import article_url
from tests.conftest import S3Server
from tests.support import Birdnest

PINNED = {"SOURCE_DATE_EPOCH": "1790000000"}
NOW = datetime.fromtimestamp(1790000000, tz=UTC)
SEED_URL = article_url(trouble.SEED_ID)


@pytest.fixture
def on_s3(birdnest: Birdnest, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Birdnest:
    """The command, and this process, with the S3 server's address and credentials in the environment."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return birdnest


def objects(store: Store, *, but_runs: bool = True) -> dict[str, bytes]:
    keys = [info.key for info in store.list()]
    return {key: store.read(key) for key in keys if not (but_runs and key.startswith(("runs/", "raw/")))}


def test_folder_and_s3_get_the_same_objects(on_s3: Birdnest, s3_server: S3Server, replica: Replica) -> None:
    # A capture tells the very exchanges: Date headers, and the run's name.
    on_s3.configure(replica, raw="none")
    bucket = f"s3://{s3_server.new_bucket()}/nest"
    places = [str(on_s3.folder / "archive"), bucket]
    for place in places:
        Archive.open_or_create(open_store(place), now=NOW, id_="00000000-0000-4000-8000-000000000001")
        assert on_s3.crawl("--archive", place, environment=PINNED).code == 0
    folder, s3 = (objects(open_store(place)) for place in places)
    assert sorted(folder) == sorted(s3)
    assert folder == s3
    assert sum(key.startswith("posts/") for key in s3) == 62


def test_a_crawl_with_nothing_new_writes_the_report_and_the_capture_alone(
    on_s3: Birdnest, s3_server: S3Server, replica: Replica
) -> None:
    bucket = s3_server.new_bucket()
    place = f"s3://{bucket}"
    first = on_s3.crawl("--archive", place)
    assert first.code == 0, first.err
    before, writes = objects(open_store(place)), s3_server.writes(bucket)
    assert writes >= len(before)
    assert on_s3.crawl("--archive", place).report["known"] == 66
    assert s3_server.writes(bucket) - writes == 3, "the report, the lists' capture, and its index"
    assert objects(open_store(place)) == before
    replica.edit(trouble.SEED_ID, "微秒纪元", "毫秒纪元")
    writes = s3_server.writes(bucket)
    assert on_s3.crawl("--archive", place).report["changed"] == 1
    assert s3_server.writes(bucket) - writes == 4, "one version, the capture and its index, and the report"
    assert list(verify(open_store(place), Scope(full=True))) == []


def test_objects_carry_their_media_type(on_s3: Birdnest, s3_server: S3Server) -> None:
    import boto3

    bucket = s3_server.new_bucket()
    assert on_s3("archive", SEED_URL, "--to", f"s3://{bucket}/a").code == 0
    client = boto3.client("s3")
    types = {
        Path(item["Key"]).suffix: client.head_object(Bucket=bucket, Key=item["Key"])["ContentType"]
        for item in client.list_objects_v2(Bucket=bucket)["Contents"]
    }
    assert types == {
        ".html": "text/html; charset=utf-8",
        ".json": "application/json",
        ".gz": "application/gzip",
        ".cdxj": "text/x-cdxj",
        ".md": "text/markdown; charset=utf-8",
        ".jpg": "image/jpeg",
        ".png": "image/png",
    }


def test_open_brings_the_pictures_of_a_post_in_s3(on_s3: Birdnest, s3_server: S3Server) -> None:
    place = f"s3://{s3_server.new_bucket()}"
    assert on_s3("archive", SEED_URL, "--to", place).code == 0
    file = Path(on_s3("open", SEED_URL, "--to", place, "--no-browser").out.strip())
    assert len(list(file.parent.glob("blobs/sha256/*/*"))) == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda _: {}, "no bucket 'no-such-bucket': create it"),
        (lambda _: {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "Could not connect.* AWS_ENDPOINT_URL"),
        (lambda strict: {"AWS_ENDPOINT_URL": strict.url}, "access key is unknown to the store: set AWS_ACCESS_KEY_ID"),
    ],
    ids=["bucket absent", "server down", "wrong credentials"],
)
def test_a_store_that_cannot_be_used_is_one_line_before_anything_is_fetched(
    on_s3: Birdnest,
    strict_s3_server: S3Server,
    replica: Replica,
    change: Callable[[S3Server], dict[str, str]],
    says: str,
) -> None:
    ended = on_s3("crawl", SITE, "--archive", "s3://no-such-bucket", environment=change(strict_s3_server))
    assert ended.code == 6
    (line,) = ended.err.strip().splitlines()
    assert says.split(".*", maxsplit=1)[0] in line
    assert says.rsplit(".*", maxsplit=1)[-1] in line
    assert replica.hits() == {}


def test_no_credentials_says_what_to_set(on_s3: Birdnest) -> None:
    nothing = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    ended = on_s3("list", "--archive", "s3://somewhere", environment=nothing)
    assert ended.code == 6
    assert "AWS_PROFILE" in ended.err
    assert len(ended.err.strip().splitlines()) == 1
