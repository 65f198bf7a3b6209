"""The guard: a crawl connects to public addresses alone, whatever names, redirects and resolvers say.

What is checked, and where
--------------------------
1. A request's URL, before anything is asked for its sake (`Guard.require`): its scheme, and its host where that spells
   an address or a local name. Redirects are requests of their own, as are robots.txt and images.
2. Every answer of the resolver, at the moment of a connection (`GuardedResolver`): the endpoint connects to the very
   addresses that were let through, and asks nobody again, so an answer that changes has no one to deceive.
3. The peer of a connection, before a byte is sent (`crawler.limits`).

Allowed is what birdnest.toml names: the target of an entry in `origins`, for requests to its canonical origin alone;
the proxies; and `allow_hosts`. Through a proxy, names are resolved by the proxy: its address is the one allowed, and
the URL's host is checked by its name, and by resolution here where our resolver knows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from twisted.internet.interfaces import IAddress, IHostnameResolver, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from crawler.networks import Address, Allowed, literal, local_name, plain_host, port_of, refusal
from pipelines.userinfo import without_userinfo

_ADVICE = "if it is yours, name it in `allow_hosts` of birdnest.toml"
_LOOKUP_SECONDS = 10.0


class AddressRefused(IgnoreRequest):
    """A request that would lead to an address or by a scheme that is none of the web's."""

    reason = "address-refused"


class Guard:
    """What one crawl may ask for. `origins` maps canonical origins to their targets."""

    def __init__(self, *, origins: dict[str, str], allow_hosts: Sequence[str] = ()) -> None:
        self._origins = origins
        self._hosts = tuple(map(Allowed.parse, allow_hosts))
        self._targets = frozenset(target(url) for url in origins.values())

    @classmethod
    def of(cls, crawler: Crawler) -> Self:
        settings = crawler.settings
        return cls(origins=settings.getdict("BIRDNEST_ORIGINS"), allow_hosts=settings.getlist("BIRDNEST_ALLOW_HOSTS"))

    @property
    def allowed(self) -> Iterable[Allowed]:
        """What the resolver has to let through for this crawl, proxies left aside."""
        return (*self._hosts, *(Allowed(host=host, port=port) for host, port in sorted(self._targets)))

    def require(self, url: str) -> None:
        """Raise AddressRefused for a URL that leads off the web by its scheme or by its very host."""
        try:
            parts = urlsplit(url)
            host, port = plain_host(parts.hostname or ""), port_of(url)
        except ValueError as error:
            raise AddressRefused(f"{without_userinfo(url)}: no address of the web: {error}") from error
        if parts.scheme not in ("http", "https") or not host:
            raise AddressRefused(f"{without_userinfo(url)}: only http and https are fetched")
        if f"{parts.scheme}://{parts.netloc}" in self._origins:
            return
        address = literal(host)
        if any(each.covers(str(address) if address else host, port, address) for each in self._hosts):
            return
        why = refusal(address) if address is not None else _LOCAL if local_name(host) else None
        if why is not None:
            raise AddressRefused(f"{url}: {host} is {why}: {_ADVICE}")

    def way(self, url: str) -> str:
        """Where a request for a URL goes: there, or where its origin is sent."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        there = self._origins.get(origin)
        return url if there is None else there + url.removeprefix(origin)

    def needs_lookup(self, url: str) -> bool:
        """Whether the resolver would let a URL's host through for another's sake, so that it is to be looked at."""
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc}" not in self._origins and target(url) in self._targets

    async def look_up(self, url: str, resolver: GuardedResolver) -> None:
        """Raise AddressRefused when a URL's host, by our own resolver, is at an address that is not for it."""
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" not in self._origins:
            self.require_addresses(url, await resolver.lookup(parts.hostname or ""))

    def require_addresses(self, url: str, addresses: Iterable[Address]) -> None:
        """Raise AddressRefused when a URL's host has one of these addresses and may not. Without any, all is well."""
        host, port = target(url)
        for address in addresses:
            why = refusal(address)
            if why and not any(each.covers(host, port, address) for each in self._hosts):
                raise AddressRefused(f"{url}: {host} is at {address}, which is {why}: {_ADVICE}")


_LOCAL = "a name of the local network"


class GuardMiddleware:
    """Refuses what `Guard.require` refuses before robots.txt is asked for its sake; drops user and password from URLs.

    What a page or a redirect puts before a host is no secret of ours to send, and is not to be written down.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._guard = Guard.of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> Request | None:
        bare = without_userinfo(request.url)
        if bare != request.url:
            return request.replace(url=bare, dont_filter=True)
        self._guard.require(request.url)
        return None


def proxy_address(url: str) -> Allowed:
    """A proxy's host and port, as what may be reached."""
    url = without_userinfo(url if "://" in url else f"http://{url}")
    host = urlsplit(url).hostname or ""
    address = literal(host)
    return Allowed(host=str(address) if address else host, port=port_of(url))


def target(url: str) -> tuple[str, int]:
    """A URL's host, written plainly, and its port."""
    host = urlsplit(url).hostname or ""
    address = literal(host)
    return str(address) if address else plain_host(host), port_of(url)


def guarded(reactor: Any) -> GuardedResolver:
    """The reactor's resolver behind the guard; all crawls of a process share it."""
    resolver = reactor.nameResolver
    if not isinstance(resolver, GuardedResolver):
        resolver = GuardedResolver(resolver)
        reactor.installNameResolver(resolver)
    return resolver


@implementer(IHostnameResolver)
class GuardedResolver:
    """A resolver of Twisted's that lets through public addresses, and those of hosts that are allowed.

    The endpoints that a name's answers are given to connect to these addresses alone.
    """

    def __init__(self, inner: IHostnameResolver) -> None:
        # zope's interfaces have no self, so to a type checker their methods are called wrongly.
        self._inner: Any = inner
        self._allowed: set[Allowed] = set()
        self._let_through: set[tuple[Address, int]] = set()
        self._refused: dict[tuple[str, int], str] = {}

    def allow(self, allowed: Iterable[Allowed]) -> None:
        """Let these hosts through from now on."""
        for each in allowed:
            self._allowed.add(each)
            address = literal(each.host) if each.host else None
            if address is not None:
                self._let_through.add((address, each.port or 0))

    def why_refused(self, url: str) -> str | None:
        """What was wrong with the answers for a URL's host, where none was let through the last time."""
        return self._refused.get(target(url))

    def may_connect(self, host: str, port: int) -> bool:
        """Whether a peer is one to talk to: a public address, or one that was let through."""
        address = literal(host)
        if address is None:
            return False
        return refusal(address) is None or bool(self._let_through & {(address, port), (address, 0)})

    def resolveHostName(  # noqa: N802 - the interface's name
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        receiver = _Checked(self, resolutionReceiver, hostName, portNumber)
        began: IHostResolution = self._inner.resolveHostName(
            receiver, hostName, portNumber, addressTypes, transportSemantics
        )
        return began

    async def admitted(self, host: str, port: int) -> list[Address]:
        """The addresses of a host that may be connected to; without any, `why_refused` may know why."""
        address = literal(host)
        if address is not None:
            why = self.judge(host, port, str(address))
            self.decided(host, port, why)
            return [] if why else [address]
        answers: asyncio.Future[list[Address]] = asyncio.get_running_loop().create_future()
        receiver: Any = _Gathering(answers)
        self.resolveHostName(receiver, host, port)
        try:
            return await asyncio.wait_for(answers, _LOOKUP_SECONDS)
        except TimeoutError:
            return []

    async def lookup(self, host: str) -> list[Address]:
        """All addresses that a name has here, unchecked; none where it has none, or not soon enough."""
        answers: asyncio.Future[list[Address]] = asyncio.get_running_loop().create_future()
        self._inner.resolveHostName(_Gathering(answers), plain_host(host), 0)
        try:
            return await asyncio.wait_for(answers, _LOOKUP_SECONDS)
        except TimeoutError:
            return []

    def judge(self, host: str, port: int, text: str) -> str | None:
        """What keeps an answer of the inner resolver back; None, and it is let through."""
        address = literal(text)
        if address is None:
            return f"{text!r} is no address"
        why = refusal(address)
        if why is None:
            return None
        spelled = literal(host)
        name = str(spelled) if spelled else plain_host(host)
        if any(each.covers(name, port, address) for each in self._allowed):
            self._let_through.add((address, port))
            return None
        return f"{host} is at {address}, which is {why}: {_ADVICE}"

    def decided(self, host: str, port: int, why: str | None) -> None:
        """Remember what came of a name, for `why_refused`."""
        spelled = literal(host)
        key = (str(spelled) if spelled else plain_host(host), port)
        if why is None:
            self._refused.pop(key, None)
        else:
            self._refused[key] = why


@implementer(IResolutionReceiver)
class _Checked:
    """Passes on the answers that are let through."""

    def __init__(self, guard: GuardedResolver, receiver: IResolutionReceiver, host: str, port: int) -> None:
        self._guard = guard
        self._receiver: Any = receiver
        self._host, self._port = host, port
        self._passed = False
        self._why: str | None = None

    def resolutionBegan(self, resolution: IHostResolution) -> None:  # noqa: N802 - the interface's name
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        why = self._guard.judge(self._host, self._port, str(address.host))
        if why is None:
            self._passed = True
            self._receiver.addressResolved(address)
        else:
            self._why = why

    def resolutionComplete(self) -> None:  # noqa: N802
        self._guard.decided(self._host, self._port, None if self._passed else self._why)
        self._receiver.resolutionComplete()


@implementer(IResolutionReceiver)
class _Gathering:
    """Gives all answers at once."""

    def __init__(self, answers: asyncio.Future[list[Address]]) -> None:
        self._answers = answers
        self._found: list[Address] = []

    def resolutionBegan(self, resolution: IHostResolution) -> None:  # noqa: N802 - the interface's name
        """Nothing has to be known of it."""

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        found = literal(str(address.host))
        if found is not None:
            self._found.append(found)

    def resolutionComplete(self) -> None:  # noqa: N802
        if not self._answers.done():
            self._answers.set_result(self._found)
