"""robots.txt as RFC 9309 has it, for pages and images alike, and its Crawl-delay as the least delay of its host.

Scrapy's own middleware ignores the status of robots.txt, so a server in trouble means "allowed" to it. Here (RFC
9309, 2.3.1): 2xx is parsed, 4xx means allowed, 5xx and no answer mean disallowed; redirects are followed.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from protego import Protego
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http.request import NO_CALLBACK

from crawler.ending import RunEnding
from crawler.report import RunReporter
from crawler.throttle import Throttle
from pipelines.images import INTERRUPTED, failure_reason

_OK = 200
_MAX_BYTES = 512 * 1024
_PRIORITY = 1000


class RobotsDisallowed(IgnoreRequest):
    """A request that robots.txt does not allow. `reason` is the code the report lists it under."""

    reason = "robots-disallowed"


def robots_rules(status: int, body: bytes) -> Protego:
    """The rules of a robots.txt answer (status 0: no answer).

    >>> robots_rules(404, b"").can_fetch("https://example.com/a", "Birdnest")
    True
    >>> robots_rules(503, b"").can_fetch("https://example.com/a", "Birdnest")
    False
    """
    if 200 <= status < 300:  # noqa: PLR2004 - success
        return Protego.parse(body[:_MAX_BYTES].decode("utf-8-sig", "replace"))
    if 400 <= status < 500:  # noqa: PLR2004 - client error: there is none
        return Protego.parse("")
    return Protego.parse("User-agent: *\nDisallow: /\n")


def robots_name(user_agent: str) -> str:
    """What a user agent is called in robots.txt: our product token (RFC 9309, 2.2.1), or the whole of a user's own.

    Protego looks for a group's name anywhere in it, so a comment would answer for others: a group `archiver` is not
    about us, nor one that the contact's address happens to contain.

    >>> robots_name("Birdnest/0.1.0 (article archiver; someone@example.com)")
    'Birdnest'
    """
    return "Birdnest" if user_agent.startswith("Birdnest/") else user_agent


class RobotsUnavailable(IgnoreRequest):
    """A request whose host did not give its robots.txt, which means no; `reason` is why not."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class RobotsMiddleware:
    """Drops requests that the host's robots.txt does not allow; one fetch of it for each origin and run."""

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("BIRDNEST_ROBOTS"):
            raise NotConfigured
        self._crawler = crawler
        self._agent = robots_name(crawler.settings["USER_AGENT"])
        self._rules: dict[str, asyncio.Task[tuple[int | str, Protego]]] = {}
        self._whys: dict[str, str] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RobotsMiddleware:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        if not request.meta.get("birdnest_robots"):
            await self.require(request.url)

    async def require(self, url: str) -> None:
        """Raise RobotsDisallowed, RobotsUnavailable or RunEnding for a URL that may not be asked for."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            return
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            self._rules[origin] = asyncio.ensure_future(self._fetch(origin))
        # Shielded: one who gives up takes it from nobody else.
        status, rules = await asyncio.shield(self._rules[origin])
        if status == INTERRUPTED:
            raise RunEnding(f"{origin}/robots.txt: the run ends")
        if isinstance(status, str):
            raise RobotsUnavailable(status, f"{origin}/robots.txt: {status}: {self._whys[origin]}")
        if not rules.can_fetch(url, self._agent):
            why = "does not allow it" if 200 <= status < 300 else f"answered {status}, which means no"  # noqa: PLR2004
            raise RobotsDisallowed(f"{url}: {origin}/robots.txt {why}")

    def _heed(self, host: str, rules: Protego) -> None:
        delay, throttle = rules.crawl_delay(self._agent), self._crawler.get_extension(Throttle)
        if delay and throttle is not None:
            throttle.ask_for(host, float(delay))

    async def _fetch(self, origin: str) -> tuple[int | str, Protego]:
        request = Request(
            f"{origin}/robots.txt", priority=_PRIORITY, meta={"birdnest_robots": True}, callback=NO_CALLBACK
        )
        engine = self._crawler.engine
        if engine is None:
            raise AssertionError("middlewares run inside an engine")
        try:
            response = await engine.download_async(request)
        except Exception as error:  # noqa: BLE001 - whatever keeps robots.txt from us means "no" (RFC 9309, 2.3.1.4)
            self._whys[origin] = str(error) or type(error).__name__
            return failure_reason(error), robots_rules(0, b"")
        if response.status == _OK and response.body.lstrip()[:1] == b"<":
            reporter = self._crawler.get_extension(RunReporter)
            if reporter is not None:
                reporter.note(f"{origin}/robots.txt is a page and no robots.txt: what it says is taken for no rule")
        rules = robots_rules(response.status, response.body)
        self._heed(urlsplit(origin).hostname or "", rules)
        return response.status, rules
