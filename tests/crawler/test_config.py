"""birdnest.toml: what is refused and how, and what each key does."""

import re
import tomllib
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.errors import ConfigError
from archive.store import StoreOptions
from crawler.config import (
    ENVIRONMENT,
    TEMPLATE,
    Config,
    ExpectationsTable,
    OtherSitesTable,
    S3Table,
    SchedulerTable,
    load_config,
    parse_config,
    scrapy_settings,
)
from crawler.extract import Page, extract
from crawler.profile import ExpectedFailure, Feed, Listing, Sitemap, UrlList, address
from crawler.sites import all_sites

NAME = "birdnest.toml"
SLUG = "niaogebiji"


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as raised:
        parse_config(values, NAME)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def of_site(**table: Any) -> dict[str, Any]:
    return {"sites": {SLUG: table}}


# --- what is refused ---


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"achive": "x"}, "achive"),
        ({"robot": "obey"}, "robot"),
        ({"s3": {"bucket": "x"}}, "s3.bucket"),
        (of_site(delay=1), "sites.niaogebiji.delay"),
        (of_site(expected_failures=[{"reason": "x", "urls": "y"}]), "sites.niaogebiji.expected_failures.0.urls"),
        (of_site(lists={"authors": ["x"]}), "sites.niaogebiji.lists.authors"),
        (of_site(selectors={"artikel": {"title": "h1"}}), "sites.niaogebiji.selectors.artikel"),
        (of_site(selectors={"article": {"titel": "h1"}}), "sites.niaogebiji.selectors.article.titel"),
        ({"sites": {"niaogebi": {}}}, "sites.niaogebi"),
    ],
)
def test_an_unknown_key_at_any_level_is_refused_by_its_dotted_name(values: dict[str, Any], key: str) -> None:
    assert refusal(values).startswith(f"{NAME}: {key}: ")


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"archive": 5}, "archive"),
        ({"contact": ["a"]}, "contact"),
        ({"timeout_seconds": "60"}, "timeout_seconds"),
        ({"timeout_seconds": True}, "timeout_seconds"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": float("inf")}, "timeout_seconds"),
        ({"retries": 2.5}, "retries"),
        ({"retries": "3"}, "retries"),
        ({"retries": -1}, "retries"),
        ({"autothrottle": "yes"}, "autothrottle"),
        ({"autothrottle": 1}, "autothrottle"),
        ({"robots": False}, "robots"),
        ({"robots": "maybe"}, "robots"),
        ({"origins": []}, "origins"),
        ({"sites": []}, "sites"),
        ({"sites": {SLUG: 3}}, "sites.niaogebiji"),
        (of_site(delay_seconds=-1), "sites.niaogebiji.delay_seconds"),
        (of_site(delay_seconds=float("nan")), "sites.niaogebiji.delay_seconds"),
        (of_site(image_delay_seconds="1"), "sites.niaogebiji.image_delay_seconds"),
        (of_site(concurrency=0), "sites.niaogebiji.concurrency"),
        (of_site(concurrency=65), "sites.niaogebiji.concurrency"),
        (of_site(lists={"tags": "支付宝"}), "sites.niaogebiji.lists.tags"),
        (of_site(lists={"tags": [1]}), "sites.niaogebiji.lists.tags.0"),
        (of_site(selectors={"article": {"title": 3}}), "sites.niaogebiji.selectors.article.title"),
        (of_site(selectors={"article": {"title": []}}), "sites.niaogebiji.selectors.article.title"),
        (of_site(selectors={"article": {"title": "h1["}}), "sites.niaogebiji.selectors.article.title.0"),
        (of_site(selectors={"article": {"title": ["h1", "xpath://["]}}), "sites.niaogebiji.selectors.article.title.1"),
        (of_site(expected_failures=[{}]), "sites.niaogebiji.expected_failures.0.reason"),
        (of_site(expected_failures=[{"reason": "x", "url": "("}]), "sites.niaogebiji.expected_failures.0.url"),
    ],
)
def test_a_value_of_the_wrong_type_or_size_is_refused_by_its_keys_name(values: dict[str, Any], key: str) -> None:
    assert refusal(values).startswith(f"{NAME}: {key}: ")


@pytest.mark.parametrize(
    "origin",
    [
        *("www.example.com", "ftp://www.example.com", "http://", "http://www.example.com/path", "http://[x"),
        *("http://www.example.com?x=1", "http://www.example.com:99999", ""),
    ],
)
def test_an_origin_is_scheme_host_and_port_on_both_sides(origin: str) -> None:
    assert refusal({"origins": {origin: "http://127.0.0.1:8000"}}).startswith(f"{NAME}: origins.{origin}: ")
    assert refusal({"origins": {"https://www.example.com": origin}}).startswith(
        f"{NAME}: origins.https://www.example.com: "
    )


def test_every_fault_of_a_file_is_told_at_once() -> None:
    message = refusal({"achive": "x", "retries": "3"})
    assert "achive: unknown key" in message
    assert "retries: Input should be a valid integer, found '3'" in message


def test_a_site_that_there_is_not_is_told_with_those_that_there_are() -> None:
    assert refusal({"sites": {"niaogebi": {}}}).endswith(f"no such site, known are: {', '.join(all_sites())}")


def test_a_list_that_there_is_not_is_told_with_those_that_there_are() -> None:
    assert refusal(of_site(lists={"authors": ["x"]})).endswith("known are: categories, tags")


# --- schedules, expectations, alerts ---


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (of_site(schedule="every day"), "expected cron syntax"),
        (of_site(schedule="0 0 30 2 *"), "expected cron syntax"),
        (of_site(schedule=6), "expected cron syntax such as"),
        (of_site(schedule={"every": "6h", "at": "8"}), "or { every ="),
        (of_site(schedule={"every": "6 hours"}), "expected an interval such as '6h'"),
        (of_site(schedule={"every": "0h"}), "expected an interval"),
        (of_site(expectations={"min_dated_share": 90}), "less than or equal to 1"),
        (of_site(expectations={"min_post": 1}), "unknown key"),
        ({"timezone": "Middle/Earth"}, "expected a time zone's name"),
        ({"timezone": "../etc/passwd"}, "expected a time zone's name"),
        ({"scheduler": {"listen": "9464"}}, "expected an address and a port"),
        ({"alerts": [{"kind": "slack"}]}, "needs url or url_env, one of the two"),
        ({"alerts": [{"kind": "mail", "host": "x", "sender": "a@b"}]}, "needs to"),
        ({"alerts": [{"kind": "command"}]}, "needs command"),
        ({"alerts": [{"kind": "json", "url_env": "X", "sites": ["nosuchsite"]}]}, "no such site: nosuchsite"),
    ],
)
def test_what_a_schedule_an_expectation_or_an_alert_lacks_is_said(values: dict[str, Any], says: str) -> None:
    assert says in refusal(values)


@pytest.mark.parametrize(
    "values",
    [
        {"alerts": [{"kind": "slak", "url": "https://hooks.example/SECRET"}]},
        {"alerts": [{"kind": "slack", "url": ["https://hooks.example/SECRET"]}]},
        {"alerts": [{"kind": "slack", "url": "https://hooks.example/SECRET", "url_env": "X"}]},
        {"alerts": [{"kind": "slack", "adress": "https://hooks.example/SECRET"}]},
        of_site(proxy="socks://user:SECRET@proxy.example"),
    ],
)
def test_an_error_in_a_configuration_gives_no_secret_away(values: dict[str, Any]) -> None:
    assert "SECRET" not in refusal(values)


def test_secrets_are_in_no_text_of_a_configuration() -> None:
    config = parse_config({"alerts": [{"kind": "slack", "url": "https://hooks.example/SECRET"}]}, NAME)
    assert "SECRET" not in f"{config!r} {config.model_dump_json()}"
    assert config.alerts[0].value("url") == "https://hooks.example/SECRET"


def test_expectations_of_a_site_stand_in_for_those_of_its_profile() -> None:
    config = parse_config(of_site(expectations={"min_found": 9, "compare_since": date(2026, 11, 25)}), NAME)
    wanted, profile = config.site(SLUG).expectations, all_sites()[SLUG].expectations
    assert wanted == replace(profile, min_found=9, compare_since=date(2026, 11, 25))


# --- where a configuration comes from ---


def test_without_a_file_everything_is_at_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert load_config() == Config()


def test_the_path_wins_over_the_environment_and_that_over_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("birdnest.toml", "environment.toml", "named.toml"):
        (tmp_path / name).write_text(f'archive = "{name}"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert load_config().archive == "birdnest.toml"
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "environment.toml"))
    assert load_config().archive == "environment.toml"
    assert load_config(tmp_path / "named.toml").archive == "named.toml"


def test_a_file_that_is_named_and_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file: `birdnest init` writes one"):
        load_config(tmp_path / "nothing.toml")


@pytest.mark.parametrize("data", [b"archive = ", b"[sites", 'contact = "鸟"'.encode("gbk"), b"a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_is_an_error_that_names_it(tmp_path: Path, data: bytes) -> None:
    (tmp_path / NAME).write_bytes(data)
    with pytest.raises(ConfigError, match=re.escape(str(tmp_path / NAME))):
        load_config(tmp_path / NAME)


def test_a_folder_in_the_files_place_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(str(tmp_path))):
        load_config(tmp_path)


def test_a_configuration_survives_the_way_through_json() -> None:
    config = parse_config(
        {
            "timeout_seconds": 30,
            "origins": {"https://www.example.com/": "http://127.0.0.1:8000"},
            **of_site(selectors={"article": {"title": "h1"}}, lists={"tags": ["支付宝"]}, delay_seconds=0.5),
        },
        NAME,
    )
    assert Config.model_validate_json(config.model_dump_json()) == config


# --- what the keys do ---


def test_a_selector_of_the_user_changes_what_is_extracted() -> None:
    url = "https://www.niaogebiji.com/article-1-1.html"
    page = Page.of(url, '<h1>旧</h1><h2 class="new">新</h2><div class="richText">文</div>'.encode())
    config = parse_config(of_site(selectors={"article": {"title": "h2.new", "body": [".nothing", ".richText"]}}), NAME)
    site = config.site(SLUG)
    place = address(site, url)
    assert place is not None
    post = extract(site, place, [page], found=None, fetched_at=datetime(2022, 7, 23, tzinfo=UTC))
    assert (post.title, post.body_parts) == ("新", ("文",))
    assert post.extractor != all_sites()[SLUG].digest


def test_an_empty_table_changes_nothing_of_the_profile() -> None:
    assert parse_config(of_site(), NAME).site(SLUG) == all_sites()[SLUG]
    assert Config().site(SLUG) == all_sites()[SLUG]


def test_expected_failures_join_the_profiles() -> None:
    site = parse_config(of_site(expected_failures=[{"reason": "captcha", "url": "/article-7-"}]), NAME).site(SLUG)
    mine = ExpectedFailure(reason="captcha", url="/article-7-")
    assert site.expectations.failures == (*all_sites()[SLUG].expectations.failures, mine)


def test_keys_reach_scrapy() -> None:
    values = {
        "archive": "s3://bucket/nest",
        "contact": "me@example.com",
        "state": "~/nest-state",
        "timeout_seconds": 7,
        "retries": 5,
        "autothrottle": False,
        "robots": "ignore",
        "check_images": "structure",
        "origins": {"https://www.niaogebiji.com/": "http://127.0.0.1:8000"},
        "s3": {"region": "eu-central-1", "encryption": "aws:kms", "kms_key": "alias/nest"},
        "single_writer": True,
        **of_site(delay_seconds=0, image_delay_seconds=1.5, concurrency=6, proxy="http://proxy.example:3128"),
    }
    config = parse_config(values, NAME)
    settings = scrapy_settings(config, config.site(SLUG))
    slot = {"delay": 0.0, "concurrency": 6}
    assert (
        settings
        | {
            "BIRDNEST_ARCHIVE": "s3://bucket/nest",
            "BIRDNEST_ORIGINS": {"https://www.niaogebiji.com": "http://127.0.0.1:8000"},
            "BIRDNEST_PROXY": "http://proxy.example:3128",
            "BIRDNEST_ROBOTS": False,
            "BIRDNEST_CHECK_IMAGES": "structure",
            "BIRDNEST_STATE": str(Path.home() / "nest-state"),
            "BIRDNEST_STORE": {
                **asdict(StoreOptions(region="eu-central-1", encryption="aws:kms", kms_key="alias/nest")),
                "single_writer": True,
                "locks": Path.home() / "nest-state" / "locks",
            },
            "DOWNLOAD_TIMEOUT": 7,
            "RETRY_TIMES": 5,
            "AUTOTHROTTLE_ENABLED": False,
            "AUTOTHROTTLE_START_DELAY": 1.5,
            "DOWNLOAD_DELAY": 1.5,
            "DOWNLOAD_SLOTS": {"www.niaogebiji.com": slot, "niaogebiji.com": slot},
            "CONCURRENT_REQUESTS_PER_DOMAIN": 6,
        }
        == settings
    )
    assert re.fullmatch(r"Birdnest/\S+ \(article archiver; me@example\.com\)", settings["USER_AGENT"])


def test_a_user_agent_of_the_users_own_stands_alone() -> None:
    config = parse_config({"contact": "me@example.com", **of_site(user_agent="Reader/1.0")}, NAME)
    assert scrapy_settings(config, config.site(SLUG))["USER_AGENT"] == "Reader/1.0"


# --- sites that no profile knows, and more lists ---


def test_a_host_is_a_site_by_its_slug() -> None:
    config = parse_config(
        {"sites": {"my--blog-example": {"delay_seconds": 7}}, "other_sites": {"delay_seconds": 5}}, NAME
    )
    assert (config.site("my--blog-example").hosts, config.site("my--blog-example").delay_seconds) == (
        ("my-blog.example",),
        7,
    )
    assert (config.site("other-example").hosts, config.site("other-example").delay_seconds) == (("other.example",), 5)
    assert config.site(SLUG).delay_seconds == all_sites()[SLUG].delay_seconds
    slot = {"delay": 7.0, "concurrency": 2}
    assert scrapy_settings(config, config.site("my--blog-example"))["DOWNLOAD_SLOTS"] == {"my-blog.example": slot}


def test_feeds_sitemaps_and_lists_join_the_profiles_listings() -> None:
    sources = {
        "feeds": ["https://x.example/feed"],
        "sitemaps": ["https://x.example/s.xml"],
        "url_lists": ["https://x.example/l"],
    }
    added = parse_config(of_site(**sources), NAME).site(SLUG).listings[len(all_sites()[SLUG].listings) :]
    assert [listing.url for listing in added] == [url for urls in sources.values() for url in urls]
    assert [type(listing.shape) for listing in added] == [Feed, Sitemap, UrlList]
    assert {listing.channel for listing in added} == {""}


def test_a_route_of_rsshub_is_read_at_the_instance() -> None:
    route = "rsshub:/niaogebiji/cat/103"
    config = parse_config({"rsshub": "http://127.0.0.1:1200/hub/", **of_site(feeds=[route])}, NAME)
    listing = config.site(SLUG).listings[-1]
    assert (listing.url, listing.shape) == (
        "http://127.0.0.1:1200/hub/niaogebiji/cat/103",
        Feed(full_text="description"),
    )
    assert "set `rsshub` in birdnest.toml" in refusal(of_site(feeds=[route]))


def test_a_profiles_route_of_rsshub_is_left_out_without_an_instance() -> None:
    listing = Listing(channel="x", url="rsshub:/x", shape=Feed())
    assert Config().resolved(listing) is None
    assert Config().resolved(all_sites()[SLUG].listings[0]) == all_sites()[SLUG].listings[0]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (of_site(feeds=["x.example/feed"]), "sites.niaogebiji.feeds.0: expected an address"),
        (of_site(sitemaps=["file:///etc/passwd"]), "sites.niaogebiji.sitemaps.0: expected an address"),
        ({"rsshub": "rsshub.example"}, "rsshub: expected the address of an instance"),
        ({"other_sites": {"depth": 3}}, "other_sites.depth: unknown key"),
        ({"sites": {"-x-example": {}}}, "sites.-x-example: no such site"),
    ],
)
def test_a_wrong_source_is_told_by_its_key(values: dict[str, Any], key: str) -> None:
    assert key in refusal(values)


# --- the file that `birdnest init` writes ---

_COMMENTED = re.compile(r"# ?((?:\[|[\w\"][^ ]* = ).*)")


def uncommented() -> str:
    """TEMPLATE with the mark taken off every line that is a key or a table."""
    lines = (_COMMENTED.fullmatch(line) for line in TEMPLATE.splitlines())
    return "\n".join(line[1] for line in lines if line)


def test_the_template_as_written_says_nothing_but_the_defaults() -> None:
    assert parse_config(tomllib.loads(TEMPLATE), NAME) == Config()


def test_every_key_of_the_template_is_one_that_works() -> None:
    config = parse_config(tomllib.loads(uncommented()), NAME)
    assert config.site(SLUG).kinds != all_sites()[SLUG].kinds
    assert config.site_table(SLUG).lists == {"categories": ("102",), "tags": ("支付宝",)}


def test_the_template_shows_every_key_there_is() -> None:
    values = tomllib.loads(uncommented())
    assert set(values) == set(Config.model_fields)
    table = values["sites"][SLUG]
    assert set(table) == set(type(Config().site_table(SLUG)).model_fields)
    assert set(table["expected_failures"][0]) == {"reason", "url", "what"}


def test_the_defaults_that_the_template_shows_are_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    values = tomllib.loads(uncommented())
    examples = {"state", "origins", "rsshub", "s3", "sites", "other_sites", "recheck_days", "allow_hosts"}
    examples |= {"timezone", "metrics_file", "scheduler", "alerts"}
    shown = {name: values[name] for name in set(values) - examples}
    assert tuple(values["recheck_days"]) == Config().recheck_days
    assert shown == {name: getattr(Config(), name) for name in shown}
    assert S3Table(**values["s3"]).timeout_seconds == S3Table().timeout_seconds
    assert set(values["s3"]) == set(S3Table.model_fields)
    assert SchedulerTable(**values["scheduler"]) == SchedulerTable()
    assert set(values["scheduler"]) == set(SchedulerTable.model_fields)
    site, table = all_sites()[SLUG], values["sites"][SLUG]
    expectations = {name: value for name, value in table["expectations"].items() if name != "compare_since"}
    assert expectations == {name: getattr(site.expectations, name) for name in expectations}
    assert set(table["expectations"]) == set(ExpectationsTable.model_fields)
    for name in ("delay_seconds", "image_delay_seconds", "concurrency", "depth"):
        assert table[name] == getattr(site, name)
    assert set(values["other_sites"]) == set(OtherSitesTable.model_fields)
    for name in ("delay_seconds", "image_delay_seconds", "concurrency"):
        assert values["other_sites"][name] == getattr(Config().site("blog-example"), name)


def test_the_default_archive_keeps_out_of_the_package_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Config().archive == "./archive"
    (tmp_path / "archive").mkdir()
    assert Config().archive == "./archive"
    (tmp_path / "archive" / "__init__.py").touch()
    assert Config().archive == "./nest"


@pytest.mark.parametrize(
    ("instance", "entry"),
    [
        ("http://127.0.0.1:1200", "127.0.0.1:1200"),
        ("https://rss.example", "rss.example:443"),
        ("http://[::1]/a", "[::1]:80"),
    ],
)
def test_an_instance_of_rsshub_may_be_reached_wherever_it_is(instance: str, entry: str) -> None:
    config = parse_config({"rsshub": instance, "allow_hosts": ["10.0.0.0/8"]}, NAME)
    assert scrapy_settings(config, config.site("niaogebiji"))["BIRDNEST_ALLOW_HOSTS"] == ["10.0.0.0/8", entry]
