"""How a bucket is reached is found as boto3 finds it, and what the user's environment says of the way is followed."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from archive.errors import StoreError
from archive.s3 import S3Store
from archive.s3_settings import address, find_bucket
from archive.store import StoreOptions
from tests.conftest import S3Server

REGIONS = ("us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1", "mars-1")
ENDPOINTS = (
    "http://127.0.0.1:9000",
    "http://localhost:9000",
    "http://[::1]:9000",
    "https://minio.example:9000/",
    "https://shop.example/objects",
    "https://oss-cn-hangzhou.aliyuncs.com",
)
BUCKETS = ("nest", "my.nest", "My_Nest", "ab")


class Asked(Exception):  # noqa: N818 - not an error: it ends a request before it is sent
    """The URL that boto3 would have asked."""


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


def asked_by_boto3(region: str, endpoint: str | None, style: Any) -> dict[str, str]:
    """Where boto3 looks for each bucket, as far as it takes its name."""

    def stop(request: Any, **_: Any) -> None:
        raise Asked(request.url)

    config = Config(s3={"addressing_style": style})
    client = boto3.session.Session().client("s3", region_name=region, endpoint_url=endpoint, config=config)
    client.meta.events.register("before-send.s3.GetObject", stop)
    found = {}
    with closing(client):
        for bucket in BUCKETS:
            with pytest.raises(Asked) as asked:
                client.get_object(Bucket=bucket, Key="k")
            found[bucket] = str(asked.value).removesuffix("/k")
    return found


@pytest.mark.parametrize("style", ["auto", "path", "virtual"])
def test_a_bucket_is_where_boto3_looks_for_it_or_boto3_is_asked(style: str) -> None:
    places = [(region, None) for region in REGIONS] + [("eu-west-1", endpoint) for endpoint in ENDPOINTS]
    known = 0
    for region, endpoint in places:
        theirs = asked_by_boto3(region, endpoint, style)
        ours = {bucket: address(bucket, region=region, endpoint=endpoint, style=style) for bucket in BUCKETS}
        told = {bucket: url for bucket, url in ours.items() if url is not None}
        assert told == {bucket: theirs[bucket] for bucket in told}, (region, endpoint)
        known += len(told)
    assert known >= 0.6 * len(places) * len(BUCKETS)


@pytest.mark.parametrize(
    ("environment", "profile", "found"),
    [
        ({}, "", ("us-east-1", "https://nest.s3.amazonaws.com")),
        ({"AWS_REGION": "eu-west-1"}, "", ("eu-west-1", "https://nest.s3.eu-west-1.amazonaws.com")),
        ({"AWS_ENDPOINT_URL": "https://a.example"}, "", ("us-east-1", "https://a.example/nest")),
        (
            {"AWS_ENDPOINT_URL": "https://a.example", "AWS_ENDPOINT_URL_S3": "https://b.example"},
            "",
            ("us-east-1", "https://b.example/nest"),
        ),
        (
            {"AWS_ENDPOINT_URL": "https://a.example", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "",
            ("us-east-1", "https://nest.s3.amazonaws.com"),
        ),
        (
            {},
            "region = cn-north-1\nendpoint_url = https://c.example\ns3 =\n  addressing_style = virtual\n",
            ("cn-north-1", "https://nest.c.example"),
        ),
        ({}, "s3 =\n  use_accelerate_endpoint = true\n", ("us-east-1", None)),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "", ("us-east-1", None)),
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "", ("us-east-1", None)),
    ],
)
def test_the_environment_and_the_profile_say_where_a_bucket_is(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environment: dict[str, str],
    profile: str,
    found: tuple[str, str | None],
) -> None:
    (tmp_path / "config").write_text(f"[profile mine]\n{profile}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    bucket = find_bucket("nest", "s3://nest", StoreOptions(profile="mine"))

    assert (bucket.region, bucket.address) == found


def test_a_profile_that_is_not_there_is_refused() -> None:
    with pytest.raises(StoreError, match=r"^archive s3://nest: cannot set up the S3 client: .*\(no-such\)"):
        S3Store.open("s3://nest", StoreOptions(profile="no-such"))


PLAIN: tuple[dict[str, str], ...] = (
    {},
    {"AWS_REGION": "eu-west-1"},
    {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "cn-north-1"},
    {"AWS_ENDPOINT_URL": "https://a.example:9000/"},
    {"AWS_ENDPOINT_URL": "https://a.example", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000/objects"},
    {"AWS_SESSION_TOKEN": "for an hour", "AWS_REQUEST_CHECKSUM_CALCULATION": "WHEN_REQUIRED"},
    {"AWS_CA_BUNDLE": "trusted.pem", "AWS_EC2_METADATA_DISABLED": "true"},
    {"REQUESTS_CA_BUNDLE": "trusted.pem"},
)


@pytest.mark.parametrize("environment", PLAIN)
@pytest.mark.parametrize("options", [StoreOptions(), StoreOptions(endpoint="https://b.example", region="mars-1")])
def test_what_the_environment_says_plainly_is_read_as_botocore_reads_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], options: StoreOptions
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    plain = {bucket: find_bucket(bucket, f"s3://{bucket}", options) for bucket in (*BUCKETS, "nest--x-s3")}
    (tmp_path / "config").write_text("# read by botocore only\n")

    for name, ours in plain.items():
        theirs = find_bucket(name, f"s3://{name}", options)
        assert (ours.keys.session_began, theirs.keys.session_began) == (False, True)
        assert replace(ours, keys=theirs.keys) == theirs
        assert ours.keys.now() == theirs.keys.now()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_PROFILE", "mine"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_A_SETTING_OF_TOMORROW", "yes"),
        ("AWS_REGION", ""),
        ("AWS_SECRET_ACCESS_KEY", None),
        ("AWS_CONFIG_FILE", "$HOME/aws.conf"),
    ],
)
def test_what_the_environment_says_besides_is_left_to_botocore(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str | None
) -> None:
    (tmp_path / "config").write_text("[profile mine]\n")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    if name == "AWS_PROFILE":
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    assert find_bucket("nest", "s3://nest", StoreOptions()).keys.session_began


@pytest.mark.parametrize("endpoint", ["a.example", "http://a..b:1", "http://foo-.com", f"http://{64 * 'a'}.example"])
def test_an_endpoint_that_is_none_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(StoreError, match=r"^archive s3://nest: cannot set up the S3 client: Invalid endpoint: "):
        S3Store.open("s3://nest")


def test_credentials_that_cannot_be_had_are_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(65536)
        body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>"
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    (tmp_path / "config").write_text(
        "[profile program]\ncredential_process = /no/such/program\n"
        "[profile role]\nrole_arn = arn:aws:iam::1:role/nest\ncredential_source = Environment\n"
        "region = eu-west-1\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with answering(refuse) as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{port}")
        for profile, why in (
            ("program", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
            ("role", "AccessDenied: these credentials may not do that"),
        ):
            with closing(S3Store.open("s3://nest", StoreOptions(profile=profile))) as store:
                for ask in (lambda: store.read("a"), lambda: store.create("a", b"", "text/plain")):
                    with pytest.raises(StoreError, match=rf"^archive s3://nest: cannot \w+ a: .*{why}"):
                        ask()


def test_an_archive_is_written_to_with_plain_settings_and_without_botocore(s3_environment: S3Server) -> None:
    program = f"""
import sys
from archive import open_store
store = open_store("s3://{s3_environment.new_bucket()}/a")
store.create("ARCHIVE.json", b"x", "text/plain")
store.learn("ARCHIVE.json")
print(store.read("ARCHIVE.json"), [name for name in ("boto3", "botocore", "urllib3") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "b'x' []"


# --- https


@pytest.fixture(scope="module", params=["signed by an authority", "its own authority", "its own"])
def certificate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A server's certificate with its key, and what a user must trust for it."""
    folder = tmp_path_factory.mktemp("certificates")
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-subj", "/CN=localhost"]
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-x509"]
    server = folder / "server.pem"
    keys = ["-keyout", str(server), "-out", str(folder / "certificate")]
    trusted = folder / "certificate"
    if request.param == "its own authority":
        command = [*new, *keys, *names]
    elif request.param == "its own":
        command = [*new, *keys, *names, "-addext", "basicConstraints=critical,CA:FALSE"]
    else:
        trusted = folder / "authority"
        subprocess.run(
            [*new, "-keyout", str(folder / "key"), "-out", str(trusted), "-subj", "/CN=authority"],
            check=True,
            capture_output=True,
        )
        signer = ["-CA", str(trusted), "-CAkey", str(folder / "key"), "-addext", "basicConstraints=critical,CA:FALSE"]
        command = [*new, *keys, *names, *signer]
    subprocess.run(command, check=True, capture_output=True)
    server.write_bytes(server.read_bytes() + (folder / "certificate").read_bytes())
    return server, trusted


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server on which each connection gets an answer."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed: the test is over
                return
            with connection:
                try:
                    answer(connection)
                except OSError:  # a client that does not trust us
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def say(connection: socket.socket, seen: list[str]) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            return
        received += part
    seen.append(received.decode().splitlines()[0])
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfound")


@contextmanager
def https(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            say(secured, [])

    with answering(answer) as port:
        yield f"https://localhost:{port}"


def test_a_server_whose_certificate_the_user_trusts_is_read_from(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "证书.pem"
    bundle.write_bytes(certificate[1].read_bytes())
    with https(certificate[0]) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
        with closing(S3Store.open("s3://nest")) as store:
            assert store.read("a") == b"found"
            assert store.refuses_other_body("a", b"found", "text/plain") is False


@pytest.mark.parametrize("certificate", ["its own authority"], indirect=True)
def test_a_server_whose_certificate_nobody_trusts_is_not(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with https(certificate[0]) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with closing(S3Store.open("s3://nest")) as store, pytest.raises(StoreError, match=r"(?i)certificate"):
            store.read("a")


@pytest.mark.parametrize("certificate", ["signed by an authority"], indirect=True)
def test_an_authority_of_the_system_is_enough(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    with https(certificate[0]) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
        with closing(S3Store.open("s3://nest")) as store:
            assert store.read("a") == b"found"
            assert store.refuses_other_body("a", b"found", "text/plain") is False
            assert store.wire.why is None


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_trusted_certificates_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "bundle").write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "bundle"))

    with pytest.raises(StoreError, match=r"(?i)certificate"):
        S3Store.open("s3://nest")


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY"])
def test_a_proxy_is_used_unless_the_host_is_excepted(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    seen: list[str] = []
    with answering(lambda connection: say(connection, seen)) as port:
        monkeypatch.setenv(variable, f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://s3.nowhere.example")
        with closing(S3Store.open("s3://nest")) as store:
            assert store.read("a") == b"found"
            assert store.refuses_other_body("a", b"found", "text/plain") is False
        monkeypatch.setenv("no_proxy", "nowhere.example")
        monkeypatch.setattr("time.sleep", lambda _seconds: None)
        with closing(S3Store.open("s3://nest")) as store:
            with pytest.raises(StoreError, match="Could not connect"):
                store.read("a")
            with pytest.raises(StoreError, match="Could not connect"):
                store.refuses_other_body("a", b"found", "text/plain")

    assert seen == [f"{method} http://s3.nowhere.example/nest/a HTTP/1.1" for method in ("GET", "PUT")]
