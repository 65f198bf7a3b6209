"""`birdnest new-site` and `birdnest fixture`, the installed command: on saved pages and on a site over HTTP."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from crawler.replica.process import Replica
from tests.crawler.draft.layouts import LAYOUTS, articles
from tests.crawler.mirror import Answer, Served, mirror, pages
from tests.support import ROOT, Birdnest, Ended

HOST = "www.lianxi.example"
HOME = f"https://{HOST}/"
SAVED = ("article-482328-1.html", "article-482538-1.html", "article-482702-1.html")
OLDER = "article-22107-1.html"
GONE = "article-480233-1.html"
SAVED_AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC).timestamp()
GUIDE = (ROOT / "docs" / "adding-a-site.md").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def saved(running_replica: Replica, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The replica's home page and articles, as a person saves them."""
    folder = tmp_path_factory.mktemp("saved")
    for name in ("", *SAVED, OLDER, GONE):
        asked = Request(f"{running_replica.url}/{name}", headers={"Host": "www.niaogebiji.com"})  # noqa: S310 - loopback
        with urlopen(asked) as answer:  # noqa: S310 - loopback
            file = folder / (name or "index.html")
            file.write_bytes(answer.read())
        os.utime(file, (SAVED_AT, SAVED_AT))
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a new site touches, and of what runs it."""
    for name in ("archive", "crawler", "pipelines"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "sites", tmp_path / "tests" / "sites")
    (tmp_path / "tests" / "crawler").mkdir()
    shutil.copy(ROOT / "tests" / "crawler" / "test_sites.py", tmp_path / "tests" / "crawler")
    (tmp_path / "docs").mkdir()
    for name in ("pyproject.toml", "docs/sites.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def command(tmp_path: Path) -> Birdnest:
    """The command in an empty folder."""
    return Birdnest(folder=tmp_path)


@pytest.fixture
def site(running_replica: Replica, command: Birdnest) -> Iterator[Served]:
    """The replica under a name that no profile knows, and the command sent to it."""
    with mirror(running_replica) as served:
        _send(command, served, f"https://{HOST}")
        yield served


def _send(command: Birdnest, served: Served, origin: str, table: str = "other_sites") -> None:
    lines = ["autothrottle = false", "retries = 0", "[origins]", f'"{origin}" = "{served.origin}"']
    lines += [f"[{table}]", "delay_seconds = 0", "image_delay_seconds = 0"]
    (command.folder / "birdnest.toml").write_text("\n".join(lines), encoding="utf-8")


def drafted(command: Birdnest, saved: Path, *more: str) -> Ended:
    return command("new-site", str(saved / "index.html"), *(str(saved / name) for name in SAVED), "--url", HOME, *more)


def run_cases(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """tests/crawler/test_sites.py of a checkout."""
    run = [sys.executable, "-m", "pytest", "tests/crawler/test_sites.py", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(run, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def blocks(language: str) -> list[str]:
    """The guide's blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def correct(checkout: Path, diff: str) -> None:
    """Apply one of the guide's diffs: what stands at `-` and ` ` has to be there, once."""
    for part in re.split(r"^--- ", diff, flags=re.MULTILINE)[1:]:
        name, _, hunks = part.partition("\n")
        file = checkout / name
        for hunk in re.split(r"^@@\n", hunks, flags=re.MULTILINE)[1:]:
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if not line.startswith("+"))
            new = "".join(line[1:] for line in lines if not line.startswith("-"))
            text = file.read_text(encoding="utf-8")
            assert text.count(old) == 1, old
            file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def walk(checkout: Path, saved: Path) -> Birdnest:
    """The command in a checkout in which the guide's pages are saved."""
    shutil.copytree(saved, checkout / "saved")
    return Birdnest(folder=checkout, environment={"PYTHONPATH": str(checkout)})


def test_the_walk_of_the_guide_goes_as_it_says_and_ends_with_a_site_that_crawls(
    walk: Birdnest, running_replica: Replica
) -> None:
    drafted = walk("new-site", "saved/index.html", *(f"saved/{name}" for name in SAVED), "--url", HOME)
    (shown,) = [block for block in blocks("text") if block.startswith("page  ")]
    assert drafted.out == shown
    first, second, third = blocks("diff")
    correct(walk.folder, first)
    older = ("fixture", f"saved/{OLDER}", "--url", f"{HOME}{OLDER}")
    refused = walk(*older)
    assert (refused.code, refused.err in GUIDE) == (4, True), refused.err
    correct(walk.folder, second)
    accepted = walk(*older)
    assert (accepted.code, accepted.out in GUIDE) == (0, True), accepted.out
    correct(walk.folder, third)
    gone = walk("fixture", f"saved/{GONE}", "--url", f"{HOME}{GONE}", "--case", "gone")
    assert (gone.code, gone.out in GUIDE) == (0, True), gone.out + gone.err
    done = run_cases(walk.folder)
    assert done.returncode == 0, done.stdout
    cases = sorted(case.name for case in (walk.folder / "tests/sites/lianxi").iterdir())
    assert cases == ["article-22107", "article-482328", "gone", "list"]
    with mirror(running_replica) as served:
        _send(walk, served, f"https://{HOST}", table="sites.lianxi")
        report = walk("crawl", "lianxi", "--limit", "3", "--archive", "try", "--json").report
    assert (report["new"], report["failures"]) == (3, [])


def test_a_correction_that_the_page_does_not_bear_out_fails_by_its_field(walk: Birdnest) -> None:
    walk("new-site", "saved/index.html", *(f"saved/{name}" for name in SAVED), "--url", HOME)
    module = walk.folder / "crawler/sites/lianxi.py"
    module.write_text(module.read_text(encoding="utf-8").replace('".writeTime3"', '".viewNum"'), encoding="utf-8")
    done = run_cases(walk.folder, "-k", "lianxi")
    assert done.returncode == 1
    assert "published_raw" in done.stdout
    assert "1 failed" in done.stdout


def test_a_site_is_drafted_over_http_politely(command: Birdnest, site: Served) -> None:
    done = command("new-site", HOME, "--articles", "1", "--to", "out", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["site"] == "lianxi"
    assert [Path(file).name for file in told["wrote"][:4]] == ["lianxi.py", "page.html", "meta.json", "post.json"]
    assert "/robots.txt" in site.asked
    assert [path for path in site.asked if path.startswith("/article-")] == ["/article-482702-1.html"]
    assert len(site.asked) <= 5
    meta = json.loads((command.folder / told["wrote"][2]).read_text(encoding="utf-8"))
    assert meta["content_type"].startswith("text/html")
    assert meta["hints"]["title"] == "一场发布会的全流程时间表（图很多，打开较慢）"


def test_a_site_that_robots_txt_closes_is_not_fetched(command: Birdnest) -> None:
    with pages({"/robots.txt": Answer(body=b"User-agent: *\nDisallow: /\n"), "/": b"<p>x</p>"}) as served:
        _send(command, served, "https://shut.example")
        done = command("new-site", "https://shut.example/", "--to", "out")
    assert done.code == 5
    assert "robots.txt does not allow it" in done.err
    assert served.asked == ["/robots.txt"]


def test_a_feed_and_a_sitemap_are_found_over_http(command: Birdnest) -> None:
    layout, told = LAYOUTS[0], articles(LAYOUTS[0])
    held: dict[str, bytes | Answer] = {layout.path(article): layout.seen(article).body for article in told}
    held["/"] = layout.list_page(told).body
    item = f"<item><title>t</title><link>{layout.url(told[0])}</link></item>"
    held["/feed/"] = f'<rss version="2.0"><channel><title>c</title>{item}</channel></rss>'.encode()
    held["/robots.txt"] = Answer(body=b"User-agent: *\nCrawl-delay: 3\nSitemap: https://slowroads.example/map.xml\n")
    with pages(held) as served:
        _send(command, served, f"https://{layout.host}")
        done = command("new-site", f"https://{layout.host}/", "--articles", "1", "--to", "out")
    assert done.code == 0, done.err
    module = (command.folder / "out/crawler/sites/slowroads.py").read_text(encoding="utf-8")
    assert 'url="https://slowroads.example/feed/"' in module
    assert "https://slowroads.example/map.xml" in module
    assert "delay_seconds=3.0" in module
    cases = command.folder / "out/tests/sites/slowroads"
    assert (cases / "list-2/list.xml").read_bytes() == held["/feed/"]
    assert json.loads((cases / "list-2/links.json").read_text(encoding="utf-8"))[0]["url"] == layout.url(told[0])


def test_files_that_are_there_are_not_overwritten_without_force(command: Birdnest, saved: Path) -> None:
    module = command.folder / "out/crawler/sites/lianxi.py"
    module.parent.mkdir(parents=True)
    module.write_text("# mine", encoding="utf-8")
    refused = drafted(command, saved, "--to", "out")
    assert (refused.code, module.read_text(encoding="utf-8")) == (2, "# mine")
    assert "lianxi.py is there already" in refused.err
    assert drafted(command, saved, "--to", "out", "--force").code == 0
    assert module.read_text(encoding="utf-8") != "# mine"


def test_outside_a_checkout_a_folder_has_to_be_named(command: Birdnest, saved: Path) -> None:
    done = drafted(command, saved)
    assert done.code == 2
    assert "no checkout of Birdnest" in done.err
    assert "--to FOLDER" in done.err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("none.html", "--to", "out"), "none.html: No such file"),
        (("https://www.niaogebiji.com/", "--to", "out"), "is known as niaogebiji"),
        (("https://x.example/", "bad.html", "--to", "out"), "URLs, or files, not both"),
        (("https://x.example/", "--url", "https://x.example/", "--to", "out"), "a URL is its own"),
        (("bad.html", "--to", "out"), "nothing tells the address"),
        (("bad.html", "--url", "https://x.example/p/1", "--to", "out"), "no page of an article among bad.html"),
        (("bad.html", "--url", "https://x.example/p/1", "--to", "out", "--slug", "../x"), "--slug '../x'"),
        (
            ("bad.html", "--url", "https://x.example/p/1", "--to", "out", "--slug", "niaogebiji"),
            "is that of www.niaogebiji.com",
        ),
    ],
)
def test_what_cannot_be_drafted_is_said_in_one_line(command: Birdnest, arguments: tuple[str, ...], error: str) -> None:
    (command.folder / "bad.html").write_text(
        '<title>"""); import os #</title><h1><script>x</script></h1>', encoding="utf-8"
    )
    done = command("new-site", *arguments)
    assert done.code == 2
    assert error in " ".join(done.err.split())
    assert len(done.err.splitlines()) == 1
    assert not (command.folder / "out").exists()


def test_hostile_names_make_a_module_that_only_names_values(command: Birdnest) -> None:
    layout, told = LAYOUTS[3], articles(LAYOUTS[3])
    evil = '"""\\nimport os\\nos.abort()\\n"""\'); __import__("os").abort() #\u202e{id}'
    for number, seen in enumerate([layout.list_page(told), *map(layout.seen, told[:3])]):
        text = seen.body.decode().replace("门户网", evil).replace("main-title", 'main-title" title="x" data-x="')
        (command.folder / f"{number}.html").write_text(
            text.replace(told[0].title, told[0].title + evil), encoding="utf-8"
        )
    urls = [layout.list_page(told).url, *(layout.url(article) for article in told[:3])]
    options = [part for url in urls for part in ("--url", url)]
    done = command("new-site", "0.html", "1.html", "2.html", "3.html", *options, "--to", "out")
    assert done.code == 0, done.err
    code = "import runpy, sys; print(runpy.run_path(sys.argv[1])['SITE'].slug)"
    run = [sys.executable, "-c", code, str(command.folder / "out/crawler/sites/menhu.py")]
    ran = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "menhu\n"), ran.stderr


def test_a_fixture_of_a_saved_page_is_the_page_and_what_is_extracted_of_it(command: Birdnest) -> None:
    case = ROOT / "tests/sites/niaogebiji/markup-2021"
    about = json.loads((case / "meta.json").read_text(encoding="utf-8"))
    done = command("fixture", str(case / "page.html"), "--url", about["url"], "--to", "out", "--case", "again")
    assert done.code == 0, done.err
    made = command.folder / "out/tests/sites/niaogebiji/again"
    assert (made / "page.html").read_bytes() == (case / "page.html").read_bytes()
    post, known = (json.loads((folder / "post.json").read_text(encoding="utf-8")) for folder in (made, case))
    assert sorted(post) == sorted(known)
    assert (post["title"], post["body_parts"]) == (known["title"], known["body_parts"])
    assert json.loads((made / "meta.json").read_text(encoding="utf-8"))["hints"] is None


def test_a_fixture_over_http_keeps_the_bytes_and_the_content_type(birdnest: Birdnest, replica: Replica) -> None:
    url = "https://www.niaogebiji.com/article-482538-1.html"
    done = birdnest("fixture", url, "--to", "out")
    assert done.code == 0, done.err
    made = birdnest.folder / "out/tests/sites/niaogebiji/article-482538"
    assert json.loads((made / "meta.json").read_text(encoding="utf-8"))["content_type"].startswith("text/html")
    assert json.loads((made / "post.json").read_text(encoding="utf-8"))["id"] == "article-482538"
    assert birdnest("fixture", url, "--to", "out").code == 2
    assert replica.hits()[f"GET {url}"] == 1, "what would be refused is not asked for"


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("https://www.unknown.example/p/1", "--to", "out"), 2, "birdnest new-site"),
        (
            ("https://www.niaogebiji.com/article-1-1.html", "--site", "nobody", "--to", "out"),
            2,
            "no such site: 'nobody'",
        ),
        (
            ("page.html", "--url", "https://www.niaogebiji.com/article-1-1.html", "--to", "out"),
            4,
            "required field 'body'",
        ),
        (("page.html", "--to", "out"), 2, "nothing tells the address"),
        (("page.html", "--case", "../x", "--to", "out"), 2, "--case '../x'"),
        (("https://www.niaogebiji.com/article-999999-1.html", "--to", "out"), 4, "answered 404"),
    ],
)
def test_what_gives_no_fixture_is_said_in_one_line(
    birdnest: Birdnest, arguments: tuple[str, ...], code: int, error: str
) -> None:
    (birdnest.folder / "page.html").write_text("<p>x</p>", encoding="utf-8")
    done = birdnest("fixture", *arguments)
    assert done.code == code
    assert error in " ".join(done.err.split())
    assert not (birdnest.folder / "out").exists()
