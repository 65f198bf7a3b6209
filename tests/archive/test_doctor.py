"""`birdnest doctor` on every store: what each keeps is found out, what it does not, too, and nothing is left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from archive import Archive, open_store
from archive.doctor_s3 import policy, takedown_policy
from archive.errors import StoreError
from archive.s3 import S3Store
from archive.store import FolderStore, StoreOptions
from tests.conftest import S3Server
from tests.posts import NOW, PICTURES
from tests.support import ROOT, Birdnest, Ended

SECOND_WRITER = """
import sys
from pathlib import Path
from archive import Archive, open_store
from archive.errors import StoreError
from archive.store import StoreOptions
opened = Archive.open(open_store(sys.argv[1], StoreOptions(locks=Path(sys.argv[2]))))
try:
    opened.put_blob(b"x", "image/gif")
except StoreError as error:
    print(error)
else:
    print("written")
"""


@pytest.fixture
def command(tmp_path: Path) -> Birdnest:
    return Birdnest(folder=tmp_path)


def checks(ended: Ended) -> dict[str, Any]:
    value = json.loads(ended.out)
    return {check["name"]: check["holds"] for check in value["checks"]}


@contextmanager
def reached(server: S3Server) -> Iterator[str]:
    """This process reaches a server; the address of a new bucket."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield f"s3://{server.new_bucket()}/nest"


def doctor(command: Birdnest, server: S3Server, place: str) -> Ended:
    return command("doctor", "--archive", place, "--json", environment=server.environment)


def left_in(place: str) -> list[str]:
    store = open_store(place)
    assert isinstance(store, S3Store)
    with closing(store):
        return [info.key for info in store.list()]


def test_a_folder_keeps_what_is_needed_and_is_left_as_it_was(command: Birdnest) -> None:
    ended = command("doctor", "--archive", "deep/new", "--json")

    assert ended.code == 0, ended.err
    found = checks(ended)
    assert [found[name] for name in ("writable", "create-only", "a race of 16", "hard links")] == [True] * 4
    assert not (command.folder / "deep").exists()


def test_an_archive_that_is_there_is_left_as_it_was(command: Birdnest, tmp_path: Path) -> None:
    Archive.open_or_create(FolderStore(tmp_path / "nest"), now=NOW)
    before = sorted(tmp_path.joinpath("nest").rglob("*"))

    assert command("doctor", "--archive", "nest").code == 0

    assert sorted(tmp_path.joinpath("nest").rglob("*")) == before


def test_a_folder_that_cannot_be_written_to_is_an_error_of_one_line(command: Birdnest) -> None:
    (command.folder / "file").write_text("mine")

    ended = command("doctor", "--archive", "file/nest")

    assert ended.code == 6
    assert ended.err.count("\n") == 1
    assert "file/nest: cannot write to it" in ended.err


def test_moto_checks_no_digests(command: Birdnest, s3_server: S3Server) -> None:
    with reached(s3_server) as place:
        ended = doctor(command, s3_server, place)
        assert left_in(place) == []

    assert ended.code == 0, ended.err
    found = checks(ended)
    assert (found["create-only"], found["a race of 16"], found["listing"]) == (True, True, True)
    assert (found["wrong Content-MD5"], found["wrong credentials"]) == (False, False)
    assert found["the check of every put"] is False
    assert "reads every object back after it was put" in ended.out


def test_rclone_does_not_keep_create_only(command: Birdnest, rclone_server: S3Server) -> None:
    with reached(rclone_server) as place:
        ended = doctor(command, rclone_server, place)
        assert left_in(place) == []

    assert ended.code == 0, "on this host a lock does"
    found = checks(ended)
    assert (found["create-only"], found["a race of 16"]) == (False, False)
    assert (found["wrong Content-MD5"], found["wrong credentials"], found["listing"]) == (True, True, True)
    assert found["the check of every put"] is False, "it does not look at the signed SHA-256"


@pytest.mark.stores
def test_a_ceph_gateway_keeps_all_that_is_needed(command: Birdnest, radosgw_server: S3Server) -> None:
    with reached(radosgw_server) as place:
        ended = doctor(command, radosgw_server, place)
        assert left_in(place) == []

    assert ended.code == 0, ended.err
    found = checks(ended)
    needed = (
        "create-only",
        "a race of 16",
        "listing",
        "the check of every put",
        "wrong Content-MD5",
        "body other than signed",
    )
    assert [found[name] for name in needed] == [True] * len(needed)
    assert (found["wrong credentials"], found["wrong x-amz-checksum-sha256"]) == (True, False)


def test_without_create_only_one_writer_of_this_host_is_admitted(rclone_server: S3Server, tmp_path: Path) -> None:
    options = StoreOptions(locks=tmp_path / "locks")
    with reached(rclone_server) as place:
        store = open_store(place, options)
        opened = Archive.open_or_create(store, now=NOW)
        key, new = opened.put_blob(PICTURES[0], "image/gif")
        assert new
        assert opened.put_blob(PICTURES[0], "image/gif") == (key, False)
        assert store.usage.requests["HEAD"] == 2
        arguments = [sys.executable, "-c", SECOND_WRITER, place, str(options.locks)]
        second = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ})
        assert store.read(key) == PICTURES[0]

    assert f"process {os.getpid()} is writing to it" in second.stdout


def test_without_create_only_another_host_is_not_written_to(
    rclone_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(S3Store, "on_this_host", False)  # what the server's address would say
    with reached(rclone_server) as place:
        opened = Archive.open_or_create(open_store(place), now=NOW)
        with pytest.raises(StoreError, match="say `single_writer = true` in"):
            opened.put_blob(PICTURES[0], "image/gif")

        promised = open_store(place, StoreOptions(single_writer=True, locks=tmp_path / "locks"))
        assert Archive.open(promised).put_blob(PICTURES[0], "image/gif")[1]


def test_the_policy_that_is_printed_is_the_one_to_deploy(command: Birdnest) -> None:
    assert (ROOT / "deploy" / "iam-policy.json").read_text() == policy("BUCKET", "PREFIX")

    printed = command("doctor", "--policy", "--archive", "s3://my-bucket/some/nest")

    statements = json.loads(printed.out)["Statement"]
    assert [statement["Resource"] for statement in statements] == [
        "arn:aws:s3:::my-bucket",
        "arn:aws:s3:::my-bucket/some/nest/*",
        "arn:aws:s3:::my-bucket/some/nest/views/*",
    ]
    assert command("doctor", "--policy", "--archive", "nest").code == 2


def test_the_policy_of_takedowns_is_one_of_its_own(command: Birdnest) -> None:
    assert (ROOT / "deploy" / "iam-policy-takedown.json").read_text() == takedown_policy("BUCKET", "PREFIX")

    printed = command("doctor", "--takedown-policy", "--archive", "s3://my-bucket/some/nest")

    assert printed.out == takedown_policy("my-bucket", "some/nest")
