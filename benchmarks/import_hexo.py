"""What `birdnest import hexo` costs: posts a second and memory, over trees of generated posts.

Writes trees of posts as an aggregator writes them (front matter of seven keys, bodies of 3–16 KB of HTML with the dirt
that such posts have, twelve sites), imports each with the installed command into an empty folder, without images, and
then once more, when nothing is new. The two sizes show whether memory grows with the tree. Machines are noisy: read the
figures beside each other, not by themselves.

    python benchmarks/import_hexo.py [--sizes 1000,10000] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

_COMMAND = Path(sys.executable).with_name("birdnest")
_KIB = 1024
_MEMORY_LIMIT_MB = 250
_SITES = 12
_WORDS = (
    "平台",
    "用户",
    "增长",
    "内容",
    "运营",
    "品牌",
    "流量",
    "数据",
    "产品",
    "渠道",
    "广告",
    "转化",
    "社群",
    "私域",
    "直播",
)
_HEADING = (
    '<h2 label="二级标题" style="background-image: url("/img/article/h2_icon.png"); background-size: 8px 20px; '
    'font-weight: 600;">{}</h2>'
)
_PARAGRAPH = '<p label="正文" style="font-size: 16px; color: rgb(33, 38, 41); margin-bottom: 25px;"><span>{}</span></p>'
_IMAGE = (
    '<p style="text-align:center"><img class="article_img" src="https://img.example.com/{}.png" width="500" border="0" '
    'alt="" referrerpolicy="no-referrer"></p>'
)
_CODE = "<pre><code>const x = &#123; a: 1 &#125;<br><template><p>{}</p></template></code></pre>"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """One import. Times in seconds, memory in MB (10**6 bytes)."""

    what: str
    posts: int
    cpu_seconds: float
    wall_seconds: float
    peak_mb: float

    @property
    def posts_per_second(self) -> float:
        return self.posts / self.wall_seconds


def main() -> int:
    """Print the table; 1 when an import took more memory than allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    figures = [figure for size in options.sizes.split(",") for figure in measure(int(size))]
    Console().print(_table(figures))
    if options.json:
        options.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n", encoding="utf-8")
    too_big = [figure for figure in figures if figure.peak_mb > _MEMORY_LIMIT_MB]
    for figure in too_big:
        print(f"{figure.what}, {figure.posts} posts: peak memory {figure.peak_mb:.0f} MB > {_MEMORY_LIMIT_MB} MB")
    return 1 if too_big else 0


def measure(size: int) -> list[Figures]:
    """A tree of `size` posts imported into an empty archive, and once more."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "source" / "_posts"
        for number in range(size):
            write_post(tree, number)
        first = _import(Path(folder), "all new", size, expect="new")
        return [first, _import(Path(folder), "nothing new", size, expect="unchanged")]


def write_post(tree: Path, number: int) -> None:
    """One post of its own, in its site's folder; the same number gives the same bytes."""
    chance = random.Random(number)  # noqa: S311 - for texts
    site = f"站点{number % _SITES}"
    moment = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    thumbnail = f"https://picsum.photos/400/300?random={chance.randrange(10_000)}"
    front = (
        f"\n---\ntitle: '{_text(chance, 8)}：{number}'\ncategories: \n - 新媒体\n - {site}\n - 首页\n"
        f"headimg: '{thumbnail}'\nauthor: {site}\ncomments: false\ndate: {format_datetime(moment, usegmt=True)}\n"
        f"thumbnail: '{thumbnail}'\n---\n\n<div>   \n"
    )
    blocks = [_PARAGRAPH.format(_text(chance, 60)) for _ in range(chance.randrange(6, 40))]
    blocks += [_HEADING.format(_text(chance, 5)), _IMAGE.format(f"{number}-{chance.random()}")] * 2
    blocks += [_CODE.format(number)] * chance.randrange(2)
    chance.shuffle(blocks)
    file = tree / "新媒体" / site / "首页" / f"{number}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(front + "\n".join(blocks) + "  \n</div>\n            ", encoding="utf-8")


def _text(chance: random.Random, words: int) -> str:
    return "".join(chance.choice(_WORDS) for _ in range(words))


def _import(folder: Path, what: str, size: int, *, expect: str) -> Figures:
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    command = [str(_COMMAND), "import", "hexo", str(folder), "--no-images", "--json", "--archive", str(folder / "nest")]
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE)
    out = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the import ended with {process.returncode}: {out.decode()[-500:]}")
    counted = sum(report[expect] for report in json.loads(out))
    if counted != size:
        raise SystemExit(f"{counted} posts of {size} are {expect}")
    return Figures(
        what=what,
        posts=size,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        wall_seconds=wall,
        peak_mb=usage.ru_maxrss * _KIB / 1e6,
    )


def _table(figures: list[Figures]) -> Table:
    table = Table(title="Import of a Hexo tree", title_justify="left")
    for heading in ("", "posts", "posts/s", "CPU ms/post", "peak MB"):
        table.add_column(heading, justify="right" if heading else "left")
    for figure in figures:
        table.add_row(
            figure.what,
            str(figure.posts),
            f"{figure.posts_per_second:.0f}",
            f"{1000 * figure.cpu_seconds / figure.posts:.1f}",
            f"{figure.peak_mb:.0f}",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
