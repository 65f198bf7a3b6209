"""The pages of runs: what they say, where they link, what changes with a new run, and what no report can do to them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, timedelta
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
from lxml import html

from archive import Archive, open_store
from archive.errors import DamageError
from archive.layout import run_key as report_key
from archive.model import Figures, RunReport
from archive.reader import ArchiveReader, parse_report
from archive.runs import RunFacts, brought, last_days, site_runs, totals
from archive.store import FolderStore
from archive.views.reader.build import build
from archive.views.reader.frame import Look
from archive.views.reader.run_text import clean, kept
from archive.views.reader.run_words import RUN_WORDS
from archive.views.reader.runs import INDEX_KEY, OURS, PER_PAGE, as_ended, overview_page, run_files, run_key, runs_key
from archive.views.sources import Choice
from archive.writer import report_bytes
from tests.archive.views.conftest import Fill
from tests.archive.views.past import LAST, PUBLISHED, bad, daily, failure, report
from tests.posts import make_report
from tests.support import ROOT

ENGLISH = Look(language="en")
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}{0}\x00\udc80\u202e&amp;'


def files(reports: Sequence[RunReport] | Iterator[RunReport], look: Look = ENGLISH) -> dict[str, bytes]:
    return {file.key: file.data for file in run_files(reports, PUBLISHED, look)}


def page(data: bytes) -> html.HtmlElement:
    return html.document_fromstring(data.decode())


def texts(element: html.HtmlElement) -> str:
    return " ".join(" ".join(element.itertext()).split())


def overview(*reports: RunReport) -> html.HtmlElement:
    return page(files(reports)[INDEX_KEY])


def figure(root: html.HtmlElement, name: str) -> dict[str, list[str]]:
    """The numbers of a plot's table, by their row's head."""
    (found,) = root.xpath(f"//figure[@id='{name}']")
    return {row[0].text_content(): [cell.text_content() for cell in row[1:]] for row in found.xpath(".//tbody/tr")}


# -- how the sites are -------------------------------------------------------------------------------------------------


def test_no_run_at_all_is_said() -> None:
    made = files(())
    assert set(made) == {INDEX_KEY, runs_key(1)}
    assert "No run yet." in texts(page(made[INDEX_KEY]))


def test_the_overview_first_says_in_words_how_the_sites_are() -> None:
    root = overview(*daily(3))
    assert texts(root.xpath("//p[@class='lead']")[0]) == (
        "All sites are well: 2. The newest run began on 2026-11-25 03:10."
    )
    root = overview(*daily(3), bad(LAST + timedelta(hours=1), site="two"))
    assert texts(root.xpath("//p[@class='lead']/strong")[0]) == "In trouble: 1 of 2 sites."


def test_a_site_in_trouble_comes_first_with_its_reason_since_when_and_its_last_good_run() -> None:
    good = report(LAST - timedelta(days=3), site="two")
    bads = [bad(LAST - timedelta(days=days), site="two") for days in (2, 1)]
    root = overview(good, *bads, report(LAST, site="one"))
    first, second = root.xpath("//ul[@class='states']/li")
    assert first.get("class") == "bad"
    assert "two below expectations since 2026-11-23 03:00" in texts(first)
    assert "two: names 3 posts" in texts(first)
    links = [unquote(urljoin(INDEX_KEY, link)) for link in first.xpath(".//dd/a/@href")]
    assert links == [run_key(bads[-1].run), run_key(good.run)]
    assert (second.get("class"), texts(second)[:8]) == ("well", "one fine")


def test_an_interrupted_run_neither_makes_trouble_nor_ends_it() -> None:
    stopped = report(LAST, verdict="interrupted", exit_code=130)
    (row,) = overview(report(LAST - timedelta(days=1)), stopped).xpath("//ul[@class='states']/li")
    assert row.get("class") == "stopped"
    (row,) = overview(bad(LAST - timedelta(days=1)), stopped).xpath("//ul[@class='states']/li")
    assert row.get("class") == "bad"


def test_a_site_that_runs_no_more_while_others_do_is_silent_and_later_quiet() -> None:
    before = [report(LAST - timedelta(days=days), site="two") for days in (12, 11, 10, 9)]
    (row, _) = overview(*before, *daily(2, ("one",))).xpath("//ul[@class='states']/li")
    assert (row.get("class"), "since 2026-11-16 03:00" in texts(row)) == ("silent", True)
    long_ago = [report(LAST - timedelta(days=days), site="two") for days in (202, 201, 200)]
    root = overview(*long_ago, *daily(2, ("one",)))
    assert len(root.xpath("//ul[@class='states']/li")) == 1
    assert "Sites without a whole run in the last 90 days: 1 two 2026-05-09" in texts(root)


def test_runs_of_single_posts_count_in_the_plots_and_make_no_site_a_job() -> None:
    root = overview(report(), report(site="elsewhere", whole=False, new=1, found=1))
    assert [texts(name) for name in root.xpath("//ul[@class='states']//b")] == ["one"]
    assert "Sites of which only single posts were archived: 1." in texts(root)
    assert figure(root, "posts") == {"2026-11-25": ["1", "0"]}


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_the_plots_tables_hold_what_the_reports_count() -> None:
    root = overview(
        report(LAST - timedelta(days=40), new=9, images_missing={"timeout": 9}, failures=(failure("old"),)),
        report(
            LAST - timedelta(days=1),
            new=2,
            changed=1,
            images_kept=5,
            images_missing={"timeout": 1, "http-404": 2},
            failures=(failure(), failure(expected=True), failure("captcha")),
            bytes_fetched=1_500_000,
            bytes_stored=20_000,
        ),
        report(LAST, new=4, figures=Figures(newest_at=LAST - timedelta(days=3))),
    )
    assert figure(root, "posts") == {"2026-11-25": ["4", "0"], "2026-11-24": ["2", "1"], "2026-10-16": ["9", "0"]}
    assert figure(root, "failures") == {"captcha": ["1", "0"], "http-404": ["1", "1"]}
    assert figure(root, "lost") == {"http-404": ["2"], "timeout": ["1"]}
    assert figure(root, "images") == {"2026-11-24": ["5", "3"], "2026-10-16": ["0", "9"]}
    assert figure(root, "bytes") == {"2026-11-24": ["1.5 MB", "20 kB"]}
    assert figure(root, "time") == {"one": ["1 min 30 s", "1 min 30 s"]}
    assert figure(root, "age") == {"one": ["3 days", "3 days"]}
    assert figure(root, "days") == {"one": ["3 / 3", "none"]}


def test_every_plot_of_numbers_has_them_as_a_table_too() -> None:
    root = overview(*daily(100), bad(LAST + timedelta(hours=1), failures=(failure(),), images_missing={"timeout": 1}))
    drawn = root.xpath("//figure[.//svg]")
    assert len(drawn) == 11
    for each in drawn:
        assert each.xpath("./details//table//td"), each.get("id")


def test_the_calendar_shows_the_posts_of_the_year_up_to_the_newest_run() -> None:
    root = overview(*daily(2))
    weeks = figure(root, "calendar")
    assert len(weeks) == 54
    assert weeks["2026-11-23"] == ["0", "0", "3", "", "", "", ""]
    assert weeks["2026-02-23"] == ["0", "0", "0", "0", "0", "0", "7"]
    years = figure(root, "years")
    assert (list(years), years["2019"][4], years["2026"][10]) == (["2026", "2019"], "1", "3")


def test_days_are_counted_back_from_the_newest_run_and_older_ones_told_by_month() -> None:
    root = overview(*daily(200, ("one",)))
    assert len(figure(root, "posts")) == 90
    months = figure(root, "months")
    assert (min(months), max(months)) == ("2026-05", "2026-11")
    assert months["2026-10"][:2] == ["31 / 31", "93"]


def test_the_overview_grows_neither_with_years_nor_with_a_flood_of_sites() -> None:
    years = overview_page(as_ended(map(kept, daily(5_000, ("one",)))), PUBLISHED, ENGLISH).data
    assert len(years) < 110_000
    assert "Earlier months, in the list of runs: 45." in texts(page(years))
    flood = (report(LAST, site=f"site-{number:03}", number=number) for number in range(500))
    many = overview_page(as_ended(map(kept, flood)), PUBLISHED, ENGLISH).data
    assert "Sites not shown: 440." in texts(page(many))
    assert len(many) < 300_000


def test_status_and_pages_count_alike() -> None:
    reports = [
        *daily(40, ("one",)),
        bad(LAST + timedelta(hours=1), failures=(failure(), failure("captcha")), images_missing={"timeout": 2}),
    ]
    runs = [RunFacts.of(each) for each in reversed(reports)]
    told = site_runs("one", runs, now=LAST + timedelta(hours=1))
    days = last_days(date(2026, 11, 25))
    assert told.days == brought(runs, days) == (3,) * 30
    assert told.month == totals(run for run in runs if run.began_at.astimezone(UTC).date() in days)
    cells = texts(overview(*reports).xpath("//section[1]//details//tbody/tr")[0])
    assert cells == "one 30 / 31 90 0 2 180 2 30 MB 6 MB 0 46 min 30 s 2026-11-24"
    assert told.month.as_json() | {"seconds": 0} == {
        "runs": 31,
        "good_runs": 30,
        "new": 90,
        "changed": 0,
        "failed": 2,
        "failures": {"captcha": 1, "http-404": 1},
        "expected_failures": {},
        "images_kept": 180,
        "images_missing": {"timeout": 2},
        "requests": 0,
        "bytes_fetched": 30_000_000,
        "bytes_stored": 6_000_000,
        "seconds": 0,
    }


# -- one run -----------------------------------------------------------------------------------------------------------


def run_page_of(made: RunReport) -> html.HtmlElement:
    return page(files([made])[run_key(made.run)])


def test_a_run_tells_what_it_did_and_where_its_report_lies() -> None:
    made = bad(
        found=7,
        new=2,
        changed=1,
        known=3,
        failures=(failure(), failure("captcha", "https://site.example/list", expected=True)),
        documents={"posts/one/article-1/v0001.html": "0" * 64, "posts/one/article-2/v0003.html": "0" * 64},
        images_missing={"timeout": 2},
        requests=1234,
        bytes_fetched=2_500_000,
        store_requests={"PUT": 4},
        figures=Figures(lists={"https://site.example/list": 3}, pages=3, posts=3, with_date=2, characters=700),
        notes=("a note",),
    )
    text = texts(run_page_of(made))
    for told in (
        "one 2026-11-25 03:00 UTC below expectations",
        "Why one: names 3 posts",
        "Took 1 min 30 s",
        "Requests 1,234",
        "Fetched 2.5 MB",
        "Found 7: New 2, Changed 1, Known, not due 3, Failed 2.",
        "one/article-2 version 3",
        "captcha 1 https://site.example/list expected",
        "timeout 2",
        "PUT 4",
        "With a date 2",
        "Characters (median) 700",
        "https://site.example/list 3 posts",
        "a note",
        f"Report: {report_key(made.run)}",
    ):
        assert told in text, told


def test_a_run_links_its_posts_by_their_titles_and_leaves_those_unlinked_that_are_not_shown() -> None:
    made = report(documents=dict.fromkeys(["posts/one/a-1/v0001.html", "posts/one/a-2/v0001.html", "x"], "0" * 64))
    shown = [file for file in run_files([made], {}, ENGLISH, titles={"one/a-1": "支付宝 <1>"}) if "/2026-" in file.key]
    items = page(shown[0].data).xpath("//ol[@class='committed']/li")
    assert [texts(item) for item in items] == ["支付宝 <1>", "one/a-2", "x"]
    assert [item.xpath(".//a/@href") for item in items] == [["../../posts/one/a-1/index.html"], [], []]


def test_what_is_too_much_for_a_page_is_counted() -> None:
    made = report(
        failures=tuple(failure(url=f"https://site.example/{number}") for number in range(70))
        + tuple(failure(f"reason-{number}") for number in range(30)),
        documents={f"posts/one/a-{number}/v0001.html": "0" * 64 for number in range(1_000)},
        reasons=("why",) * 25,
        notes=("n",) * 21,
        figures=Figures(lists={f"https://site.example/{number}": 1 for number in range(22)}),
    )
    data = files([made])[run_key(made.run)]
    root = page(data)
    assert len(root.xpath("//ol[@class='committed']/li")) == 200
    more = re.findall(r"(\d+) more, in the report", texts(root))
    assert sorted(map(int, more)) == sorted([5, 800, 20, 11, 2, 1])
    assert len(data) < 100_000


# -- lists -------------------------------------------------------------------------------------------------------------


def test_a_new_run_changes_its_own_page_the_last_list_and_the_overview_alone() -> None:
    reports = list(daily(PER_PAGE + 20))
    before, after = files(reports[:-1]), files(reports)
    changed = {key for key in after if before.get(key) != after[key]}
    assert changed == {run_key(reports[-1].run), runs_key(3), INDEX_KEY}


def test_a_full_list_links_to_the_next_which_is_there() -> None:
    reports = list(daily(PER_PAGE, ("one",)))
    made = files(reports)
    assert "The page before is full" in texts(page(made[runs_key(2)]))
    more = files([*reports, report(LAST + timedelta(hours=1), number=1)])
    assert more[runs_key(1)] == made[runs_key(1)]
    assert len(page(more[runs_key(1)]).xpath("//tbody/tr")) == PER_PAGE


def test_a_run_that_began_earlier_and_ended_later_comes_last() -> None:
    reports = list(daily(PER_PAGE + 1, ("one",)))
    long = report(LAST - timedelta(days=1, hours=1), number=9, finished_at=LAST + timedelta(hours=1))
    full = files(reports)[runs_key(1)]
    assert files([*reports, long])[runs_key(1)] == full


@pytest.mark.parametrize("language", RUN_WORDS)
def test_every_link_leads_to_a_page_and_every_id_is_there_once(language: str) -> None:
    reports = [*daily(60), bad(LAST + timedelta(hours=1), site="two", failures=(failure(),))]
    made = files(reports, Look(language=language))
    there = {*made, "index.html", "search.html", "feed.xml", "reader.css", "icon.svg"}
    for key, data in made.items():
        root = page(data)
        ids = root.xpath("//@id")
        assert len(ids) == len(set(ids)), key
        assert OURS.fullmatch(key), key
        for target in root.xpath("//a/@href[not(starts-with(., '#'))] | //link/@href"):
            found = unquote(urljoin(key, target))
            outside = found.startswith(("https://", "posts/", "sites/", "categories/", "tags/", "authors/", "months/"))
            assert outside or found in there, (key, target)


def test_the_same_reports_give_the_same_bytes() -> None:
    assert files(daily(30)) == files(daily(30))


def test_each_language_says_all() -> None:
    chinese, english = RUN_WORDS["zh"], RUN_WORDS["en"]
    assert list(chinese) == list(english)
    for key, text in chinese.items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", english[key])), key


# -- what no report can do ---------------------------------------------------------------------------------------------


def test_hostile_texts_are_shown_as_texts() -> None:
    made = report(
        site=HOSTILE,
        verdict=HOSTILE,
        exit_code=4,
        generator=HOSTILE,
        reasons=(HOSTILE,),
        notes=(HOSTILE,),
        failures=(
            replace(failure(HOSTILE, HOSTILE), detail=HOSTILE),
            failure(url="javascript:alert(1)"),
            failure(url="https://site.example/\u202egnp.exe"),
            failure(url="http://[bad/"),
            failure(url="https://site.example/" + "a" * 5_000),
        ),
        images_missing={HOSTILE: 1},
        store_requests={HOSTILE: 1},
        documents={HOSTILE: HOSTILE, "posts/../../x/v0001.html": "0"},
        figures=Figures(lists={HOSTILE: 1, "data:text/html,<script>alert(1)</script>": 2}),
    )
    for key, data in files([replace(made, run=HOSTILE), made]).items():
        assert OURS.fullmatch(key), key
        root = page(data)
        assert root.xpath("//script | //img | //@onerror | //@style | //style") == []
        for href in root.xpath("//a/@href"):
            assert re.match(r"https://site\.example/a|(\.\./|[a-z0-9-]+/|[a-z0-9-]+\.(html|xml)|#)", href), href
        text = data.decode()
        assert "\x00" not in text
        assert "\u202e" not in text


def test_text_is_cut_and_cleaned() -> None:
    assert clean("a" * 1_000_000, 10) == "aaaaaaaaa…"
    assert clean("支付宝\u2028x", 10) == "支付宝\u2028x"


def test_a_run_whose_name_is_none_of_ours_has_a_page_within_the_readers_folder() -> None:
    for name in ("../../etc/passwd", "", "20261122T080000Z-a/../b-000000", "20261122T080000Z-" + "a" * 300):
        assert re.fullmatch(r"runs/other/[0-9a-f]{16}\.html", run_key(name)), name


def test_of_several_reports_of_one_run_the_first_counts() -> None:
    made = files([report(new=1), report(new=2)])
    assert figure(page(made[INDEX_KEY]), "posts") == {"2026-11-25": ["1", "0"]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"new": "3"},
        {"new": -1},
        {"new": 10**30},
        {"new": None},
        {"images_missing": {"x": "y"}},
        {"started_at": "2026-11-22T08:00:00"},
        {"started_at": "0001-01-01T00:00:00+00:00"},
        {"finished_at": "9999-12-31T23:59:59-14:00"},
        {"figures": {"newest_at": "2026-11-22T08:00:00"}},
        {"site": None},
        {"reasons": [1]},
        {"documents": {"posts/a/b/v0001.html": 1}},
        {"failures": [{"what": "post", "url": 1, "reason": "x", "detail": "", "expected": False}]},
    ],
)
def test_a_report_whose_values_are_of_another_kind_is_damaged(wrong: dict[str, object]) -> None:
    value = json.loads(report_bytes(make_report()))
    assert parse_report(json.dumps(value).encode(), "x").new == 2
    with pytest.raises(DamageError, match="x: not a run's report"):
        parse_report(json.dumps({**value, **wrong}).encode(), "x")


def test_reports_of_older_releases_have_pages() -> None:
    reader = ArchiveReader.open(FolderStore(ROOT / "tests" / "golden" / "format-1"))
    reports = list(reader.runs())
    assert reports
    made = files(reports)
    assert {run_key(each.run) for each in reports} <= set(made)
    value = json.loads(report_bytes(report(new=1)))
    for late in ("known", "gone", "absent", "whole", "figures", "documents", "notes"):
        del value[late]
    early = parse_report(json.dumps(value).encode(), "x")
    assert figure(page(files([early])[INDEX_KEY]), "posts") == {"2026-11-25": ["1", "0"]}


# -- many, and in a reader ---------------------------------------------------------------------------------------------


def test_reports_are_read_one_at_a_time() -> None:
    given = 0

    def counted() -> Iterator[RunReport]:
        nonlocal given
        for each in daily(20):
            given += 1
            yield each

    made = run_files(counted(), {}, ENGLISH)
    assert (next(made).key, given) == (run_key(next(daily(20)).run), 1)


def built(store: FolderStore, target: Path, complain: list[str]) -> int:
    out = open_store(str(target), mutable="")
    done = build(store, out, ENGLISH, Choice(), progress=lambda *_: None, complain=complain.append)
    return done.written


def test_a_build_makes_the_pages_of_runs_and_with_a_new_run_those_that_it_changes(tmp_path: Path, fill: Fill) -> None:
    store = FolderStore(tmp_path / "nest")
    archive: Archive = fill(store, {})
    key = "posts/niaogebiji/article-482538/v0001.html"
    first = report(LAST - timedelta(days=1), site="niaogebiji", new=1, documents={key: "0" * 64})
    archive.add_report(first)
    target, told = tmp_path / "reader", list[str]()
    built(store, target, told)
    root = page((target / run_key(first.run)).read_bytes())
    assert [texts(item) for item in root.xpath("//ol[@class='committed']//a")] == ["刚刚！支付宝年度大会讲了这些要点"]
    assert "niaogebiji" in texts(page((target / INDEX_KEY).read_bytes()).xpath("//ul[@class='states']//b/a")[0])
    assert built(store, target, told) == 0
    before = {file: file.read_bytes() for file in target.rglob("*.html")}
    second = report(LAST, site="niaogebiji")
    archive.add_report(second)
    built(store, target, told)
    changed = {
        file.relative_to(target).as_posix() for file in target.rglob("*.html") if before.get(file) != file.read_bytes()
    }
    assert changed == {run_key(second.run), runs_key(1), INDEX_KEY}
    assert told == []


def test_a_damaged_report_is_told_of_and_left_out_of_a_build(tmp_path: Path, fill: Fill) -> None:
    store = FolderStore(tmp_path / "nest")
    archive: Archive = fill(store, {})
    archive.add_report(report())
    damaged = report_key(report(number=7).run)
    store.create(damaged, b'{"run": 1}', "application/json")
    told: list[str] = []
    built(store, tmp_path / "reader", told)
    assert len(told) == 1
    assert damaged in told[0]
    made = [path.relative_to(tmp_path / "reader").as_posix() for path in (tmp_path / "reader/runs").rglob("*.html")]
    assert sorted(made) == sorted([run_key(report().run), runs_key(1), INDEX_KEY])
