"""Hostile servers, names and addresses: no connection is made to where a crawl has no business, memory stays bounded,
the run goes on, and its verdict says what was wrong.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image as Pillow

from tests.hostile.conftest import IMAGES, ORIGIN, Victim, failures, page
from tests.hostile.servers import (
    ANSWERS,
    HostileServer,
    Trap,
    endless_body,
    gzip_bomb,
    plain,
    redirect,
    two_gigabytes,
)

MOST_MB = 300
SPELLINGS = (
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://0177.0.0.01:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[0:0:0:0:0:ffff:7f00:1]:{port}/",
    "http://user:secret-pw@127.0.0.1:{port}/",
    "http://rebind.example.org:{port}/",
    "http://mixed.example.org:{port}/",
    "http://six.example.org:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://0:{port}/",
    "https://127.0.0.1:{port}/",
)
LIES = {
    "rebind.example.org": [["127.0.0.1"]],
    "mixed.example.org": [["10.255.255.1", "127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254"]],
    "six.example.org": [["::1", "fe80::1", "::ffff:7f00:1"]],
}


def picture() -> bytes:
    file = BytesIO()
    Pillow.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


def test_the_trap_is_one(trap: Trap) -> None:
    with socket.create_connection(("127.0.0.1", trap.port), timeout=5) as connection:
        connection.recv(1)
    assert trap.knocks == 1


def test_no_redirect_and_no_image_leads_to_an_address_that_is_not_of_the_web(
    victim: Victim, server: HostileServer, trap: Trap
) -> None:
    victim.lies.update(LIES)
    targets = [spelling.format(port=trap.port) for spelling in SPELLINGS]
    urls = [victim.article(number, redirect(target)) for number, target in enumerate(targets, start=1)]
    server.answers["/chain"] = redirect(f"http://127.0.0.1:{trap.port}/")
    urls.append(victim.article(50, redirect(f"{IMAGES}/chain")))
    server.answers["/good.png"] = plain(picture(), Content_Type="image/png")
    server.answers["/away.png"] = redirect(f"http://0x7f.1:{trap.port}/")
    good = victim.article(60, plain(page(60, "正文。", *targets, f"{IMAGES}/away.png", f"{IMAGES}/good.png")))
    done = victim("archive", *urls, good, "--json").ended
    assert failures(done) == dict.fromkeys(urls, "address-refused"), done.err
    assert done.report["new"] == 1, "the run goes on"
    assert (done.code, done.report["verdict"]) == (4, "below expectations")
    document = victim.birdnest.head("article-60").document
    assert [image.url for image in document.images] == [f"{IMAGES}/good.png"]
    assert {image.reason for image in document.missing_images} == {"address-refused"}
    assert len(document.missing_images) == len(targets), "one address is there twice, once with a password"
    assert trap.knocks == 0, "not one connection, not even for a robots.txt"
    everything = (
        done.out
        + done.err
        + "".join(file.read_bytes().decode("latin-1") for file in victim.birdnest.folder.rglob("*") if file.is_file())
    )
    assert "secret-pw" not in everything.replace(repr(page), ""), "what stands before a host is written down nowhere"


def test_a_host_that_is_allowed_is_reached_and_no_other_port_of_it(
    victim: Victim, server: HostileServer, trap: Trap
) -> None:
    victim.lies["friend.example.org"] = [["127.0.0.1"]]
    victim.configure(allow_hosts=[f"friend.example.org:{server.port}"])
    server.answers["/good.png"] = plain(picture(), Content_Type="image/png")
    friends = [f"http://friend.example.org:{port}/good.png" for port in (server.port, trap.port)]
    done = victim("archive", victim.article(1, plain(page(1, "正文。", *friends))), "--json").ended
    document = victim.birdnest.head("article-1").document
    assert [image.url for image in document.images] == friends[:1], done.err
    assert [(image.url, image.reason) for image in document.missing_images] == [(friends[1], "address-refused")]
    assert trap.knocks == 0


def test_what_a_server_sends_without_end_costs_its_own_post_and_little_memory(
    victim: Victim, server: HostileServer
) -> None:
    urls = {victim.article(number, make()): reason for number, (make, reason) in enumerate(ANSWERS.values(), start=1)}
    urls[victim.article(30, redirect(f"{ORIGIN}/article-31-1.html"))] = "redirect-loop"
    victim.article(31, redirect(f"{ORIGIN}/article-30-1.html"))
    server.answers["/good.png"] = plain(picture(), Content_Type="image/png")
    images = {"endless": endless_body("image/png"), "two": two_gigabytes("image/png"), "bomb": gzip_bomb("image/png")}
    for name, answer in images.items():
        for number in range(3):
            server.answers[f"/{name}-{number}.png"] = answer
    pictures = [f"{IMAGES}/{name}-{number}.png" for name in images for number in range(3)]
    good = victim.article(40, plain(page(40, "正文。", *pictures, f"{IMAGES}/good.png")))
    measured = victim("archive", *urls, good, "--json")
    done = measured.ended
    found = failures(done)
    assert found.keys() == urls.keys(), done.err
    assert not {url: reason for url, reason in found.items() if reason not in urls[url].split()}, done.err
    assert done.report["new"] == 1, "the run goes on"
    assert (done.code, done.report["verdict"]) == (4, "below expectations")
    document = victim.birdnest.head("article-40").document
    assert [image.url for image in document.images] == [f"{IMAGES}/good.png"]
    assert {image.reason for image in document.missing_images} <= {"too-large", "timeout"}
    assert len(document.missing_images) == len(pictures)
    assert measured.peak_mb < MOST_MB, f"{measured.peak_mb:.0f} MB"
    assert "Traceback" not in done.err


def test_what_is_secret_in_an_answer_is_not_captured(victim: Victim) -> None:
    headers = {"Set_Cookie": "sid=secret-cookie", "Content_Location": "https://u:secret-password@h/x"}
    done = victim("archive", victim.article(1, plain(page(1, "正文。"), **headers)), "--json", "-vv").ended
    assert done.code == 0
    files = [file for file in victim.birdnest.folder.rglob("*") if file.is_file()]
    assert any(file.name.endswith(".warc.gz") for file in files)
    texts = [gzip.decompress(file.read_bytes()) if file.name.endswith(".gz") else file.read_bytes() for file in files]
    assert not any(b"secret-" in text for text in texts)


@pytest.mark.hostile
def test_through_a_proxy_hosts_are_refused_by_their_spelling_and_by_the_answers_that_they_have_here(
    victim: Victim, server: HostileServer
) -> None:
    victim.lies.update({"inner.example.org": [["10.0.0.1"]], "public.example.org": [["8.8.8.8"]]})
    victim.configure(
        origins={ORIGIN: "http://www.niaogebiji.com"}, site={"proxy": f"http://me:proxy-pw@127.0.0.1:{server.port}"}
    )
    targets = ("http://inner.example.org/", "http://169.254.169.254/", "http://router/", f"http://127.1:{server.port}/")
    refused = [victim.article(number, redirect(target)) for number, target in enumerate(targets, start=1)]
    server.answers["/a.png"] = server.answers["/b.png"] = plain(picture(), Content_Type="image/png")
    images = ("http://public.example.org/a.png", "http://unknown-here.example.org/b.png")
    done = victim("archive", *refused, victim.article(9, plain(page(9, "正文。", *images))), "--json", "-vv").ended
    assert failures(done) == dict.fromkeys(refused, "address-refused"), done.err
    assert [image.url for image in victim.birdnest.head("article-9").document.images] == list(images)
    asked = {line.split(" ")[1].split("/")[2] for line in server.asked}
    assert asked == {"www.niaogebiji.com", "public.example.org", "unknown-here.example.org"}
    everything = done.out + done.err
    assert "proxy-pw" not in everything


def _certificate(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain_text = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain_text)
    (folder / "server.pem").write_bytes(pem + built.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


@pytest.mark.hostile
def test_a_certificate_that_nobody_vouches_for_is_not_believed(victim: Victim, tmp_path: Path) -> None:
    context, heard = _certificate(tmp_path), []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        heard.append(secure.recv(100))
                except OSError:
                    heard.append(b"")

        threading.Thread(target=serve, daemon=True).start()
        victim.configure(origins={ORIGIN: f"https://127.0.0.1:{listener.getsockname()[1]}"})
        done = victim("archive", f"{ORIGIN}/article-1-1.html", "--json").ended
        listener.shutdown(socket.SHUT_RDWR)
    assert (done.code, done.report["verdict"]) == (5, "unreachable")
    assert heard
    assert not any(heard), "not a byte of a request was sent"
