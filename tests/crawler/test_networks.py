"""Addresses that a crawl has no business with, in every way in which they can be written."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from crawler.guard import AddressRefused, Guard
from crawler.networks import Allowed, literal, local_name, refusal
from pipelines.userinfo import without_userinfo

REFUSED = (
    *("127.0.0.1", "127.255.255.254", "127.1", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "2130706433", "017700000001"),
    *(
        "0",
        "0.0.0.0",  # noqa: S104 - nothing is bound to it
        "0x0",
        "10.0.0.1",
        "10.1",
        "167772161",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "192.168.257",
    ),
    *("169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.43518", "100.64.0.1"),
    *(
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.255",
        "255.255.255.255",
    ),
    *("240.0.0.1", "１２７.0.0.1", "127。0。0。1", "127.0.0.1.", "127%2e0%2e0%2e1"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]", "[fe80::1]"),
    *(
        "[fe80::1%25eth0]",
        "[fd00:ec2::254]",
        "[fc00::1]",
        "[ff02::1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b::169.254.169.254]",
    ),
    *("[64:ff9b:1::1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001:db8::1]", "[2001::1]", "[fec0::1]"),
    *("[2606:4700::5efe:a00:1]", "[0:0:0:0:0:ffff:127.0.0.1]"),
)
PUBLIC = (
    "8.8.8.8",
    "134744072",
    "0x8080808",
    "[2606:4700::1111]",
    "[::ffff:8.8.8.8]",
    "[64:ff9b::8.8.8.8]",
    "[2002:808:808::1]",
)
NAMES = (
    "localhost",
    "LOCALHOST.",
    "a.localhost",
    "printer.local",
    "metadata.google.internal",
    "router",
    "nas.home.arpa",
)


@pytest.mark.parametrize("host", REFUSED)
def test_an_address_that_is_not_of_the_web_is_refused_however_it_is_spelled(host: str) -> None:
    address = literal(host)
    assert address is not None, f"{host} was taken for a name"
    assert refusal(address)
    for scheme in ("http", "https"):
        with pytest.raises(AddressRefused, match="allow_hosts"):
            Guard(origins={}).require(f"{scheme}://{host}:8080/latest/meta-data/")


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_address_is_asked(host: str) -> None:
    address = literal(host)
    assert address is not None
    assert refusal(address) is None
    Guard(origins={}).require(f"https://{host}/")


@pytest.mark.parametrize("host", NAMES)
def test_names_of_the_local_network_are_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        Guard(origins={}).require(f"http://{host}/")


@pytest.mark.parametrize(
    "name", ["www.example.com", "bad.cafe", "0x7f.example.com", "1.2.3.4.5", "127.0.0.1.example.com"]
)
def test_a_name_is_no_address(name: str) -> None:
    assert literal(name) is None
    assert not local_name(name)
    Guard(origins={}).require(f"http://{name}/")


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://www.example.com/", "file:///etc/passwd", "gopher://127.0.0.1:70/", "javascript:alert(1)", "data:,x"),
        *("http:///path", "http://www.example.com:99999/", "http://[::1", "//www.example.com/", ""),
    ],
)
def test_only_http_and_https_are_fetched(url: str) -> None:
    with pytest.raises(AddressRefused):
        Guard(origins={}).require(url)


def test_a_target_of_origins_is_reached_by_its_canonical_name_alone() -> None:
    guard = Guard(origins={"https://www.example.com": "http://127.0.0.1:8000"})
    guard.require("https://www.example.com/article-1-1.html")
    for url in ("http://127.0.0.1:8000/", "http://2130706433:8000/", "http://localhost:8000/"):
        with pytest.raises(AddressRefused):
            guard.require(url)


def test_a_public_name_that_is_a_target_of_origins_is_looked_up_before_it_is_asked_directly() -> None:
    guard = Guard(origins={"https://www.example.com": "http://mirror.example.net"})
    assert guard.needs_lookup("http://mirror.example.net/a.png")
    assert not guard.needs_lookup("https://www.example.com/a.png")
    guard.require_addresses("http://mirror.example.net/a.png", [ip_address("8.8.8.8")])
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        guard.require_addresses("http://mirror.example.net/a.png", [ip_address("8.8.8.8"), ip_address("10.0.0.1")])


@pytest.mark.parametrize(
    ("entry", "reached", "refused"),
    [
        ("intranet.example", "http://intranet.example:81/", "http://10.0.0.1/"),
        ("10.1.2.3:8080", "http://10.1.2.3:8080/", "http://10.1.2.3/"),
        ("10.1.2.3", "http://0xa010203:99/", "http://10.1.2.4/"),
        ("198.18.0.0/15", "http://198.19.0.1/", "http://10.0.0.1/"),
        ("fd00::1", "http://[fd00::1]/", "http://[fd00::2]/"),
        ("[fd00::1]:80", "http://[fd00:0::1]/", "http://[fd00::1]:81/"),
        ("localhost:8000", "http://localhost:8000/", "http://localhost:8001/"),
    ],
)
def test_allow_hosts_opens_what_it_names_and_nothing_else(entry: str, reached: str, refused: str) -> None:
    guard = Guard(origins={}, allow_hosts=[entry])
    guard.require(reached)
    with pytest.raises(AddressRefused):
        guard.require(refused)


@pytest.mark.parametrize("entry", ["", " a", "http://a/", "a:99999", "10.0.0.1/8", "user@a", "a b", "a/b", "[::1"])
def test_an_entry_of_allow_hosts_that_is_none_is_an_error(entry: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is the standard library's for some
        Allowed.parse(entry)


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://user:pw@www.example.com/", "https://www.example.com/"),
        ("HTTP://user@h/", "HTTP://h/"),
        ("//u:p@h/x", "//h/x"),
        ("https://u:p@x:y@h/", "https://h/"),
        ("https://h/a@b", "https://h/a@b"),
        ("https://h?a=b@c", "https://h?a=b@c"),
        ("mailto:a@b", "mailto:a@b"),
    ],
)
def test_user_and_password_go_from_a_url(url: str, bare: str) -> None:
    assert without_userinfo(url) == bare
