"""SIGKILL at 50 points of copies from a folder to S3 and from there to a folder: run again, each is the archive."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from archive.store import Store, open_store
from crawler.demo import SITE
from crawler.replica.process import Replica
from tests.conftest import S3Server
from tests.faults.conftest import Forks, configured, errors

pytestmark = pytest.mark.faults
KILLED = -9
KILLS = 25


def objects(store: Store) -> dict[str, bytes]:
    return {info.key: store.read(info.key) for info in store.list() if not info.key.startswith("views/")}


def test_a_copy_killed_at_any_point_and_run_again_is_the_archive(
    forks: tuple[Forks, Forks],
    replica: Replica,
    s3_server: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    each = replace(forks[0], environment=s3_server.environment)
    folder = configured(tmp_path / "home", replica)
    crawl = ("crawl", SITE, "--json", "--since", "2022-07-10", "--archive", str(folder / "nest"))
    assert each.run(folder, crawl).code == 0
    source = open_store(str(folder / "nest"))
    expected = objects(source)
    assert sum(key.startswith("posts/") for key in expected) >= 20
    chance = random.Random(10)

    def new_bucket(_number: int) -> str:
        return f"s3://{s3_server.new_bucket()}/copies/one"

    def new_folder(number: int) -> str:
        return str(folder / f"copy-{number}")

    bucket = f"s3://{s3_server.new_bucket()}"
    for from_, new_place in ((str(folder / "nest"), new_bucket), (bucket, new_folder)):
        if from_ == bucket:
            assert each.run(folder, ("copy", str(folder / "nest"), bucket)).code == 0
        points = each.run(folder, ("copy", from_, new_place(KILLS))).points
        assert points > KILLS
        killed = 0
        for number, point in enumerate(sorted(chance.sample(range(points), KILLS))):
            place = new_place(number)
            ended = each.run(folder, ("copy", from_, place), kill_at=point)
            killed += ended.code == KILLED
            assert errors(place) == [], f"killed at {point} of {points}"
            again = each.run(folder, ("copy", from_, place))
            assert again.code == 0, again.said
            assert objects(open_store(place)) == expected, f"killed at {point} of {points}"
        assert killed >= KILLS - 2
