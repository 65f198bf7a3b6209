"""SIGKILL at any point of a crawl: nothing is lost or there twice, and the next run ends as if it had not been.

300 points chosen by a seed; ALL=1 tries every one, with FROM=594 those from that one on.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from archive.store import open_store
from crawler.demo import SITE
from crawler.replica import trouble
from crawler.replica.process import Replica
from tests.conftest import S3Server
from tests.faults.conftest import Forks, Run, configured, errors, held

pytestmark = pytest.mark.faults
KILLED = -9
ALL = os.environ.get("ALL") == "1"
FROM = int(os.environ.get("FROM", "0"))
CRAWL = ("crawl", SITE, "--json", "--since", "2022-07-10")  # 24 posts


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A crawl to be killed: into which place, from which archive on, at which layer, and how many points of it."""

    name: str
    where: str
    begins: str
    layer: str
    points: int


SCENES = (
    Scene(name="folder, new archive", where="folder", begins="nothing", layer="store", points=70),
    Scene(name="folder, new archive, system calls", where="folder", begins="nothing", layer="os", points=80),
    Scene(name="folder, changed posts", where="folder", begins="version 1", layer="store", points=40),
    Scene(name="folder, changed posts, system calls", where="folder", begins="version 1", layer="os", points=30),
    Scene(name="S3, new archive", where="s3", begins="nothing", layer="store", points=50),
    Scene(name="S3, changed posts", where="s3", begins="version 1", layer="store", points=30),
)


class Stage:
    """Runs a scene's crawl, killed or not, each time in a place of its own."""

    def __init__(self, scene: Scene, folder: Path, new_place: Callable[[], str]) -> None:
        self.scene = scene
        self._folder = folder
        self._new_place = new_place
        self._begun: str | None = None

    def place(self, forks: Forks) -> str:
        """An archive as the scene begins with it; one with a version costs a crawl, and is copied from then on."""
        url = self._new_place()
        if self.scene.begins != "nothing":
            if self._begun is None:
                self._begun = self._new_place()
                self._run(forks, self._begun, later=False)
            _copy(self._begun, url)
        return url

    def crawl(self, forks: Forks, url: str, kill_at: int | None = None) -> Run:
        """The crawl of the scene."""
        return self._run(forks, url, kill_at=kill_at)

    def _run(self, forks: Forks, url: str, *, kill_at: int | None = None, later: bool = True) -> Run:
        time: dict[str, Any] = {"SOURCE_DATE_EPOCH": "1790100000"} if later else {}
        arguments = (*CRAWL, "--archive", url)
        run = forks.run(self._folder, arguments, layer=self.scene.layer, kill_at=kill_at, **time)
        assert kill_at is not None or run.code == 0, run.said
        return run


def _copy(from_: str, to: str) -> None:
    if not to.startswith("s3://"):
        shutil.copytree(from_, to)
        return
    source, target = open_store(from_), open_store(to)
    for info in source.list():
        target.create(info.key, source.read(info.key), "application/octet-stream")


@pytest.fixture(params=SCENES, ids=[scene.name for scene in SCENES])
def stage(
    request: pytest.FixtureRequest,
    replica: Replica,
    tmp_path: Path,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Stage]:
    scene: Scene = request.param
    folder = configured(tmp_path / "home", replica)
    replica.reset()
    numbers = itertools.count()
    if scene.where == "s3":
        for name, value in s3_server.environment.items():
            monkeypatch.setenv(name, value)

    def new_place() -> str:
        return f"s3://{s3_server.new_bucket()}" if scene.where == "s3" else str(folder / f"nest-{next(numbers)}")

    yield Stage(scene, folder, new_place)
    replica.reset()


def test_a_crawl_killed_at_any_point_loses_and_repeats_nothing(
    stage: Stage, forks: tuple[Forks, Forks], replica: Replica, s3_server: S3Server
) -> None:
    changes = stage.scene.begins != "nothing"
    two = [replace(each, environment=s3_server.environment) for each in forks]
    stage.place(two[0])
    if changes:
        replica.edit(trouble.SEED_ID, "微秒纪元", "毫秒纪元")
    whole = stage.place(two[0])
    points = stage.crawl(two[0], whole).points
    expected = held(open_store(whole))
    assert len({key.rsplit("/", 1)[0] for key in expected if key.startswith("posts/")}) >= 20
    assert sum(key.startswith("blobs/") for key in expected) >= 20
    assert any(key.endswith("v0002.html") for key in expected) == changes
    chance = random.Random(stage.scene.name)
    chosen = list(range(FROM, points)) if ALL else sorted(chance.sample(range(points), min(stage.scene.points, points)))

    def try_out(each: Forks, mine: list[int]) -> int:
        killed = 0
        for point in mine:
            url = stage.place(each)
            code = stage.crawl(each, url, kill_at=point).code
            assert code in (KILLED, 0), f"killed at {point} of {points}"
            killed += code == KILLED
            assert errors(url) == [], f"killed at {point} of {points}"
            stage.crawl(each, url)
            assert held(open_store(url)) == expected, f"killed at {point} of {points}"
            if stage.scene.where == "folder":
                shutil.rmtree(url)
        return killed

    with ThreadPoolExecutor(2) as pool:
        killed = sum(pool.map(try_out, two, (chosen[::2], chosen[1::2])))
    # The order of calls differs a little from run to run, so the last points may not be reached.
    assert killed >= 0.9 * len(chosen)
    print(f"{stage.scene.name}: {len(chosen)} of {points} points, {killed} killed")  # noqa: T201 - for the log of CI
