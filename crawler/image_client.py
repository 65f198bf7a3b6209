"""Images, fetched beside Scrapy's engine by all rules that hold inside it.

Most requests of a crawl are for images, and of these little is wanted: their bytes. So they do without the engine, its
signals and its middlewares, which cost more CPU than all else that is done for an image. What is asked of a request
stays the same, in the same order: whether the run ends, the guard, robots.txt, the host's turn among all runs of the
user, its delay and back-off, limits, redirects (each a request of its own), retries, and the capture where all is
captured. A host's images are a queue of their own beside its pages, of as many connections; the delay is common.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from scrapy import signals
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from w3lib.url import safe_url_string

from archive.encodings import decode
from crawler.capture import Exchange
from crawler.compression import ACCEPTED, BadEncoding
from crawler.ending import Ending
from crawler.guard import AddressRefused, Guard, GuardedResolver, proxy_address, target
from crawler.limits import IMAGE_BYTES, LARGE_BYTES, UNPACKED_BYTES, TooLarge
from crawler.pace import Pace
from crawler.robots import RobotsMiddleware
from crawler.state import CrawlState
from crawler.throttle import Throttle
from crawler.transfer import Answer, Ask, BodyTooLarge, TransferFailed
from pipelines.images import Place
from pipelines.userinfo import without_userinfo

if TYPE_CHECKING:
    from crawler.libcurl import Transfers

_OK = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAMES_SECONDS = 60.0
"""How long a name's addresses are used again, as browsers and libcurl do."""
_MOST_HOSTS = 1000
_CONNECTIONS = 64
PLAIN_URL = re.compile(
    r"https?://[a-z0-9]+(?:[.-][a-z0-9]+)*(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?/[A-Za-z0-9._~/-]*(?:\?[A-Za-z0-9._~/=&-]+)?"
)
"""One that needs no look: it is asked for as it is, as is most of what the cleaner gives."""
_NOT_RETRIED = frozenset({"too-large", "address-refused"})


class RedirectLoop(IgnoreRequest):
    """More redirects than a browser would follow."""

    reason = "redirect-loop"


class BadAddress(IgnoreRequest):
    """What a page or a redirect names is no URL."""

    reason = "download-failed"


class Refused(IgnoreRequest):
    """An answer that is no image: its status says so."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url}: {status}")
        self.reason = f"http-{status}"


@dataclass(frozen=True, kw_only=True)
class _Way:
    """How requests of one origin go: where they are sent, to which host and port, and through which proxy, if any.

    `is_looked_up`: the resolver might let the host through for another's sake, so each time it is looked at.
    """

    origin: str
    host: str
    netloc: str
    there: str
    to: tuple[str, int]
    proxy: str
    is_looked_up: bool


@dataclass
class _Host:
    """One host's queue: its delay, as Scrapy's downloader has it, who waits for a turn, and who has a connection."""

    slot: Slot
    has_pages: bool
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    connections: asyncio.Semaphore = field(init=False)
    askers: int = 0

    def __post_init__(self) -> None:
        self.connections = asyncio.Semaphore(self.slot.concurrency)

    @property
    def is_idle(self) -> bool:
        return self.askers == 0


class ImageClient:
    """A Scrapy extension; `fetch` gives an image's bytes."""

    _resolver: GuardedResolver

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self._crawler = crawler
        self._guard = Guard.of(crawler)
        self._pace = Pace(Path(settings["BIRDNEST_STATE"]))
        self._hosts: OrderedDict[str, _Host] = OrderedDict()
        self._ways: OrderedDict[str, _Way] = OrderedDict()
        self._names: OrderedDict[tuple[str, int], tuple[float, Sequence[str]]] = OrderedDict()
        self._large = asyncio.Lock()
        self._seconds: float = settings.getfloat("DOWNLOAD_TIMEOUT")
        self._retries: int = settings.getint("RETRY_TIMES")
        self._retried = frozenset(map(int, settings.getlist("RETRY_HTTP_CODES")))
        self._redirects: int = settings.getint("REDIRECT_MAX_TIMES")
        self._proxy: str | None = settings.get("BIRDNEST_PROXY")
        self._proxies = getproxies()
        referer: str = settings.get("BIRDNEST_IMAGE_REFERER") or ""
        # Image hosts refuse foreign referers, and hardly one refuses none; a site's profile names what that one wants.
        self._headers = {
            "Accept": "*/*",
            **settings.getdict("DEFAULT_REQUEST_HEADERS"),
            "User-Agent": settings["USER_AGENT"],
            "Accept-Encoding": ACCEPTED,
            **({"Referer": referer} if referer else {}),
        }
        self._robots: RobotsMiddleware | None = None
        self._throttle: Throttle | None = None
        self._ending: Ending | None = None
        self._state: CrawlState | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        client = cls(crawler)
        crawler.signals.connect(client._begin, signal=signals.engine_started)
        crawler.signals.connect(client._end, signal=signals.engine_stopped)
        return client

    def resolve_by(self, resolver: GuardedResolver) -> None:
        """Take the reactor's resolver, from the download handler, which has the reactor."""
        self._resolver = resolver

    def _begin(self) -> None:
        self._robots = self._crawler.get_downloader_middleware(RobotsMiddleware)
        self._throttle = self._crawler.get_extension(Throttle)
        self._ending = self._crawler.get_extension(Ending)
        self._state = self._crawler.get_extension(CrawlState)

    async def _end(self) -> None:
        if "_transfers" in vars(self):
            await self._transfers.close()

    @cached_property
    def _transfers(self) -> Transfers:
        from crawler.libcurl import Transfers  # late: a run that finds nothing new fetches no image

        return Transfers(self._resolver.may_connect, connections=_CONNECTIONS)

    async def fetch(self, url: str, place: Place) -> bytes:
        """The bytes of an image, whose place is taken when its host's turn has come, and is then held.

        Raises IgnoreRequest with the `reason` of the miss.
        """
        if self._ending is None:
            return await self._fetch(url, place)
        return await self._ending.within(self._fetch(url, place))

    async def _fetch(self, url: str, place: Place) -> bytes:
        redirects = retries = 0
        url = _address(url)
        while True:
            # Who waits for a connection holds no place: those who have one may be waiting for a place.
            place.leave()
            try:
                answer = await self._ask(url, place)
            except TransferFailed as error:
                if retries == self._retries or error.reason in _NOT_RETRIED:
                    raise
                retries += 1
                continue
            if answer.status in self._retried and retries < self._retries:
                retries += 1
                continue
            leads_to = _location(url, answer)
            if leads_to is None:
                break
            redirects += 1
            if redirects > self._redirects:
                raise RedirectLoop(f"{url}: more than {self._redirects} redirects")
            url = leads_to
        if answer.status != _OK:
            raise Refused(url, answer.status)
        return _body(url, answer)

    async def _ask(self, url: str, place: Place) -> Answer:
        """One request and its answer, of any status, when it may be made and its host's turn has come."""
        way = self._way(url)
        if self._robots is not None:
            await self._robots.require(url)
        host = self._host(way.host)
        host.askers += 1
        try:
            async with host.connections:
                answer = await self._ask_in_turn(url, way, host, LARGE_BYTES, place)
                if answer is None:
                    # It is large: read when no other large one is, so that many of them are not in memory together.
                    place.leave()
                    async with self._large:
                        answer = await self._ask_in_turn(url, way, host, IMAGE_BYTES, place)
        finally:
            host.askers -= 1
        if answer is None:
            raise TooLarge(f"{url}: more than {IMAGE_BYTES} bytes")
        return answer

    async def _ask_in_turn(self, url: str, way: _Way, host: _Host, most: int, place: Place) -> Answer | None:
        """An answer; None where it is larger than allowed."""
        await self._turn(way.host, host, place)
        if self._ending is not None:
            self._ending.require_time(url)
        ask = await self._prepare(url, way, most)
        self._count("downloader/request_count")
        try:
            answer = await self._transfers.get(ask)
        except BodyTooLarge:
            return None
        self._count("downloader/response_count")
        self._count("downloader/response_bytes", len(answer.body) + sum(map(len, answer.head)))
        self._tell(way.host, host.slot, answer)
        await self._capture(url, ask, answer)
        return answer

    async def _turn(self, name: str, host: _Host, place: Place) -> None:
        """Wait for the host's turn, and for a place: one after the other where there is a delay.

        Of those who wait for a slow host one alone holds a place: moments are reserved for who is next.
        """
        await self._pace.turn(name, 0.0)
        if self._delay(name, host) <= 0:
            await place.take()
            return
        async with host.turn:
            await place.take()
            # By now the host may have recovered, or want to be asked more slowly.
            await self._pace.turn(name, self._delay(name, host))

    def _delay(self, name: str, host: _Host) -> float:
        """The seconds between requests to a host."""
        floor = self._throttle.floor(name) if self._throttle is not None else 0.0
        pages = self._crawler.engine.downloader.slots.get(name) if self._crawler.engine is not None else None
        # Of another host there was no page, but robots.txt.
        return max(host.slot.delay, floor, pages.delay if pages is not None and host.has_pages else 0.0)

    def _host(self, name: str) -> _Host:
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = self._new_host(name)
            self._forget_hosts()
        self._hosts.move_to_end(name)
        return host

    def _new_host(self, name: str) -> _Host:
        settings = self._crawler.settings
        own = settings.getdict("DOWNLOAD_SLOTS").get(name, {})
        delay = own.get("delay", settings.getfloat("DOWNLOAD_DELAY"))
        concurrency = own.get("concurrency", settings.getint("CONCURRENT_REQUESTS_PER_DOMAIN"))
        return _Host(slot=Slot(int(concurrency), float(delay), 0.0), has_pages=bool(own))

    def _forget_hosts(self) -> None:
        """Hosts that nobody waits for, the longest unasked first, where there are many."""
        for name, host in list(self._hosts.items())[: max(0, len(self._hosts) - _MOST_HOSTS)]:
            if host.is_idle:
                del self._hosts[name]

    def _way(self, url: str) -> _Way:
        """The way of a URL's requests. Raises AddressRefused where the guard lets none go."""
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = None
        origin = f"{parts.scheme}://{parts.netloc}" if parts is not None else ""
        way = self._ways.get(origin)
        if way is None or parts is None:
            self._guard.require(url)
            proxy = self._proxy_of(url)
            if proxy:
                self._resolver.allow([proxy_address(proxy)])
            there = self._guard.way(f"{origin}/").removesuffix("/")
            parts = urlsplit(url)
            way = _Way(
                origin=origin,
                host=parts.hostname or "",
                netloc=parts.netloc,
                there=there,
                to=target(proxy or there),
                proxy=proxy,
                is_looked_up=bool(proxy) or self._guard.needs_lookup(url),
            )
            self._ways[origin] = way
            if len(self._ways) > _MOST_HOSTS:
                self._ways.popitem(last=False)
        return way

    async def _prepare(self, url: str, way: _Way, most: int) -> Ask:
        """A request that goes where the guard lets it."""
        if way.is_looked_up:
            await self._guard.look_up(url, self._resolver)
        return Ask(
            url=way.there + url.removeprefix(way.origin),
            to=await self._addresses(way),
            port=way.to[1],
            headers=[("Host", way.netloc), *self._headers.items()],
            most_bytes=most,
            timeout_seconds=self._seconds,
            proxy=way.proxy,
        )

    def _proxy_of(self, url: str) -> str:
        """The proxy that birdnest.toml names for the site, or the environment for all."""
        if self._proxy:
            return self._proxy if "://" in self._proxy else f"http://{self._proxy}"
        parts = urlsplit(url)
        found = self._proxies.get(parts.scheme, "")
        if not found or proxy_bypass(parts.hostname or ""):
            return ""
        return found if "://" in found else f"http://{found}"

    async def _addresses(self, way: _Way) -> Sequence[str]:
        """Where to connect to. Raises AddressRefused, TransferFailed where the host has no address."""
        known = self._names.get(way.to)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        found = [str(address) for address in await self._resolver.admitted(*way.to)]
        if not found:
            why = self._resolver.why_refused(way.proxy or way.there)
            if why is not None:
                raise AddressRefused(f"{way.origin}: {why}")
            raise TransferFailed("unreachable", f"{way.to[0]} has no address")
        self._names[way.to] = (time.monotonic() + _NAMES_SECONDS, found)
        while len(self._names) > _MOST_HOSTS:
            self._names.popitem(last=False)
        return found

    def _count(self, name: str, by: int = 1) -> None:
        if self._crawler.stats is not None:
            self._crawler.stats.inc_value(name, by)

    def _tell(self, name: str, slot: Slot, answer: Answer) -> None:
        """Let delays adapt to what the host answered."""
        if self._throttle is not None:
            self._throttle.heard(name, slot, answer.status, answer.latency_seconds, answer.header("retry-after"))

    async def _capture(self, url: str, ask: Ask, answer: Answer) -> None:
        if self._state is None or not self._state.captures(of_page=False):
            return
        exchange = Exchange(
            method="GET",
            url=url,
            request_headers=ask.headers,
            request_body=b"",
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            at=self._state.now(),
            # That of a stand-in, or of a proxy, is nobody's business.
            address=answer.address if ask.url == url and not ask.proxy else None,
        )
        await self._state.capture(exchange)


def _address(url: str, base: str = "") -> str:
    """A URL as it is asked for. Raises BadAddress where it is none."""
    if not base and PLAIN_URL.fullmatch(url):
        return url
    try:
        safe = without_userinfo(safe_url_string(url))
        found = without_userinfo(safe_url_string(urljoin(base, safe))) if base else safe
        _ = urlsplit(found).port
    except ValueError as error:
        raise BadAddress(f"{base or without_userinfo(url)}: no address of the web: {error}") from error
    return found


def _location(url: str, answer: Answer) -> str | None:
    """Where an answer leads to; None where it leads nowhere on the web."""
    location = answer.header("location")
    if location is None or answer.status not in _REDIRECTS:
        return None
    leads_to = _address(location.encode("latin-1").decode("utf-8", "replace"), url)
    return leads_to if urlsplit(leads_to).scheme in ("http", "https") else None


def _body(url: str, answer: Answer) -> bytes:
    """The bytes without their content encodings, within the limit."""
    encodings = tuple(name.strip().lower() for name in ",".join(answer.values("content-encoding")).split(","))
    if not any(encodings):
        return answer.body
    try:
        return decode(answer.body, encodings, UNPACKED_BYTES)
    except OverflowError as error:
        raise TooLarge(f"{url}: {error}") from error
    except ValueError as error:
        raise BadEncoding(f"{url}: {error}") from error
