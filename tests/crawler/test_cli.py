"""The command line: what it prints, its exit codes, and one clear line for every kind of bad input."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from archive import open_store
from archive.verify import Scope, verify
from crawler.demo import SITE
from crawler.replica import trouble
from crawler.replica.process import Replica
from crawler.replica.trouble import article_url
from crawler.sites import all_sites
from tests.support import COMMAND, ROOT, Birdnest, Ended

SEED = f"{SITE}/article-{trouble.SEED_ID}"
SEED_URL = article_url(trouble.SEED_ID)


def one_line(ended: Ended) -> str:
    """The only line of an error, which is no traceback."""
    lines = ended.err.strip().splitlines()
    assert len(lines) == 1, ended.err
    assert "Traceback" not in ended.err
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["crawl", "nosuchsite"], 2, "no such site: 'nosuchsite', known are: .*niaogebiji"),
        (["archive", "ftp://www.niaogebiji.com/article-1-1.html"], 2, "is no web address: expected http"),
        (["archive", "http://[::1"], 2, "is no web address"),
        (["archive", "http://someone:secret@www.example.com/1"], 2, "is no web address: .* without a password"),
        (["archive", "article-1-1.html"], 2, "is no web address"),
        (["archive", "https://www.niaogebiji.com/"], 2, "is no post of niaogebiji"),
        (["archive", "https://-x.example.com/"], 2, "no name that a site can have"),
        (["crawl"], 2, "name a site .* or a feed"),
        (["crawl", "www-example-com"], 2, "no such site"),
        (["crawl", SITE, "--feed", "https://www.example.com/feed"], 2, "leave out SITE"),
        (["crawl", "--feed", "rsshub:/niaogebiji/cat/103"], 2, "set `rsshub` in birdnest.toml"),
        (["crawl", "--feed", "feed.xml"], 2, "is no web address"),
        (["archive"], 2, "no URL given"),
        (["archive", "-f", "nothing.txt"], 2, "nothing.txt"),
        (["crawl", SITE, "--since", "yesterday"], 2, "expected an ISO 8601 date"),
        (["crawl", SITE, "--archive", "gs://bucket"], 2, "expected a folder or s3://bucket/prefix"),
        (["crawl", SITE, "--archive", "s3://"], 2, "expected s3://bucket"),
        (["crawl", SITE, "--archive", "s3:/bucket/x"], 2, "expected a folder or s3://bucket/prefix"),
        (["crawl", SITE, "--archive", " "], 2, "expected a folder or s3://bucket/prefix"),
        (["crawl", SITE, "--archive", "nest\udcff"], 2, "expected a folder or s3://bucket/prefix"),
        (["clean", "birdnest.toml", "--explain", "--page", "/nonexistent/x.html"], 2, "x.html: cannot be written"),
        (["crawl", SITE, "--archive", "birdnest.toml/inside"], 6, "part of the path is a file"),
        (
            ["crawl", SITE, "--archive", "/proc/birdnest"],
            6,
            "cannot write .*/proc/birdnest|archive /proc/birdnest: cannot",
        ),
        (["crawl", SITE, "--archive", "."], 6, "is no archive of ours: name an empty or a new place"),
        (["crawl", SITE, "--config", "other.toml"], 3, "other.toml: there is no such file: `birdnest init`"),
        (["list"], 6, "there is no ARCHIVE.json"),
        (["verify"], 6, "there is no ARCHIVE.json"),
        (["probe", "nosuchsite"], 2, "no such site"),
        (["init"], 2, "is there already"),
    ],
)
def test_bad_input_is_one_line_and_its_exit_code(
    birdnest: Birdnest, arguments: list[str], code: int, says: str
) -> None:
    before = sorted(birdnest.folder.rglob("*"))
    ended = birdnest(*arguments)
    assert re.search(says, one_line(ended)), ended.err
    assert ended.code == code
    assert sorted(path for path in birdnest.folder.rglob("*") if "state" not in path.parts) == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("arcive = './a'", "arcive: unknown key"),
        ("[sites.niaogebiji]\ndelay = 3", "sites.niaogebiji.delay: unknown key"),
        ("[sites.niaogebji]\ndelay_seconds = 3", "sites.niaogebji: no such site, known are: .*niaogebiji"),
        ("timeout_seconds = 'long'", "timeout_seconds: .*found 'long'"),
        ("[sites.niaogebiji]\nproxy = 'nonsense'", "sites.niaogebiji.proxy: .*expected http://host:port"),
        ('[sites.niaogebiji]\nuser_agent = "a\\u000db"', "sites.niaogebiji.user_agent: .*expected printable ASCII"),
        ("[sites.niaogebiji.selectors.listing]\nheading = 'h2'", "selectors.listing.heading: unknown key.*item, link"),
        ("[origins]\n'www.niaogebiji.com' = 'x'", "origins.*expected an origin"),
        ("archive = ", "birdnest.toml: "),
    ],
)
def test_a_typo_in_the_configuration_is_one_line(birdnest: Birdnest, text: str, says: str) -> None:
    (birdnest.folder / "birdnest.toml").write_text(text, encoding="utf-8")
    ended = birdnest("crawl", SITE)
    assert ended.code == 3
    assert re.search(says, one_line(ended)), ended.err


def test_good_urls_are_archived_beside_bad_ones(birdnest: Birdnest) -> None:
    ended = birdnest("archive", "ftp://x/", SEED_URL, "https://www.niaogebiji.com/")
    assert ended.code == 2
    assert len(ended.err.strip().splitlines()) == 2
    assert birdnest.head(f"article-{trouble.SEED_ID}").ref.version == 1


def test_an_unwritable_folder_says_so(birdnest: Birdnest) -> None:
    folder = birdnest.folder / "locked"
    folder.mkdir(mode=0o500)
    # The superuser may write everywhere, so it gives up that capability first.
    drop = "-dac_override,-dac_read_search"
    powerless = ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}"] if os.geteuid() == 0 else []
    ended = birdnest("crawl", SITE, "--archive", "locked/archive", through=powerless)
    assert ended.code == 6
    assert "right to write" in one_line(ended)


def test_init_writes_a_configuration_that_loads(tmp_path: Path) -> None:
    fresh = Birdnest(folder=tmp_path)
    assert fresh("init").code == 0
    ended = fresh("list")
    assert "ARCHIVE.json" in one_line(ended), "the configuration was read, the archive is what is missing"


def test_version_and_help_are_quick_to_say(birdnest: Birdnest) -> None:
    assert re.fullmatch(r"birdnest \d+\.\d+\.\d+\n", birdnest("--version").out)
    text = birdnest("--help").out
    for command in ("init", "crawl", "archive", "list", "show", "open", "verify", "sites", "probe", "demo"):
        assert re.search(rf"│ {command} ", text), command


class TestReading:
    @pytest.fixture(autouse=True)
    def filled(self, birdnest: Birdnest) -> None:
        self.birdnest = birdnest
        done = birdnest("archive", SEED_URL, article_url(trouble.GBK_ID))
        assert done.code == 0
        self.table = done.out

    def test_the_closing_table_counts_and_names_the_report(self) -> None:
        assert re.search(r"new +│ +2 │", self.table)
        assert re.search(r"verdict +│ +fine │", self.table)
        report = re.search(r"^report: (.*)$", self.table, re.MULTILINE)
        assert report is not None
        assert json.loads((self.birdnest.folder / report[1]).read_text(encoding="utf-8"))["new"] == 2

    def test_piped_output_has_no_escape_codes(self) -> None:
        assert "\x1b" not in self.table

    def test_list_names_every_post(self) -> None:
        lines = self.birdnest("list").out.splitlines()
        assert [line.split()[0] for line in lines] == [f"{SITE}/article-{trouble.GBK_ID}", SEED]
        rows = [json.loads(line) for line in self.birdnest("list", "--json").out.splitlines()]
        assert rows[1]["title"] == "刚刚！支付宝年度大会讲了这些要点，利好商家和服务商！"

    @pytest.mark.parametrize("name", [SEED, SEED_URL, f"./archive/posts/{SEED}/v0001.html"])
    def test_show_finds_a_post_by_each_of_its_names(self, name: str) -> None:
        text = self.birdnest("show", name).out
        assert "content_sha256" in text
        assert "在今天召开的支付宝2022年合作伙伴大会上" in text
        assert json.loads(self.birdnest("show", name, "--json").out)["id"] == f"article-{trouble.SEED_ID}"

    def test_open_makes_a_page_whose_pictures_are_there(self) -> None:
        file = Path(self.birdnest("open", SEED, "--no-browser").out.strip())
        page = file.read_text(encoding="utf-8")
        base = re.search(r'<base href="file://([^"]*)"', page)
        assert base is not None
        pictures = re.findall(r'<img src="([^"]*)"', page)
        assert len(pictures) == 3
        assert all((Path(base[1]).parent / picture).is_file() for picture in pictures)
        assert "script" not in page.split("<body>")[1]

    def test_a_post_that_is_not_there_is_one_line(self) -> None:
        for name in (f"{SITE}/article-1", "https://www.niaogebiji.com/article-1-1.html", "nonsense"):
            ended = self.birdnest("show", name)
            assert ended.code == 2
            assert "birdnest list" in one_line(ended)

    def test_verify_finds_damage_and_exits_with_its_code(self) -> None:
        assert self.birdnest("verify", "--full").code == 0
        blob = next((self.birdnest.folder / "archive" / "blobs").rglob("*.jpg"))
        blob.write_bytes(blob.read_bytes()[:-1] + b"x")
        damaged = self.birdnest("verify", "--full", "--json")
        assert damaged.code == 7
        said = json.loads(damaged.out)
        assert [finding["code"] for finding in said["findings"]] == ["blob-digest"]
        assert (said["errors"], said["warnings"], said["objects"]["documents"]) == (1, 0, 2)


def test_sites_lists_what_can_be_crawled(birdnest: Birdnest) -> None:
    table = birdnest("sites").out
    told = {line["site"]: line for line in map(json.loads, birdnest("sites", "--json").out.splitlines())}
    assert list(told) == list(all_sites())
    for slug, site in all_sites().items():
        assert re.search(rf"^│ {slug} +│ .* │ {site.facts.dated or 'no date'} +│ never +│$", table, re.MULTILINE), slug
        assert told[slug]["facts"]["sources"] == list(site.facts.sources)
        assert told[slug]["facts"]["met_live"] is None, "nobody has run `birdnest probe` on a live site yet"


def test_probe_prints_what_every_selector_matched(birdnest: Birdnest) -> None:
    ended = birdnest("probe", SITE)
    assert ended.code == 0, ended.err
    for part in (
        "robots.txt: answered 200, allowed",
        "read as utf-8",
        "div.articleBox",
        "'.writeTime3'",
        "'.pc_content'",
    ):
        assert part in ended.out
    assert not (birdnest.folder / "archive").exists()


def test_probe_says_what_does_not_fit(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica, site={"selectors": {"article": {"body": [".gone"]}}})
    ended = birdnest("probe", SEED_URL)
    assert ended.code == 4
    assert re.search(r"body +NOT FOUND \(required\)", ended.out)


def test_a_terminal_gets_a_live_bar(birdnest: Birdnest) -> None:
    # A real pseudo-terminal: the bar is drawn only where somebody sees it.
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [str(COMMAND), "crawl", SITE],
        cwd=birdnest.folder,
        env=birdnest.variables({"TERM": "xterm"}),
        stdout=child,
        stderr=child,
    )
    os.close(child)
    seen = b""
    while True:
        try:
            chunk = os.read(parent, 65536)
        except OSError:  # EIO: the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(parent)
    assert process.wait(timeout=30) == 0
    assert b"\x1b[" in seen
    assert re.search(r"\d+/68", seen.decode(errors="replace"))


def test_the_demo_leaves_an_archive_and_says_what_to_open(tmp_path: Path) -> None:
    fresh = Birdnest(folder=tmp_path)
    ended = fresh("demo")
    assert ended.code == 0, ended.err
    assert ended.out.count("expected  ") == len(trouble.EXPECTED_FAILURES)
    assert f"birdnest open {SEED}" in ended.out
    assert list(verify(fresh.archive().store, Scope(full=True))) == []
    again = fresh("demo", "--json")
    assert (again.code, again.report["known"]) == (0, 66)


def test_the_demo_keeps_out_of_an_archive_that_is_not_its_own(birdnest: Birdnest) -> None:
    assert birdnest("archive", SEED_URL).code == 0
    ended = birdnest("demo")
    assert ended.code == 2
    assert "an archive of yours" in one_line(ended)


def test_an_installed_wheel_works_from_any_folder(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("birdnest-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "installed")
        assert not any(name.startswith(("tests/", "benchmarks/")) for name in packed.namelist())
    run = "import sys; sys.argv[0] = 'birdnest'; from crawler.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed"), "XDG_STATE_HOME": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, "-c", run, "demo", "--json"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert report["new"] == 62
    assert next(open_store(str(tmp_path / "archive")).list()).key == "ARCHIVE.json"


def test_clean_prints_what_the_archive_would_hold(birdnest: Birdnest) -> None:
    assert birdnest("archive", SEED_URL).code == 0
    printed = birdnest("clean", SEED_URL)
    assert printed.code == 0, printed.err
    archived = birdnest.head(f"article-{trouble.SEED_ID}").document.body
    assert re.sub(r"<img[^>]*>", "", printed.out) == re.sub(r"<img[^>]*>", "", archived)
    assert len(list(birdnest.archive().posts())) == 1


def test_clean_explains_a_file_pass_by_pass_and_shows_both_sides(birdnest: Birdnest) -> None:
    (birdnest.folder / "post.html").write_text(
        '<div style="color:red"><p>你好</p><img src="/a.gif" width="1" height="1"><script>alert(1)</script></div>',
        encoding="utf-8",
    )
    plain = birdnest("clean", "post.html")
    assert plain.out == "<p>你好</p>\n"
    told = birdnest("clean", "post.html", "--explain", "--page", "page.html", "--base", "https://example.org/")
    assert re.search(r"1 × .*a\.gif", told.out)
    page = (birdnest.folder / "page.html").read_text(encoding="utf-8")
    assert page.count("<iframe sandbox ") == 2
    assert "alert(1)" in page
    assert "<script" not in page


@pytest.mark.parametrize(("what", "code"), [("nothing.html", 2), ("https://www.niaogebiji.com/", 2)])
def test_clean_of_nothing_is_one_line(birdnest: Birdnest, what: str, code: int) -> None:
    ended = birdnest("clean", what)
    assert (ended.code, bool(one_line(ended))) == (code, True)


def test_clean_of_a_deleted_post_says_so(birdnest: Birdnest) -> None:
    ended = birdnest("clean", article_url(trouble.DELETED_ID))
    assert ended.code == 4
    assert "answered 404" in one_line(ended)


def test_files_of_windows_editors_are_read(birdnest: Birdnest) -> None:
    config = birdnest.folder / "birdnest.toml"
    config.write_text(config.read_text(encoding="utf-8"), encoding="utf-8-sig")
    (birdnest.folder / "urls.txt").write_text(f"{SEED_URL}\r\n", encoding="utf-8-sig")
    assert birdnest("archive", "-f", "urls.txt").code == 0


def test_a_home_folder_is_expanded_in_the_configuration(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica, archive="~/nest")
    assert birdnest("archive", SEED_URL, environment={"HOME": str(birdnest.folder / "home")}).code == 0
    assert (birdnest.folder / "home" / "nest" / "ARCHIVE.json").is_file()


def test_a_clock_that_is_pinned_to_nonsense_is_one_line(birdnest: Birdnest) -> None:
    ended = birdnest("crawl", SITE, environment={"SOURCE_DATE_EPOCH": "abc"})
    assert ended.code == 3
    assert "expected Unix seconds, found 'abc'" in one_line(ended)


def test_a_post_is_found_by_any_spelling_of_its_address(birdnest: Birdnest) -> None:
    assert birdnest("archive", SEED_URL).code == 0
    spelling = f"http://niaogebiji.com/article-{trouble.SEED_ID}-1.html?from=app"
    assert json.loads(birdnest("show", spelling, "--json").out)["url"] == SEED_URL


def test_the_parts_of_a_list_can_be_corrected_and_probe_shows_what_they_match(
    birdnest: Birdnest, replica: Replica
) -> None:
    wrong = {"item": ["div.nothing"]}
    birdnest.configure(replica, site={"selectors": {"listing": wrong}})
    ended = birdnest("probe", SITE)
    assert ended.code == 4
    assert "'div.nothing': 0 matched" in ended.out
    right = {"item": [".articleListBox > div.clearfix"], "title": ["a .articleTitle", ".articleTitle"]}
    birdnest.configure(replica, site={"selectors": {"listing": right}})
    ended = birdnest("probe", SITE)
    assert ended.code == 0, ended.out
    assert re.search(r"title +'\.articleTitle': in (\d+) of \1 entries", ended.out)


def test_a_hangup_ends_a_crawl_in_order(birdnest: Birdnest, replica: Replica) -> None:
    birdnest.configure(replica, site={"delay_seconds": 0.1, "concurrency": 1})
    process = birdnest.start("crawl", SITE, "--json")
    posts = birdnest.folder / "archive" / "posts"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not list(posts.glob("*/*/v0001.html")):
        time.sleep(0.05)
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out)[0]["verdict"]) == (130, "interrupted")


def test_the_demo_runs_where_another_project_has_a_package_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "crawler").mkdir()
    (tmp_path / "crawler" / "__init__.py").write_text("raise SystemExit('not this one')")
    assert Birdnest(folder=tmp_path)("demo", "--json").code == 0
