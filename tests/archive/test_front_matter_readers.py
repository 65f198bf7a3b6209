"""Documents as other programs read them: PyYAML, and Hexo's own front-matter reader run by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from archive.document import compose, read, write
from archive.model import Post

if TYPE_CHECKING:
    from tests.conftest import Need

HERE = Path(__file__).parent / "front_matter"
TITLES = (
    *(
        "刚刚！支付宝年度大会讲了这些要点",
        "plain",
        "'single'",
        '"double"',
        'it\'s "both"',
        "a: b",
        "鸟哥: 笔记",
        "trailing:",
    ),
    *("{{ x }}", "{% raw %}", "{% foo", "---", "--- a", "a\n---\nb", "...", ";;;", "# no comment", "a # b", "- item"),
    *("🐦", "👩‍👩‍👧", "a\u2028b", "a\u2029b", "a\x85b", "a\ufeffb", "\ufeff", "\ufffe", "\uffff", "a\u00a0b", "\u200b"),
    *("\ud800", "a\udfffb", "\x00", "\x1f", "\x7f", "\x80", "\x9f", "\t", "\ttab", "a\nb", "a\r\nb", "\r"),
    *("1e3", "1E3", "0o17", "0x10", "1_000", "12:30:45", "2022-07-23", ".5", "+1", ".inf", ".nan", "NaN"),
    *("yes", "no", "on", "off", "y", "true", "null", "~", "=", "<<", "*a", "&a", "!tag", "%TAG", "@a", "`a`", "|", ">"),
    *("", " ", "     ", "  both ends  ", "\\", "\\n", "\\u0041", "a\\", "C:\\path"),
    *("<img src=x onerror=alert(1)>", "<!--", "</title><script>", "&lt;", "a & b", "长" * 3000),
)


@pytest.fixture
def documents(make_post: Callable[..., Post]) -> list[bytes]:
    posts = (make_post(title=title, author=title, tags=(title, title), section=title) for title in TITLES)
    return [write(compose(post, version=1, parent=None, generator="birdnest 1")) for post in posts]


@pytest.fixture(scope="session")
def hexo_reader(tmp_path_factory: pytest.TempPathFactory, need: Need) -> Callable[[list[bytes]], list[dict[str, Any]]]:
    """Reads documents as Hexo does. Installs its reader once, away from the checkout."""
    for tool in ("node", "npm"):
        need(tool, found=shutil.which(tool) is not None, how="install Node.js 20 or newer (https://nodejs.org)")
    folder = tmp_path_factory.mktemp("front_matter")
    shutil.copy(HERE / "package.json", folder)
    install = [
        "npm",
        "install",
        "--prefix",
        str(folder),
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--no-progress",
    ]
    installed = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert installed.returncode == 0, installed.stderr

    def read_all(documents: list[bytes]) -> list[dict[str, Any]]:
        texts = json.dumps([data.decode() for data in documents])
        command = ["node", str(HERE / "read.mjs"), str(folder)]
        done = subprocess.run(command, input=texts, capture_output=True, encoding="utf-8", check=True, timeout=60)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return read_all


def test_pyyaml_reads_the_front_matter_that_we_read(documents: list[bytes]) -> None:
    for data, title in zip(documents, TITLES, strict=True):
        front = yaml.safe_load(data.decode().split("\n---\n")[0].removeprefix("---\n"))

        assert front == read(data).front
        assert front["title"] == title
        assert front["tags"] == [title, title]


def test_hexo_reads_the_front_matter_and_the_body_that_we_read(
    documents: list[bytes], hexo_reader: Callable[[list[bytes]], list[dict[str, Any]]]
) -> None:
    found = hexo_reader(documents)

    assert [front["title"] for front in found] == list(TITLES)
    for front, data in zip(found, documents, strict=True):
        assert front.pop("_content") == read(data).body
        assert front == read(data).front


def test_hexo_reads_any_body_that_follows_the_front_matter(
    make_post: Callable[..., Post], hexo_reader: Callable[[list[bytes]], list[dict[str, Any]]]
) -> None:
    bodies = (
        "<p>字</p>",
        "",
        "---\n",
        "\n---\ntitle: 1\n---\n",
        "{{ x }}{% y %}",
        "a\u2028b\x85c",
        "\n\n<p>a</p>\n\n",
        "🐦",
    )
    posts = (make_post(body=body) for body in bodies)
    documents = [write(compose(post, version=1, parent=None, generator="birdnest 1")) for post in posts]

    assert [front["_content"] for front in hexo_reader(documents)] == list(bodies)
