"""The guard at the moment of a connection: every answer of a resolver, and the addresses that are connected to."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IHostnameResolver, IReactorPluggableNameResolver
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from crawler.guard import GuardedResolver
from crawler.networks import Allowed


@implementer(IHostnameResolver)
class Answers:
    """A resolver that gives one list of addresses after the other."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    def resolveHostName(self, receiver: Any, name: str, port: int = 0, *_rest: Any) -> Any:  # noqa: N802 - Twisted's
        receiver.resolutionBegan(self)
        for address in self._answers.pop(0):
            kind = IPv6Address if ":" in address else IPv4Address
            receiver.addressResolved(kind("TCP", address, port))
        receiver.resolutionComplete()
        return (name, self)


class Connections:
    """An endpoint of Twisted's, on a reactor that writes down what it is to connect to."""

    def __init__(self, *answers: list[str], allow: tuple[Allowed, ...] = ()) -> None:
        make: Any = MemoryReactorClock
        self.reactor = make()
        directlyProvides(self.reactor, providedBy(self.reactor), IReactorPluggableNameResolver)
        inner: Any = Answers(*answers)
        self.resolver = GuardedResolver(inner)
        self.resolver.allow(allow)
        self.reactor.nameResolver = self.resolver
        self._seen = 0

    def connect(self, host: str, port: int = 80) -> list[str] | str:
        """The addresses that were tried, or the error's name where none was."""
        failures: list[Failure] = []
        endpoint: Any = HostnameEndpoint(self.reactor, host, port)
        endpoint.connect(Factory()).addErrback(failures.append)
        self.reactor.advance(1)
        tried = [client[0] for client in self.reactor.tcpClients[self._seen :]]
        self._seen += len(tried)
        return tried or type(failures[0].value).__name__


def test_of_several_answers_only_public_ones_are_connected_to() -> None:
    connections = Connections(["10.0.0.1", "8.8.8.8", "::1", "169.254.169.254", "2606:4700::1111", "::ffff:127.0.0.1"])
    assert connections.connect("mixed.example") == ["8.8.8.8", "2606:4700::1111"]


def test_an_answer_that_changes_after_it_was_checked_is_checked_again() -> None:
    connections = Connections(["8.8.8.8"], ["127.0.0.1"], ["8.8.8.8"])
    assert connections.connect("rebind.example") == ["8.8.8.8"]
    assert connections.connect("rebind.example") == DNSLookupError.__name__
    why = connections.resolver.why_refused("http://rebind.example/")
    assert why is not None
    assert "127.0.0.1, which is an address that is loopback" in why
    assert connections.connect("rebind.example") == ["8.8.8.8"]
    assert connections.resolver.why_refused("http://rebind.example/") is None


def test_what_is_allowed_is_allowed_by_its_name_and_port() -> None:
    allow = (Allowed.parse("friend.example:8080"), Allowed.parse("198.18.0.0/15"))
    connections = Connections(["10.0.0.1"], ["10.0.0.1"], ["10.0.0.1"], ["198.18.4.4"], allow=allow)
    assert connections.connect("friend.example", 8080) == ["10.0.0.1"]
    assert connections.connect("friend.example", 22) == DNSLookupError.__name__
    assert connections.connect("foe.example", 8080) == DNSLookupError.__name__
    assert connections.connect("fake-ip.example") == ["198.18.4.4"]


@pytest.mark.parametrize(
    ("peer", "port", "expected"),
    [
        ("8.8.8.8", 80, True),
        ("10.0.0.1", 8080, True),
        ("10.0.0.1", 22, False),
        ("127.0.0.1", 8080, False),
        ("192.168.1.9", 3128, True),
        ("/run/a.sock", 0, False),
    ],
)
def test_a_peer_is_one_that_was_let_through(peer: str, port: int, *, expected: bool) -> None:
    allow = (Allowed.parse("friend.example:8080"), Allowed.parse("192.168.1.9:3128"))
    connections = Connections(["10.0.0.1"], allow=allow)
    connections.connect("friend.example", 8080)
    assert connections.resolver.may_connect(peer, port) is expected
