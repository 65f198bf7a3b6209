"""What the benchmark of speed stands on: images that are whole, a site that is what it says, and how it judges."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from PIL import Image

from archive.images import inspect
from benchmarks import throughput_delay, throughput_site, usage
from benchmarks.throughput import LIMITS
from benchmarks.throughput_contenders import BARE, FILES, FOLDER, IMAGES, STRUCTURE, Run
from benchmarks.throughput_pictures import Template, templates
from benchmarks.throughput_results import Repeat, crawls, judge, plot
from tests.web import Web


@pytest.fixture(scope="module")
def pictures() -> list[Template]:
    return list(templates(median_bytes=8_000))


def test_each_number_makes_another_image_that_decodes(pictures: list[Template]) -> None:
    made = [template.numbered(number) for template in pictures for number in (0, 7, 9_999_999_999)]
    assert len(set(made)) == len(made)
    for data in made:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
        inspect(data)


def test_images_are_of_four_formats_and_half_are_above_the_median(pictures: list[Template]) -> None:
    assert {template.extension for template in pictures} == {"jpg", "png", "gif", "webp"}
    sizes = sorted(len(template.data) for template in pictures)
    assert 7_000 < sizes[len(sizes) // 2] < 9_000
    assert sizes[0] > 1_500
    assert sizes[-1] < 27_000


def test_a_fifth_of_the_references_is_to_an_image_of_another_post() -> None:
    shown = [throughput_site.shown(index) for index in range(2000)]
    foreign = sum(
        number // throughput_site.IMAGES_PER_POST != index for index, each in enumerate(shown) for number in each
    )
    assert 0.19 < foreign / (2000 * throughput_site.IMAGES_PER_POST) < 0.21
    assert all(
        number // throughput_site.IMAGES_PER_POST <= index for index, each in enumerate(shown) for number in each
    )


def test_a_smaller_site_shows_a_part_of_the_same_posts(tmp_path: Path, pictures: list[Template]) -> None:
    site = throughput_site.make(tmp_path / "site", [2, 60], pictures)
    assert site.digests(2) < site.digests(60)
    assert len(site.digests(60)) == len(site.image_paths(60)) == len(site.images)
    pages = sorted(site.page_bytes.values())
    assert 20_000 < pages[0] < pages[-1] < 60_000
    first = (tmp_path / "site" / "lists-60" / "cat-900.html").read_text()
    second = (tmp_path / "site" / "lists-60" / "cat-900.2.html").read_text()
    assert [text.count('class="articleLink"') for text in (first, second)] == [50, 10]
    assert "?page=2" in first
    assert "?page=3" not in second


def test_a_process_is_told_its_own_memory_not_that_of_whoever_started_it(tmp_path: Path) -> None:
    held = bytearray(120_000_000)
    used = usage.run([sys.executable, "-S", "-c", "print(6 * 7)"], folder=tmp_path, environment={})
    assert (used.out, used.code) == ("42\n", 0)
    assert used.peak_mb < 60 < len(held) / 1e6
    assert 0 < used.cpu_seconds <= used.wall_seconds * 1.5


@pytest.fixture
def far(web: Web) -> Iterator[int]:
    """The port of a proxy before a local server, 150 ms away."""
    port = web.url.rpartition(":")[2].rstrip("/")
    command = [sys.executable, throughput_delay.__file__, port, "150"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def run(contender: str, posts: int, cpu: float, *, requests: dict[str, int] | None = None, peak: float = 150) -> Run:
    return Run(
        contender=contender,
        posts=posts,
        images=5 * posts,
        cpu_seconds=cpu,
        wall_seconds=10,
        peak_mb=peak,
        asked=1,
        requests=requests,
        reported_requests=sum(requests.values()) if requests else None,
    )


def repeat(ours: float, *, peak: float = 150, requests: dict[str, int] | None = None) -> Repeat:
    """Start-up takes a second of CPU; 100 further posts take bare Scrapy 1 s, FilesPipeline 5 s, ImagesPipeline 8 s."""
    cpu = {BARE: 1.0, FILES: 5.0, IMAGES: 8.0, STRUCTURE: ours}
    runs = [run(name, 1, 1.0) for name in cpu]
    runs += [
        run(name, 101, 1.0 + more, requests=requests if name == STRUCTURE else None, peak=peak)
        for name, more in cpu.items()
    ]
    return Repeat(runs=runs)


def missed(*repeats: Repeat) -> list[str]:
    return [each.what for each in judge(repeats, LIMITS, checks_digests=True) if not each.holds]


def test_cpu_is_judged_by_the_median_ratio_without_start_up() -> None:
    assert missed(repeat(0.9), repeat(1.0), repeat(3.0)) == []
    assert missed(repeat(1.1), repeat(1.1), repeat(0.9)) == [
        f"CPU for a further post, {STRUCTURE} ÷ {BARE}, 101 posts",
    ]
    assert len(missed(repeat(2.0))) == 3


def test_requests_and_memory_are_judged_by_the_worst_run() -> None:
    fine = {"posts": 101, "images": 505, "own": 18}
    assert missed(repeat(0.9, requests=fine)) == []
    one_more = {"posts": 102, "images": 505, "own": 18}
    assert missed(repeat(0.9, requests=fine), repeat(0.9, requests=one_more)) == [
        "requests to the store about 101 new posts with 505 distinct images"
    ]
    assert missed(repeat(0.9), repeat(0.9, peak=201)) == [f"peak memory in MB, {STRUCTURE}, 101 posts"]


def test_table_and_plot_show_ratio_and_spread() -> None:
    repeats = [repeat(0.5), repeat(0.6), repeat(0.8)]
    assert f"| {STRUCTURE} | 6.0 | 0.60 (0.50–0.80) | 1.00 |" in crawls(repeats, 101).markdown()
    assert f"| {BARE} | 10.0 | 1 | 1.00 |" in crawls(repeats, 101).markdown()
    assert FOLDER not in crawls(repeats, 101).markdown()
    drawn = plot(repeats)
    assert drawn.startswith("<svg")
    assert "6.0 ms, 0.60 (0.50–0.80) × bare Scrapy" in drawn


def test_a_far_server_answers_late_and_to_many_at_once(far: int) -> None:
    began = time.monotonic()
    connections = [HTTPConnection("127.0.0.1", far, timeout=10) for _ in range(20)]
    for connection in connections:
        connection.request("GET", "/")
    statuses = {connection.getresponse().status for connection in connections}
    for connection in connections:
        connection.close()
    assert statuses == {404}
    assert 0.15 <= time.monotonic() - began < 1.5
