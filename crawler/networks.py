"""Which addresses a crawl of the web has no business with, however they are written. Pure.

Networks are those of the IANA special-purpose registries (RFC 6890 and its successors) that are not of the public
Internet, and the addresses under which clouds tell their machines' secrets.
"""

from __future__ import annotations

import re
import socket
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_METADATA = {
    IPv4Address("169.254.169.254"): "AWS, Google, Azure, Tencent and others",
    IPv4Address("169.254.170.2"): "AWS ECS",
    IPv4Address("100.100.100.200"): "Alibaba",
    IPv4Address("168.63.129.16"): "Azure",
    IPv4Address("192.0.0.192"): "Oracle",
    IPv6Address("fd00:ec2::254"): "AWS",
}
_NETWORKS: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier's customers"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("64:ff9b:1::/48", "a local translation"),
        ("100::/64", "reserved"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "for documentation"),
        ("3fff::/20", "for documentation"),
        ("5f00::/16", "reserved"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),
        ("ff00::/8", "multicast"),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
_LOCAL_NAMES = re.compile(r"(?:^|\.)(?:localhost|localdomain|local|internal|intranet|lan|home\.arpa)$")


def literal(host: str) -> Address | None:
    """The address that a URL's host spells, as the C library would connect to it; None for a name.

    >>> [str(literal(host)) for host in ("0x7f.1", "017700000001", "2130706433", "１２７。0.0.1", "[::FFFF:10.0.0.1]")]
    ['127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.1', '::ffff:a00:1']
    """
    text = plain_host(host)
    try:
        return ip_address(text)
    except ValueError:
        pass
    if not re.fullmatch(r"[0-9a-fx.]+", text):
        return None
    try:
        return IPv4Address(socket.inet_aton(text))
    except OSError:
        return None


def plain_host(host: str) -> str:
    """A host in the one way it is compared: no brackets, zone, escapes, full-width forms, capitals, or dot at its end.

    >>> plain_host("ＷＷＷ.Example.com."), plain_host("[FE80::1%25eth0]")
    ('www.example.com', 'fe80::1')
    """
    text = unicodedata.normalize("NFKC", unquote(host)).replace("。", ".").lower()
    return text.strip("[]").partition("%")[0].rstrip(".")


def refusal(address: Address) -> str | None:
    """What keeps a crawl from an address, None where nothing does.

    An IPv6 address that stands for an IPv4 address is as good as that one.

    >>> refusal(ip_address("8.8.8.8")), refusal(ip_address("64:ff9b::8.8.8.8"))
    (None, None)
    >>> refusal(ip_address("::ffff:169.254.169.254"))
    'the metadata address of a cloud (AWS, Google, Azure, Tencent and others)'
    """
    for each in (address, *embedded(address)):
        if each in _METADATA:
            return f"the metadata address of a cloud ({_METADATA[each]})"
        for network, what in _NETWORKS:
            if each in network:
                return f"an address that is {what}" if what[0] != "a" else what
    return None


def embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, compatible, NAT64, 6to4, ISATAP."""
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    number = int(address)
    if address in _NAT64 or (address in _COMPATIBLE and number > 1):
        return (IPv4Address(number & 0xFFFFFFFF),)
    if address in _SIX_TO_FOUR:
        return (IPv4Address((number >> 80) & 0xFFFFFFFF),)
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        return (IPv4Address(number & 0xFFFFFFFF),)
    return ()


def local_name(host: str) -> bool:
    """Whether a name is one that only a machine or a house knows.

    >>> local_name("printer.local"), local_name("metadata.google.internal"), local_name("db"), local_name("a.example")
    (True, True, True, False)
    """
    return "." not in host or _LOCAL_NAMES.search(host) is not None


def port_of(url: str) -> int:
    """The port that a URL means. Raises ValueError for one out of range."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """Hosts that may be reached wherever they are; `port` None: by any port. Or a network."""

    host: str = ""
    port: int | None = None
    network: Network | None = None

    @classmethod
    def parse(cls, text: str) -> Allowed:
        """An entry of `allow_hosts`: `name`, `name:port`, an address, `[IPv6]:port`, or a network such as 10.0.0.0/8.

        Raises ValueError for anything else.
        """
        if "/" in text:
            return cls(network=ip_network(text))
        if text.count(":") > 1 and not text.startswith("["):
            return cls(host=str(ip_address(text)))
        parts = urlsplit(f"//{text}")
        if not parts.hostname or "@" in text or text != parts.netloc or re.search(r"\s", text):
            raise ValueError("expected a host, host:port, an address or a network such as 10.0.0.0/8")
        address = literal(parts.hostname)
        return cls(host=str(address) if address else plain_host(parts.hostname), port=parts.port)

    def covers(self, host: str, port: int, address: Address | None) -> bool:
        """Whether a host, written plainly, at a port is this one. port 0: not known."""
        if self.network is not None:
            return address is not None and address in self.network
        return self.host == host and (self.port is None or port in (0, self.port))
