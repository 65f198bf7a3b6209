"""The user's birdnest.toml, checked: unknown keys are refused, and every error names the key and what it expects."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, tzinfo
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from platformdirs import user_state_path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from tzlocal import get_localzone

from archive.errors import ConfigError
from archive.image_structure import Check
from archive.store import StoreOptions
from crawler.addresses import profile_of
from crawler.canonical import host_of_slug
from crawler.hours import NiceHours
from crawler.networks import Allowed, port_of
from crawler.pages import check_selector
from crawler.profile import (
    FIELDS,
    LIST_PARTS,
    LISTING,
    ExpectedFailure,
    Feed,
    Listing,
    Shape,
    Sitemap,
    SiteProfile,
    UrlList,
    with_selectors,
)
from crawler.schedule import RECHECK_DAYS, Schedule, parse_schedule
from crawler.sites import all_sites

RSSHUB = "rsshub:"
NO_INSTANCE = 'a route of RSSHub needs an instance: set `rsshub` in birdnest.toml, rsshub = "http://127.0.0.1:1200"'
FILE_NAME = "birdnest.toml"
ENVIRONMENT = "BIRDNEST_CONFIG"
USER_AGENT = "Birdnest/{version} (article archiver; {contact})"


def _origin(value: str) -> str:
    parts = urlsplit(value)
    _ = parts.port  # out of range: ValueError
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("expected an origin such as https://www.example.com, without a path")
    if "@" in parts.netloc:
        raise ValueError("expected an origin without user and password")
    return value.rstrip("/")


def _allowed(value: str) -> str:
    Allowed.parse(value)
    return value


def _hours(value: str) -> str:
    NiceHours.parse(value)
    return value


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _selector(value: str) -> str:
    try:
        return check_selector(value)
    except re.error as error:
        raise ValueError(f"expected a regular expression after re: {error}") from None


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"expected a regular expression: {error}") from None
    return value


def _proxy(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected http://host:port, with user:password@ before the host where it needs them")
    return value


def _source(value: str) -> str:
    parts = urlsplit(value)
    if not (parts.scheme in ("http", "https") and parts.hostname) and not value.startswith(f"{RSSHUB}/"):
        raise ValueError(f"expected an address such as https://www.example.com/feed, or {RSSHUB}/route")
    return value


def _instance(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("expected the address of an instance such as http://127.0.0.1:1200, without a query")
    return value.rstrip("/")


def _header_text(value: str) -> str:
    if not value.isprintable() or not value.isascii():
        raise ValueError("expected printable ASCII: it is sent as a header")
    return value


def _schedule(value: Any) -> Any:
    if value is not None:  # of a configuration that was written out as JSON
        parse_schedule(value)
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        raise ValueError("expected a time zone's name such as Asia/Shanghai") from None
    return value


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - TCP's own
        raise ValueError("expected an address and a port such as 127.0.0.1:9464")
    return value


ScheduleText = Annotated[Any, AfterValidator(_schedule)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Listen = Annotated[str, AfterValidator(_listen)]
Share = Annotated[float, Field(ge=0, le=1)]
Source = Annotated[str, AfterValidator(_source)]
Instance = Annotated[str, AfterValidator(_instance)]
Proxy = Annotated[str, AfterValidator(_proxy)]
HeaderText = Annotated[str, AfterValidator(_header_text)]
AllowedHost = Annotated[str, AfterValidator(_allowed)]
Hours = Annotated[str, AfterValidator(_hours)]
Origin = Annotated[str, AfterValidator(_origin)]
SelectorText = Annotated[str, AfterValidator(_selector)]
SelectorList = Annotated[tuple[SelectorText, ...], BeforeValidator(_one_or_more), Field(min_length=1)]
Pattern = Annotated[str, AfterValidator(_pattern)]


def default_archive() -> str:
    """`./archive`; in a checkout of Birdnest, where that is a package, `./nest`."""
    return "./nest" if Path("archive/__init__.py").exists() else "./archive"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class ExpectedFailureTable(_Table):
    """A failure of this site that does not fail a run."""

    reason: str
    url: Pattern = ".*"
    what: Literal["post", "listing"] = "post"


class ExpectationsTable(_Table):
    """`[sites.<slug>.expectations]`: what a healthy run of this site shows, where it differs from the profile."""

    min_found: int | None = Field(default=None, ge=0, strict=True)
    min_links: int | None = Field(default=None, ge=0, strict=True)
    min_characters: int | None = Field(default=None, ge=0, strict=True)
    min_dated_share: Share | None = None
    min_authored_share: Share | None = None
    min_illustrated_share: Share | None = None
    max_missing_images_share: Share | None = None
    max_failed_share: Share | None = None
    max_newest_age_days: int | None = Field(default=None, ge=1, strict=True)
    max_drop_share: Share | None = None
    compare_since: date | None = None


class SiteTable(_Table):
    """`[sites.<slug>]`: what to do differently for one site."""

    delay_seconds: float | None = Field(default=None, ge=0, strict=True)
    image_delay_seconds: float | None = Field(default=None, ge=0, strict=True)
    concurrency: int | None = Field(default=None, ge=1, le=64, strict=True)
    depth: int | None = Field(default=None, ge=1, strict=True)
    proxy: Proxy | None = None
    user_agent: HeaderText | None = None
    image_referer: HeaderText | None = None
    nice_hours: Hours | None = None
    lists: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    feeds: tuple[Source, ...] = ()
    sitemaps: tuple[Source, ...] = ()
    url_lists: tuple[Source, ...] = ()
    selectors: dict[str, dict[str, SelectorList]] = Field(default_factory=dict)
    expected_failures: tuple[ExpectedFailureTable, ...] = ()
    expectations: ExpectationsTable = Field(default_factory=ExpectationsTable)
    schedule: ScheduleText = Field(default=None, validate_default=False)


class AlertTable(_Table):
    """`[[alerts]]`: one place to tell when a site's state changes. What is secret may come from the environment."""

    kind: Literal["slack", "feishu", "wecom", "dingtalk", "json", "mail", "command"]
    sites: tuple[str, ...] = ()
    url: SecretStr | None = None
    url_env: str | None = None
    secret: SecretStr | None = None
    secret_env: str | None = None
    command: tuple[str, ...] = ()
    host: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535, strict=True)
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: SecretStr | None = None
    password_env: str | None = None
    sender: str | None = None
    to: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        needed = {"mail": ("host", "sender", "to"), "command": ("command",)}.get(self.kind, ())
        for name in needed:
            if not getattr(self, name):
                raise ValueError(f"kind {self.kind!r} needs {name}")
        if self.kind not in ("mail", "command") and bool(self.url) == bool(self.url_env):
            raise ValueError(f"kind {self.kind!r} needs url or url_env, one of the two")
        return self

    def value(self, name: Literal["url", "secret", "password"]) -> str | None:
        """A secret, from the file or from the environment. Raises ConfigError where the environment lacks it."""
        given: SecretStr | None = getattr(self, name)
        variable: str | None = getattr(self, f"{name}_env")
        if variable is None:
            return given.get_secret_value() if given else None
        if not os.environ.get(variable):
            raise ConfigError(f"alerts: {name}_env names {variable}, which is not set in the environment")
        return os.environ[variable]


class SchedulerTable(_Table):
    """`[scheduler]`: what `birdnest run` does besides."""

    parallel: int = Field(default=2, ge=1, le=64, strict=True)
    listen: Listen | Literal["none"] = "127.0.0.1:9464"


class OtherSitesTable(_Table):
    """`[other_sites]`: what holds for each site that no profile knows and that has no table of its own."""

    delay_seconds: float | None = Field(default=None, ge=0, strict=True)
    image_delay_seconds: float | None = Field(default=None, ge=0, strict=True)
    concurrency: int | None = Field(default=None, ge=1, le=64, strict=True)
    proxy: Proxy | None = None
    user_agent: HeaderText | None = None


class S3Table(_Table):
    """`[s3]`: how to reach an archive in S3, and what to ask of it; what is left out is found as boto3 finds it."""

    endpoint: Origin | None = None
    region: str | None = None
    profile: str | None = None
    addressing: Literal["auto", "path", "virtual"] | None = None
    encryption: Literal["AES256", "aws:kms"] | None = None
    kms_key: str | None = None
    storage_class: str | None = None
    object_lock_days: int | None = Field(default=None, ge=1, strict=True)
    checksums: Literal["when_required", "when_supported"] | None = None
    timeout_seconds: float = Field(default=60, gt=0, strict=True)

    @model_validator(mode="after")
    def _key_needs_kms(self) -> Self:
        if self.kms_key and self.encryption != "aws:kms":
            raise ValueError('kms_key needs encryption = "aws:kms"')
        return self


class Config(_Table):
    """All of birdnest.toml. `birdnest init` writes one with every key explained."""

    archive: str = Field(default_factory=default_archive)
    contact: HeaderText = "no contact given"
    state: Path = Field(default_factory=lambda: user_state_path("birdnest"))
    timeout_seconds: float = Field(default=60, gt=0, strict=True)
    retries: int = Field(default=2, ge=0, le=10, strict=True)
    autothrottle: bool = Field(default=True, strict=True)
    robots: Literal["obey", "ignore"] = "obey"
    raw: Literal["pages", "all", "none"] = "pages"
    check_images: Check = "auto"
    recheck_days: tuple[Annotated[int, Field(ge=1, strict=True)], ...] = Field(default=RECHECK_DAYS, min_length=1)
    single_writer: bool = Field(default=False, strict=True)
    timezone: ZoneName | None = None
    log: Literal["text", "json"] = "text"
    metrics_file: Path | None = None
    scheduler: SchedulerTable = Field(default_factory=SchedulerTable)
    alerts: tuple[AlertTable, ...] = ()
    origins: dict[Origin, Origin] = Field(default_factory=dict)
    rsshub: Instance | None = None
    allow_hosts: tuple[AllowedHost, ...] = ()
    s3: S3Table = Field(default_factory=S3Table)
    sites: dict[str, SiteTable] = Field(default_factory=dict)
    other_sites: OtherSitesTable = Field(default_factory=OtherSitesTable)

    def store_options(self) -> StoreOptions:
        """How to open the archive's store."""
        locks = self.state.expanduser() / "locks"
        return StoreOptions(**self.s3.model_dump(), single_writer=self.single_writer, locks=locks)

    def zone(self) -> tzinfo:
        """The zone that schedules are in."""
        return ZoneInfo(self.timezone) if self.timezone else get_localzone()

    def schedules(self) -> dict[str, Schedule]:
        """The schedules of the sites that have one."""
        given = {slug: self.schedule(slug) for slug in self.sites}
        return {slug: schedule for slug, schedule in given.items() if schedule is not None}

    def schedule(self, slug: str) -> Schedule | None:
        """A site's schedule; None where it has none."""
        told = self.sites[slug].schedule if slug in self.sites else None
        return None if told is None else parse_schedule(told)

    def due_at(self, slug: str, last_began: datetime | None, *, now: datetime) -> datetime | None:
        """When a site's next run is due, within its nice hours; None without a schedule."""
        schedule = self.schedule(slug)
        if schedule is None:
            return None
        due = schedule.due_at(last_began, now=now, zone=self.zone())
        hours = self.site_table(slug).nice_hours
        local = max(due, now).astimezone(ZoneInfo(self.site(slug).timezone))
        if hours is None or NiceHours.parse(hours).hold(local):
            return due
        return NiceHours.parse(hours).next_begin(local).astimezone(UTC)

    def site_table(self, slug: str) -> SiteTable:
        if slug in self.sites or slug in all_sites():
            return self.sites.get(slug, SiteTable())
        return SiteTable(**self.other_sites.model_dump())

    def site(self, slug: str) -> SiteProfile:
        """A site's profile with the user's changes. Raises ConfigError for changes that do not fit it.

        A slug that is no known site's is a host's, see `crawler.unknown`.
        """
        site, table = profile_of(slug), self.site_table(slug)
        if site is None:
            raise ConfigError(f"sites.{slug}: no such site, known are: {', '.join(all_sites())}")
        for name in set(table.lists) - set(site.templates):
            known = ", ".join(sorted(site.templates)) or "none"
            raise ConfigError(f"sites.{slug}.lists.{name}: {site.title} has no such lists, known are: {known}")
        try:
            site = with_selectors(site, table.selectors)
        except KeyError as error:
            kinds, fields = ", ".join(kind.name for kind in site.kinds), ", ".join(FIELDS)
            raise ConfigError(
                f"sites.{slug}.selectors.{error.args[0]}: unknown key: kinds are {kinds}; fields are {fields}; "
                f"the parts of {LISTING} are {', '.join(LIST_PARTS)}"
            ) from None
        site = _with_table(site, table)
        return replace(site, listings=self._listings(site, table))

    def _listings(self, site: SiteProfile, table: SiteTable) -> tuple[Listing, ...]:
        """A site's listings: those of the profile, then those of the user; routes of RSSHub at the user's instance."""
        added: tuple[tuple[str, tuple[str, ...], Shape], ...] = (
            ("feeds", table.feeds, Feed()),
            ("sitemaps", table.sitemaps, Sitemap()),
            ("url_lists", table.url_lists, UrlList()),
        )
        found = [self.resolved(listing) for listing in site.listings]
        for key, urls, shape in added:
            for url in urls:
                listing = self.resolved(Listing(channel="", url=url, shape=shape))
                if listing is None:
                    raise ConfigError(f"sites.{site.slug}.{key}: {url}: {NO_INSTANCE}")
                found.append(listing)
        return tuple(listing for listing in found if listing is not None)

    def resolved(self, listing: Listing) -> Listing | None:
        """A listing with the address at which it is asked for; None for a route of RSSHub without an instance."""
        if not listing.url.startswith(RSSHUB):
            return listing
        if self.rsshub is None:
            return None
        # RSSHub puts a whole article into the description.
        shape = replace(listing.shape, full_text="description") if listing.shape == Feed() else listing.shape
        return replace(listing, url=f"{self.rsshub}{listing.url.removeprefix(RSSHUB)}", shape=shape)


def _with_table(site: SiteProfile, table: SiteTable) -> SiteProfile:
    declared = tuple(ExpectedFailure(reason=f.reason, url=f.url, what=f.what) for f in table.expected_failures)
    changes = {name: value for name, value in table.expectations if value is not None}
    expectations = replace(site.expectations, **changes, failures=site.expectations.failures + declared)
    return replace(
        site,
        expectations=expectations,
        delay_seconds=_given(table.delay_seconds, site.delay_seconds),
        image_delay_seconds=_given(table.image_delay_seconds, site.image_delay_seconds),
        concurrency=int(_given(table.concurrency, site.concurrency)),
        depth=int(_given(table.depth, site.depth)),
        image_referer=site.image_referer if table.image_referer is None else table.image_referer,
    )


def _given(value: float | None, default: float) -> float:
    return default if value is None else value


def load_config(path: Path | None = None) -> Config:
    """The configuration of a file; without a path that of $BIRDNEST_CONFIG, of ./birdnest.toml, else the defaults.

    Raises ConfigError for a file that is not there, is no TOML, or has a key that is unknown or of the wrong type.
    """
    named = path or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
    file = named or Path(FILE_NAME)
    if not file.exists():
        if named is not None:
            raise ConfigError(f"{file}: there is no such file: `birdnest init` writes one")
        return Config()
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{file}: {error}") from error
    return parse_config(values, str(file))


def parse_config(values: dict[str, Any], name: str) -> Config:
    """The configuration of a parsed TOML document; `name` says in errors where it came from. Raises ConfigError."""
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{name}: {'; '.join(_explain(e) for e in error.errors())}") from None
    for number, alert in enumerate(config.alerts):
        for slug in alert.sites:
            if slug not in all_sites() and slug not in config.sites:
                raise ConfigError(f"{name}: alerts.{number}.sites: no such site: {slug}")
    for slug in config.sites:
        # Without a dot it is a name mistyped more likely than that of a host.
        if slug not in all_sites() and "." not in (host_of_slug(slug) or ""):
            raise ConfigError(f"{name}: sites.{slug}: no such site, known are: {', '.join(all_sites())}")
        try:
            config.site(slug)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
    return config


def _explain(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"] if part != "[key]")
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key: correct or remove it (`birdnest init` shows all keys)"
    expected = error["msg"].removeprefix("Value error, ").replace("dictionary", "table").replace("tuple", "list")
    if error["loc"][0] == "alerts":
        return f"{key}: {expected}"  # what was found may hold a token or a password
    found = re.sub(r"//[^/?#\s]*@", "//", repr(error["input"]))  # without the user and password of a proxy
    return f"{key}: {expected}, found {found}"


def _authority(url: str) -> str:
    """An address's host and port, as an entry of `allow_hosts`."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{port_of(url)}"


_PROXIED = frozenset({"http", "https"})


def scrapy_settings(config: Config, site: SiteProfile) -> dict[str, Any]:
    """What a configuration means to Scrapy for one site, on top of crawler/settings.py."""
    from urllib.request import getproxies  # late: it brings http.client

    table = config.site_table(site.slug)
    slot = {"delay": site.delay_seconds, "concurrency": site.concurrency}
    return {
        "BIRDNEST_ARCHIVE": config.archive,
        "BIRDNEST_ORIGINS": dict(config.origins),
        # An instance of the user's own may be anywhere.
        "BIRDNEST_ALLOW_HOSTS": [*config.allow_hosts, *([_authority(config.rsshub)] if config.rsshub else [])],
        "BIRDNEST_PROXY": table.proxy,
        # Else the middleware looks through the environment for each page, to find none.
        "HTTPPROXY_ENABLED": table.proxy is not None or not _PROXIED.isdisjoint(getproxies()),
        "BIRDNEST_ROBOTS": config.robots == "obey",
        "BIRDNEST_STORE": asdict(config.store_options()),
        "BIRDNEST_STATE": str(config.state.expanduser()),
        "BIRDNEST_RAW": config.raw,
        "BIRDNEST_CHECK_IMAGES": config.check_images,
        "BIRDNEST_RECHECK_DAYS": list(config.recheck_days),
        "USER_AGENT": table.user_agent or USER_AGENT.format(version=version("birdnest"), contact=config.contact),
        "DOWNLOAD_TIMEOUT": config.timeout_seconds,
        "RETRY_TIMES": config.retries,
        "AUTOTHROTTLE_ENABLED": config.autothrottle,
        "AUTOTHROTTLE_START_DELAY": site.image_delay_seconds,
        # Hosts of the site have slots of their own; every other host is one of images.
        "DOWNLOAD_DELAY": site.image_delay_seconds,
        "DOWNLOAD_SLOTS": dict.fromkeys(site.page_hosts, slot),
        "BIRDNEST_IMAGE_REFERER": site.image_referer,
        "CONCURRENT_REQUESTS_PER_DOMAIN": max(site.concurrency, 4),
    }


TEMPLATE = """\
# Configuration of Birdnest. Every key is shown with its default; remove the # to change one.

# Where posts are archived: a folder, or s3://bucket/prefix (credentials, region and endpoint are found as by any
# AWS tool: AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL …).
# archive = "./archive"

# How a site's owner reaches you; part of the user agent. An address or a URL.
# contact = "no contact given"

# Crawl state: the frontier (which URLs are known, and when each is due), leases, captures under way, pages that gave no
# post. The default is the user's state folder. What is lost of it is rebuilt from the archive.
# state = "~/.local/state/birdnest"

# What to keep of the HTTP exchanges, as WARC: "pages" (and lists), "all" (images and robots.txt, too), or "none".
# raw = "pages"

# How an image is seen to be whole: "decode" reads its pixels to the end; "structure" its markers, lengths and sums, for
# a fiftieth of the CPU, and decodes what those do not vouch for; "auto" leaves to their structure those kinds of which
# it tells as much (JPEG, PNG). `birdnest verify --full` decodes in any case.
# check_images = "auto"

# Days after which a post that did not change is looked at again; the last number repeats. What a list tells to have
# changed is fetched at once.
# recheck_days = [1, 3, 7, 30, 90]

# Seconds until a request counts as failed, and how often it is tried again.
# timeout_seconds = 60
# retries = 2

# Slow down when a site answers slowly. Answers of 429 and 5xx always slow it down.
# autothrottle = true

# robots.txt: "obey", or "ignore" for sites that are yours.
# robots = "obey"

# Only this host ever writes to the archive. Needed only where the store cannot keep two writers apart:
# `birdnest doctor` tells.
# single_writer = false

# An instance of RSSHub, for lists such as "rsshub:/niaogebiji/cat/103".
# rsshub = "http://127.0.0.1:1200"
# Hosts that may be fetched from though they are not on the public Internet: names, name:port, addresses, or networks.
# What `origins` leads to, and the proxies, need no entry.
# allow_hosts = ["intranet.example", "10.1.2.3:8080", "198.18.0.0/15"]

# The zone of schedules; the default is this machine's.
# timezone = "Asia/Shanghai"

# What is logged: "text", or "json": one object a line, with site, run and URL.
# log = "text"

# After each crawl, a file for the textfile collector of Prometheus' node_exporter.
# metrics_file = "/var/lib/prometheus/node-exporter/birdnest.prom"

# How to reach an archive in S3, and what to ask of it. What is left out is found as boto3 finds it.
# [s3]
# endpoint = "https://s3.example.com"    # of another maker than AWS
# region = "eu-central-1"
# profile = "archive"                    # of ~/.aws/config
# addressing = "auto"                    # or "path", "virtual": the bucket in the path or in the host's name
# encryption = "aws:kms"                 # or "AES256"; without it, as the bucket says
# kms_key = "alias/archive"
# storage_class = "STANDARD_IA"
# object_lock_days = 365                 # governance mode, from the day of writing; the bucket must have Object Lock
# checksums = "when_required"            # or "when_supported": request_checksum_calculation of other AWS tools
# timeout_seconds = 60                   # until an unanswered request counts as failed

# `birdnest run`, the scheduler in the foreground.
# [scheduler]
# parallel = 2                 # sites crawled at a time
# listen = "127.0.0.1:9464"    # where it answers /metrics and /healthz; "none": nowhere

# Who is told when a site's state changes, once for each change. Several are several [[alerts]]. url, secret and
# password may come from the environment: url_env = "NAME" …
# [[alerts]]
# kind = "slack"               # or "feishu", "wecom", "dingtalk", "json"
# url_env = "BIRDNEST_WEBHOOK"
# secret_env = "BIRDNEST_WEBHOOK_SECRET"   # of feishu and dingtalk, where their robot signs
# sites = ["niaogebiji"]       # these alone; the default is all
# [[alerts]]
# kind = "mail"
# host = "smtp.example.org"
# port = 587
# encryption = "starttls"      # or "tls", "none"
# user = "birdnest"
# password_env = "BIRDNEST_MAIL_PASSWORD"
# sender = "birdnest@example.org"
# to = ["me@example.org"]
# [[alerts]]
# kind = "command"             # gets the text on its standard input, and BIRDNEST_… in its environment
# command = ["/usr/local/bin/page-me"]

# Send an origin elsewhere, as curl's --connect-to does: for tests, mirrors and tunnels. The canonical address is
# what is stored.
# [origins]
# "https://www.niaogebiji.com" = "http://127.0.0.1:8000"

# Sites that no profile knows, by `birdnest archive URL` and `birdnest crawl --feed URL`; one of them has a table of
# its own under [sites.…], too: www.my-site.example is [sites.www-my--site-example].
# [other_sites]
# delay_seconds = 2.0
# image_delay_seconds = 0.25
# concurrency = 2
# proxy = "http://user:password@proxy.example:3128"
# user_agent = "MyArchiver/1.0 (me@example.org)"

# [sites.niaogebiji]
# feeds = ["https://www.example.com/feed", "rsshub:/niaogebiji/cat/103"]   # more to read for posts of this site
# sitemaps = ["https://www.example.com/sitemap.xml"]
# url_lists = ["https://www.example.com/links.txt"]      # text, CSV, OPML, browsers' bookmarks
# delay_seconds = 2.0          # between two requests to one host of the site
# image_delay_seconds = 0.25   # the same for its image hosts
# concurrency = 2              # requests to one host at a time
# depth = 1                    # the most pages of each list to read
# proxy = "http://user:password@proxy.example:3128"
# user_agent = "MyArchiver/1.0 (me@example.org)"   # replaces Birdnest's own
# image_referer = "https://www.niaogebiji.com/"    # for image hosts that refuse requests without one; most refuse any
# nice_hours = "01:00-06:30"   # crawl only then, by the site's clock; also "22:00-02:00, 12:00-13:00"
# schedule = "15 */6 * * *"    # for `birdnest crawl --due` and `birdnest run`; or { every = "6h" }
#
# [sites.niaogebiji.expectations]  # a run below these ends with exit code 4; the defaults are the profile's
# min_found = 5
# min_links = 1                # posts that the first page of each list names
# min_characters = 20          # median length of the posts that were read
# min_dated_share = 0.8        # of these posts: with a date
# min_authored_share = 0.0     # with an author
# min_illustrated_share = 0.0  # with images
# max_missing_images_share = 0.5
# max_failed_share = 0.5
# max_newest_age_days = 14
# max_drop_share = 0.5         # how far a figure may fall below the last ten runs; 1 switches the comparison off
# compare_since = 2026-11-25   # after a change of the site that is to stay
#
# [sites.niaogebiji.lists]     # more lists to read
# categories = ["102"]
# tags = ["支付宝"]
#
# [sites.niaogebiji.selectors.article]   # tried instead of the built-in ones; CSS, or XPath after xpath:
# title = "h1.title"
# body = [".pc_content", "#js_content"]
#
# [sites.niaogebiji.selectors.listing]   # the same for HTML lists: item, and inside it link, title, published …
# item = "div.articleBox"
# link = "a::attr(href)"
#
# [[sites.niaogebiji.expected_failures]]  # does not fail a run
# reason = "http-404"
# url = "/article-123-"
# what = "post"                # or "listing"
"""
