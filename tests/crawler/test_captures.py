"""Raw capture: what is in the WARC files, that tools of others read them, and what a death in mid-record leaves."""

from __future__ import annotations

import hashlib
import io
import json
import random
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import surt as other_surt
from cdxj_indexer.main import CDXJIndexer
from warcio.archiveiterator import ArchiveIterator
from warcio.recordloader import ArcWarcRecord

from archive import Archive, ArchiveReader, open_store
from archive.layout import RAW, index_key
from archive.model import Image, MissingImage
from archive.verify import Scope, verify
from archive.warc import index_lines, surt, whole_bytes
from crawler.capture import Earlier, Exchange, Spool, abandoned, last_ones, records, upload
from crawler.discover import FoundLink
from crawler.entries import Hints
from crawler.extract import Page, extract
from crawler.profile import address
from crawler.replica import trouble
from crawler.replica.process import Replica
from crawler.replica.trouble import article_url
from crawler.sites import all_sites
from pipelines.clean import clean
from pipelines.images import image_name, place_images
from tests.support import Birdnest

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
RUN = "20261122T080000Z-niaogebiji-abcdef"
SITE = "niaogebiji"


@pytest.fixture(scope="module")
def crawled(running_replica: Replica, tmp_path_factory: pytest.TempPathFactory) -> Birdnest:
    running_replica.reset()
    birdnest = Birdnest(folder=tmp_path_factory.mktemp("captured"))
    birdnest.configure(running_replica)
    assert birdnest.crawl().code == 0
    assert birdnest.crawl().code == 0
    return birdnest


def segments(archive: ArchiveReader) -> dict[str, bytes]:
    keys = [info.key for info in archive.store.list(RAW) if info.key.endswith(".warc.gz")]
    return {key: archive.store.read(key) for key in keys}


def read(data: bytes) -> Iterator[ArcWarcRecord]:
    for record in ArchiveIterator(io.BytesIO(data), check_digests="raise"):
        record.body = record.raw_stream.read()
        record.raw_body = record.body
        yield record


def header(record: ArcWarcRecord, name: str) -> str:
    return str(record.rec_headers.get_header(name))


def test_warcio_finds_nothing_wrong(crawled: Birdnest, tmp_path: Path) -> None:
    found = segments(crawled.archive())
    assert len(found) == 2
    for key, data in found.items():
        file = tmp_path / key.rpartition("/")[2]
        file.write_bytes(data)
        command = [str(Path(sys.executable).with_name("warcio")), "check", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")


def test_every_document_is_extracted_again_from_the_records_it_names(crawled: Birdnest) -> None:
    site, archive = all_sites()[SITE], crawled.archive()
    every = [record for data in segments(archive).values() for record in read(data)]
    found = {header(record, "WARC-Record-ID"): record for record in every}
    assert len(found) == len(every), "each record has an id of its own"
    compared = 0
    for ref in archive.posts():
        front = archive.load(ref).document.front
        named = [found[record["record_id"]] for record in front["warc"]]
        assert {record["segment"] for record in front["warc"]} <= set(segments(archive))
        pages = [
            Page.of(header(record, "WARC-Target-URI"), record.body, record.http_headers.get_header("Content-Type"))
            for record in named
            if (place := address(site, header(record, "WARC-Target-URI"))) is not None and place.id == ref.id
            if record.http_headers.get_statuscode() == "200"
        ]
        place = address(site, front["url"])
        assert place is not None
        hints = Hints(title=front["title"])
        raw = extract(
            site, place, pages, found=FoundLink(url=place.url, channel="", hints=hints), fetched_at=datetime.now(UTC)
        )
        document = archive.load(ref).document
        known: dict[str, Image | MissingImage] = {image.url: image for image in document.images}
        known |= {image.url: image for image in document.missing_images}
        again = clean("\n".join(raw.body_parts), raw.url, raw.clean_rules)
        body = place_images(again.html, {image.url: known[image_name(image.url)] for image in again.images})
        assert f"{body}\n" == document.body, ref
        compared += 1
    assert compared == 62


def test_a_list_that_did_not_change_is_a_revisit_of_its_earlier_capture(crawled: Birdnest) -> None:
    first, second = (list(read(data)) for data in segments(crawled.archive()).values())
    whole = {header(record, "WARC-Record-ID") for record in first if record.rec_type == "response"}
    again = [record for record in second if record.rec_type == "revisit"]
    assert len(again) >= 6
    assert {header(record, "WARC-Refers-To") for record in again} <= whole
    assert {record.body for record in again} == {b""}
    assert all(header(record, "WARC-Profile").endswith("/identical-payload-digest") for record in again)


def test_the_index_is_the_one_that_others_make(crawled: Birdnest, tmp_path: Path) -> None:
    archive = crawled.archive()
    for key, data in segments(archive).items():
        file = tmp_path / key.rpartition("/")[2]
        file.write_bytes(data)
        output = tmp_path / "index.cdxj"
        CDXJIndexer(str(output), [str(file)], sort=True).process_all()
        ours = archive.store.read(key.removesuffix(".warc.gz") + ".cdxj").decode().splitlines()
        theirs = output.read_text().splitlines()
        assert [parts(line) for line in sorted(ours)] == [parts(line) for line in sorted(theirs)]


def parts(line: str) -> tuple[str, str, dict[str, str]]:
    key, time, fields = line.split(" ", 2)
    value: dict[str, str] = json.loads(fields)
    if value["mime"] == "warc/revisit":
        value.pop("digest", None)
    return key, time, value


@pytest.mark.parametrize(
    "url",
    [
        "https://www.niaogebiji.com/",
        "https://www.niaogebiji.com/pc/bulletin/detail?id=10187",
        "https://www.niaogebiji.com/tag/%E6%94%AF%E4%BB%98%E5%AE%9D",
        "https://a.example/x//y/?b=2&a=&C=1",
        "http://a.example:8080/p/",
        "https://qnssl.niaogebiji.com//6cdd60.png?imageMogr2/thumbnail/600x",
        "https://www2.example.org/index.html?sid=5",
    ],
)
def test_urls_are_sorted_as_others_sort_them(url: str) -> None:
    assert surt(url) == other_surt.surt(url)


def test_no_cookie_and_no_credential_is_captured() -> None:
    written = records(
        exchange(
            request_headers=[("Cookie", "id=geheim"), ("Authorization", "Basic geheim"), ("Accept", "*/*")],
            headers=[("Set-Cookie", "id=geheim"), ("Proxy-Authorization", "geheim"), ("ETag", '"a"')],
        ),
        RUN,
        1,
        None,
    )
    (asked, answered) = read(written.data)
    said = f"{asked.http_headers} {answered.http_headers}"
    assert "geheim" not in said
    assert "Accept: */*" in said
    assert 'ETag: "a"' in said


def exchange(**given: object) -> Exchange:
    values: dict[str, object] = {
        "method": "GET",
        "url": "https://www.niaogebiji.com/article-1-1.html",
        "request_headers": [("Host", "www.niaogebiji.com")],
        "request_body": b"",
        "status": 200,
        "headers": [("Content-Type", "text/html"), ("Transfer-Encoding", "chunked")],
        "body": b"<p>\xe4\xbd\xa0\xe5\xa5\xbd</p>",
        "at": AT,
    }
    return Exchange(**{**values, **given})  # type: ignore[arg-type]  # given by tests


def test_an_exchange_is_a_request_and_its_answer_with_a_length_that_fits() -> None:
    asked, answered = read(records(exchange(method="POST", request_body=b"page=1"), RUN, 1, None).data)
    assert (asked.rec_type, answered.rec_type) == ("request", "response")
    assert str(asked.http_headers).startswith("POST /article-1-1.html HTTP/1.1")
    assert asked.body == b"page=1"
    assert answered.http_headers.get_header("Transfer-Encoding") is None
    assert answered.http_headers.get_header("Content-Length") == str(len(answered.body))
    assert header(asked, "WARC-Concurrent-To") == header(answered, "WARC-Record-ID")


@pytest.mark.parametrize(("status", "profile"), [(304, "server-not-modified"), (200, "identical-payload-digest")])
def test_what_was_captured_before_is_a_revisit(status: int, profile: str) -> None:
    first = records(exchange(), RUN, 1, None)
    earlier = Earlier(digest=first.digest, record_id=first.record_id, date=first.date, segment="raw/a.warc.gz")
    body = b"" if status == 304 else exchange().body
    again = records(exchange(status=status, body=body), RUN, 2, earlier)
    assert (again.record_id, again.segment) == (first.record_id, "raw/a.warc.gz")
    _, answered = read(again.data)
    assert answered.rec_type == "revisit"
    assert header(answered, "WARC-Profile").endswith(profile)
    assert header(answered, "WARC-Refers-To") == first.record_id


def test_a_full_segment_is_followed_by_another(tmp_path: Path) -> None:
    spool = Spool(tmp_path / SITE, SITE, RUN, segment_bytes=6_000)
    keys = [
        spool.append(records(exchange(body=random.Random(number).randbytes(900)), RUN, number, None))
        for number in range(6)
    ]
    spool.close()
    assert 1 < len(set(keys)) == len(spool.full) < 6
    assert keys[0] == f"raw/niaogebiji/2026-11-22/{RUN}-0001.warc.gz"
    sizes = [segment.file.stat().st_size for segment in spool.full]
    assert max(sizes) <= 6_000
    assert last_ones(spool.full, most_bytes=sum(sizes)) == spool.full
    assert last_ones(spool.full, most_bytes=sizes[-1]) == spool.full[-1:]
    assert last_ones(spool.full, most_bytes=sizes[-1] - 1) == []


def test_what_does_not_fit_on_the_disk_leaves_no_part_of_itself(tmp_path: Path) -> None:
    program = f"""
import random, resource
from pathlib import Path
from tests.crawler.test_captures import RUN, SITE, exchange
from crawler.capture import Spool, records, upload
spool = Spool(Path({str(tmp_path / SITE)!r}), SITE, RUN)
spool.append(records(exchange(), RUN, 1, None))
resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, resource.RLIM_INFINITY))
try:
    spool.append(records(exchange(body=random.Random(1).randbytes(20_000)), RUN, 2, None))
except OSError as error:
    print(error.strerror)
spool.append(records(exchange(), RUN, 3, None))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "File too large\n"
    data = (tmp_path / SITE / f"{RUN}-0001.warc.gz").read_bytes()
    assert whole_bytes(data) == len(data)
    assert len(index_lines(data, "x")) == 2


def test_a_run_knows_what_an_index_says_of_its_segments(tmp_path: Path) -> None:
    first = records(exchange(), RUN, 1, None)
    earlier = Earlier(digest=first.digest, record_id=first.record_id, date=first.date, segment="raw/a.warc.gz")
    odd = [("content-type", "text/html; charset=gbk"), ("X-\u4f60", "\u597d")]
    spool = Spool(tmp_path / SITE, SITE, RUN, segment_bytes=3_000)
    exchanges: list[tuple[dict[str, Any], Earlier | None]] = [
        ({}, None),
        ({"status": 304, "body": b""}, earlier),
        ({"url": "http://a.example/%E4%BD%A0?b=2&a=", "headers": odd}, None),
        ({"method": "POST", "request_body": b"page=1", "status": 404, "headers": []}, None),
        ({"body": random.Random(1).randbytes(2_500), "address": "127.0.0.1"}, None),
        ({}, earlier),
    ]
    for number, (given, known) in enumerate(exchanges):
        spool.append(records(exchange(**given), RUN, number, known))
    spool.close()

    assert len(spool.full) > 1
    for segment in spool.full:
        data = segment.file.read_bytes()
        assert zlib.decompress(segment.index).decode() == "".join(index_lines(data, segment.file.name))
        assert segment.sha256 == hashlib.sha256(data).digest()


def test_a_segment_that_a_dead_run_left_in_mid_record_is_cut_and_uploaded_once(
    birdnest: Birdnest, replica: Replica
) -> None:
    birdnest.configure(replica)
    assert birdnest.crawl("--limit", "6").code == 0
    (whole,) = segments(birdnest.archive()).values()
    archive_id = birdnest.archive().info.id
    spool = birdnest.folder / "state" / "birdnest" / "spool" / archive_id / SITE
    chance = random.Random(4)
    for number, cut in enumerate(sorted(chance.sample(range(1, len(whole)), 20)), start=1):
        (spool / f"20261122T{number:06}Z-niaogebiji-abcdef-0001.warc.gz").write_bytes(whole[:cut])
    before = segments(birdnest.archive())
    done = birdnest("archive", article_url(trouble.SEED_ID), "--json")
    assert done.code == 0, done.err
    left = {key: data for key, data in segments(birdnest.archive()).items() if key not in before and "abcdef" in key}
    uploaded = sum("which an earlier run had left" in note for note in done.report["notes"])
    assert 0 < len(left) == uploaded <= 20
    for data in left.values():
        assert whole.startswith(data)
        assert next(record.rec_type for record in read(data)) == "warcinfo"
    assert list(spool.iterdir()) == []
    findings = verify(birdnest.archive().store, Scope(full=True))
    assert [finding for finding in findings if finding.severity == "error"] == []


def test_gc_archives_what_a_dead_run_left_where_no_crawl_of_its_site_comes(
    birdnest: Birdnest, replica: Replica
) -> None:
    birdnest.configure(replica)
    assert birdnest.crawl("--limit", "3").code == 0
    (whole,) = segments(birdnest.archive()).values()
    spool = birdnest.folder / "state" / "birdnest" / "spool" / birdnest.archive().info.id / SITE
    (spool / "20261122T000001Z-niaogebiji-abcdef-0001.warc.gz").write_bytes(whole)

    assert "1 captures that runs on this machine have left: --remove archives them" in birdnest("gc").out
    assert len(segments(birdnest.archive())) == 1
    assert birdnest("gc", "--remove").code == 0
    assert list(segments(birdnest.archive()).values()) == [whole, whole]
    assert list(spool.iterdir()) == []


def test_a_living_runs_segments_are_left_alone(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from crawler.capture import Spool\n"
        f"spool = Spool(Path({str(tmp_path / SITE)!r}), {SITE!r}, {RUN!r})\n"
        "from tests.crawler.test_captures import exchange, records\n"
        f"spool.append(records(exchange(), {RUN!r}, 1, None))\n"
        "print('there', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living:
        assert living.stdout is not None
        assert living.stdout.readline() == "there\n"
        assert abandoned(tmp_path) == []
        living.kill()
        living.wait()
        (file,) = abandoned(tmp_path)
    assert file.name == f"{RUN}-0001.warc.gz"


def test_segments_of_another_run_of_this_process_are_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / SITE, SITE, RUN)
    spool.append(records(exchange(), RUN, 1, None))
    assert abandoned(tmp_path) == []
    spool.close()
    assert abandoned(tmp_path) == []  # its run is about to upload it


def test_a_segment_that_was_uploaded_while_it_was_looked_at_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / SITE / f"{RUN}-0001.warc.gz"
    gone.parent.mkdir()
    monkeypatch.setattr(Path, "glob", lambda *_: iter((gone,)))
    assert abandoned(tmp_path) == []
    assert list(gone.parent.iterdir()) == []


@pytest.mark.parametrize("is_known", [True, False])
def test_an_upload_that_was_cut_short_is_finished(
    birdnest: Birdnest, replica: Replica, tmp_path: Path, *, is_known: bool
) -> None:
    birdnest.configure(replica)
    assert birdnest("archive", article_url(trouble.SEED_ID)).code == 0
    archive = Archive.open(open_store(str(birdnest.folder / "archive")))
    spool = Spool(tmp_path / SITE, SITE, RUN)
    key = spool.append(records(exchange(), RUN, 1, None))
    spool.close()
    (segment,) = spool.full
    file = segment.file
    data = file.read_bytes()
    archive.store.create(key, data, "application/gzip")
    assert upload(archive, file, segment if is_known else None) == key
    assert archive.store.read(key) == data
    assert archive.store.read(key.removesuffix(".warc.gz") + ".cdxj").decode() == "".join(index_lines(data, file.name))
    assert not file.exists()


def test_a_segment_that_is_not_as_it_was_written_is_read_through(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica)
    assert birdnest("archive", article_url(trouble.SEED_ID)).code == 0
    archive = Archive.open(open_store(str(birdnest.folder / "archive")))
    spool = Spool(birdnest.folder / "spool" / SITE, SITE, RUN)
    key = spool.append(records(exchange(), RUN, 1, None))
    spool.append(records(exchange(), RUN, 2, None))
    spool.close()
    (segment,) = spool.full
    data = segment.file.read_bytes()
    segment.file.write_bytes(data[:-3])  # as after a loss of power

    assert upload(archive, segment.file, segment) == key
    assert data.startswith(archive.store.read(key))
    assert archive.store.read(index_key(key)).count(b"\n") == 1


@pytest.mark.parametrize(("raw", "images"), [("all", True), ("none", False)])
def test_what_is_captured_is_the_users_choice(birdnest: Birdnest, replica: Replica, raw: str, *, images: bool) -> None:
    birdnest.configure(replica, raw=raw)
    assert birdnest("archive", article_url(trouble.SEED_ID)).code == 0
    types = {
        record.http_headers.get_header("Content-Type")
        for data in segments(birdnest.archive()).values()
        for record in read(data)
        if record.rec_type == "response"
    }
    assert any(name.startswith("image/") for name in types) == images
    assert bool(birdnest.head(f"article-{trouble.SEED_ID}").document.front["warc"]) == images
