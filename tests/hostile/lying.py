"""`python lying.py …`: the command `birdnest`, in a process whose resolver answers as `LIES` (JSON) says.

A name's value is a list of answers, each a list of addresses; the last is repeated. Names that are not in it have none.
At its end it writes to the file `peak` how many kB of memory it had at most.
"""

from __future__ import annotations

import atexit
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IHostnameResolver
from zope.interface import implementer


@implementer(IHostnameResolver)
class Lying:
    """A Scrapy resolver (TWISTED_DNS_RESOLVER)."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._lies: dict[str, list[list[str]]] = json.loads(os.environ["LIES"])

    @classmethod
    def from_crawler(cls, _crawler: Any, reactor: Any) -> Self:
        return cls(reactor)

    def install_on_reactor(self) -> None:
        self._reactor.installNameResolver(self)

    def resolveHostName(  # noqa: N802 - Twisted's name
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[Any] | None = None,  # noqa: ARG002, N803
        transportSemantics: str = "TCP",  # noqa: ARG002, N803
    ) -> Any:
        answers = self._lies.get(hostName, [[]])
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        if not addresses and hostName.replace(".", "").isdecimal():
            addresses = [hostName]
        resolutionReceiver.resolutionBegan(self)
        for address in addresses:
            kind = IPv6Address if ":" in address else IPv4Address
            resolutionReceiver.addressResolved(kind("TCP", address, portNumber))
        resolutionReceiver.resolutionComplete()
        return self


def note_peak() -> None:
    # Not ru_maxrss: what the parent had at the time of the fork counts in it.
    (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    Path("peak").write_text(peak, encoding="ascii")


if __name__ == "__main__":
    atexit.register(note_peak)
    import crawler.settings
    from crawler.cli import main

    crawler.settings.TWISTED_DNS_RESOLVER = "tests.hostile.lying.Lying"  # type: ignore[attr-defined]
    main()
