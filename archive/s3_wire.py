"""Requests for the objects of a bucket: what sends them (`Wire`), and how obstore does.

obstore sends a put for a seventh of the CPU that boto3 takes, at any number of threads. What it cannot do is rare, and
then boto3 does all of it (`archive.s3_boto3`): retention of each object (its headers must be signed), certificates that
rustls refuses (a server's own that may sign others), a bucket in another region than told, keys with empty segments, a
server that insists on Content-MD5, and endpoints of other kinds (FIPS, dual-stack, accelerated, access points).

Each request is sent once; who asks, repeats it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import quote
from urllib.request import getproxies
from xml.sax.saxutils import unescape

import certifi
import obstore
from obstore.exceptions import BaseError, InvalidPathError
from obstore.store import S3Store as ObjectStore

from archive.s3_errors import BrokenOff, CannotSend, Refused, S3Error, Unanswered
from archive.s3_settings import Bucket, read_ca_bundle
from archive.store import ObjectInfo, StoreOptions

if TYPE_CHECKING:
    from obstore.store import S3Credential

_PAGE = 1000
_SLOW_STEP_BYTES = 8_000_000
_SLOW_STEP_SECONDS = 32.0  # 250 kB a second: an object of 64 MB may take four minutes more than the timeout
# What lives no longer obstore asks for again, ten times a second at most: botocore alone decides what expires.
_CREDENTIALS_MINUTES = 5
WRONG_DIGEST = ("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch")
_ELSEWHERE = (
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
)
_REDIRECTS = (301, 302, 303, 307, 308)
_STATUS = re.compile(r"status code: (\d{3}) ([^:]*): (.*?)(?:\n\nDebug source:|\Z)", re.DOTALL)
_IN_BODY = {name: re.compile(f"<{name}>(.*?)</{name}>", re.DOTALL) for name in ("Code", "Message")}
_KIND = re.compile(r"\bkind: (Connect|Request|Timeout|Interrupted|Unknown|Decode)\b")
# libcurl's numbers: no proxy or host by that name, no connection; time is over; closed before and within an answer.
_CURL_KINDS = {5: "Connect", 6: "Connect", 7: "Connect", 28: "Timeout", 52: "Request", 55: "Request", 56: "Request"}
_ASKED = re.compile(r"Error performing [A-Z]+ (\S+) in ")


@dataclass(frozen=True, kw_only=True)
class Page:
    """Part of a listing; `after`: the key from which the next one goes on, None after the last."""

    objects: list[ObjectInfo]
    after: str | None


class Wire(Protocol):
    """How objects are asked for. `name` is an object's whole key in its bucket. All methods may be called by threads.

    All raise S3Error. attempts: how often to send what failed in passing. why: why it is not
    obstore; None where it is. check: what the server is sent of each put, to check what has arrived.
    """

    attempts: int
    why: str | None
    check: str

    def put(self, name: str, data: bytes, content_type: str, *, create_only: bool, retained: bool = True) -> None: ...

    def get(self, name: str) -> bytes: ...

    def head(self, name: str) -> None: ...

    def delete(self, name: str) -> None: ...

    def page(self, prefix: str, after: str) -> Page:
        """Objects whose names begin with `prefix`, in order, from about `after` on: it may be among them."""

    def refuses_other_body(self, name: str, data: bytes, content_type: str) -> bool:
        """Whether the server refuses a body that is not the one that was announced.

        `data` is what the object holds already, and what is sent: whatever the server does, nothing changes.
        """


class ObstoreWire:
    """A put carries the SHA-256 of its body, signed. Raises CannotSend besides."""

    attempts = 3
    why: str | None = None
    check = "the signed SHA-256"

    def __init__(self, bucket: Bucket, address: str) -> None:
        self._bucket = bucket
        self._address = address
        self._certificates = read_ca_bundle(bucket)
        self._sends_checksum = bucket.checksums == "when_supported" or not (bucket.checksums or bucket.custom)
        self._fixed = _attributes(bucket.options)
        self._lock = threading.Lock()
        self._stores: dict[int, ObjectStore] = {}
        self._store(0)  # what is set wrongly is told at once

    def put(self, name: str, data: bytes, content_type: str, *, create_only: bool, retained: bool = True) -> None:  # noqa: ARG002 - it knows no retention
        store = self._store(len(data) // _SLOW_STEP_BYTES)
        attributes = {**self._fixed, "Content-Type": content_type}
        mode: Literal["create", "overwrite"] = "create" if create_only else "overwrite"
        with suppress(_NoETag):  # the server has taken it, all the same
            self._ask(
                "PutObject",
                lambda: obstore.put(store, name, data, attributes=attributes, mode=mode, use_multipart=False),
            )

    def get(self, name: str) -> bytes:
        answer = self._ask("GetObject", lambda: obstore.get(self._store(), name))
        try:
            return bytes(answer.bytes())
        except BaseError as error:
            raise BrokenOff("ResponseStreamingError", _first_line(error)) from error

    def head(self, name: str) -> None:
        with suppress(_NoETag):
            self._ask("HeadObject", lambda: obstore.head(self._store(), name))

    def delete(self, name: str) -> None:
        self._ask("DeleteObject", lambda: obstore.delete(self._store(), name))

    def page(self, prefix: str, after: str) -> Page:
        # obstore lists whole folders: what else a prefix says is where to begin, and what to leave out.
        folder, _, rest = prefix.rpartition("/")
        start = max(after, f"{prefix[:-1]}{chr(ord(prefix[-1]) - 1)}~" if rest else "")
        chunk = self._ask(
            "ListObjectsV2",
            lambda: next(iter(obstore.list(self._store(), folder or None, offset=start or None, chunk_size=_PAGE)), []),
        )
        listed = [(item["path"], item) for item in chunk]
        # The mark of a folder, which some tools make, comes without its slash.
        named = [(f"{path}/" if path == folder else path, item) for path, item in listed]
        objects = [
            ObjectInfo(key=path, bytes=item["size"], modified=item["last_modified"])
            for path, item in named
            if path.startswith(prefix)
        ]
        passed = bool(listed) and not listed[-1][0].startswith(prefix) and listed[-1][0] > prefix
        return Page(objects=objects, after=listed[-1][0] if len(listed) == _PAGE and not passed else None)

    def refuses_other_body(self, name: str, data: bytes, content_type: str) -> bool:
        """A request as obstore's, signed for other bytes than are sent: the check that every put relies on."""
        import pycurl  # late: a process that only reads never asks

        if {".", ".."} & set(name.split("/")):
            raise CannotSend("of a key with dots for a segment")
        url = f"{self._address}/{quote(name, safe='/~')}"
        announced = hashlib.sha256(data + b"other")
        headers = {**_headers(self._bucket.options), "Content-Type": content_type, "Expect": ""}
        if self._sends_checksum:
            headers["x-amz-checksum-sha256"] = base64.b64encode(announced.digest()).decode()
        headers["x-amz-content-sha256"] = announced.hexdigest()
        key = self._bucket.keys.now()
        if key.token:
            headers["x-amz-security-token"] = key.token
        told = BytesIO()
        curl = pycurl.Curl()
        for option, value in (
            (pycurl.URL, url),
            (pycurl.UPLOAD, 1),
            (pycurl.READDATA, BytesIO(data)),
            (pycurl.INFILESIZE, len(data)),
            (pycurl.WRITEDATA, told),
            (pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()]),
            (pycurl.AWS_SIGV4, f"aws:amz:{self._bucket.region}:s3"),
            (pycurl.USERNAME, key.id),
            (pycurl.PASSWORD, key.secret),
            (pycurl.CAINFO, os.fsencode(_authorities(self._bucket))),
            (pycurl.CONNECTTIMEOUT_MS, round(1000 * self._bucket.connect_seconds)),
            (pycurl.LOW_SPEED_LIMIT, 1),
            (pycurl.LOW_SPEED_TIME, round(self._bucket.options.timeout_seconds)),
            (pycurl.NOSIGNAL, 1),
        ):
            curl.setopt(option, value)
        if proxy := _proxy_in_capitals(url):
            curl.setopt(pycurl.PROXY, proxy)
        try:
            curl.perform()
            status = int(curl.getinfo(pycurl.RESPONSE_CODE))
        except pycurl.error as error:
            if error.args[0] in (pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE):
                return False  # an authority that obstore has from elsewhere: it cannot be told
            raise _unanswered(_CURL_KINDS.get(int(error.args[0]), ""), url, curl.errstr()) from error
        finally:
            curl.close()
        answer = told.getvalue().decode("utf-8", "replace")
        refusal = Refused(status=status, code=_code_in(answer), message="", operation="PutObject")
        if refusal.is_passing:
            raise refusal
        return refusal.code in WRONG_DIGEST

    def _store(self, patience: int = 0) -> ObjectStore:
        """A client whose requests may take as long as an object of so many steps takes over a slow line."""
        with self._lock:
            if patience not in self._stores:
                self._stores[patience] = self._open(patience * _SLOW_STEP_SECONDS)
            return self._stores[patience]

    def _open(self, more_seconds: float) -> ObjectStore:
        bucket, options = self._bucket, self._bucket.options
        # What is set here is not taken from the environment, whose names for obstore are not all those of boto3.
        config: dict[str, Any] = {
            "endpoint": self._address,
            "aws_endpoint_url_s3": self._address,
            "virtual_hosted_style_request": True,  # the bucket is in the address already
            "region": bucket.region,
            "conditional_put": "etag",
            "disable_bulk_delete": True,
            "request_payer": False,
            "s3_express": False,
            "skip_signature": False,
            "unsigned_payload": False,
        }
        if options.encryption:
            config["server_side_encryption"] = options.encryption
        if options.kms_key:
            config["sse_kms_key_id"] = options.kms_key
        if self._sends_checksum:
            config["checksum_algorithm"] = "SHA256"
        client: dict[str, Any] = {
            "allow_http": True,
            "allow_invalid_certificates": False,
            "connect_timeout": timedelta(seconds=bucket.connect_seconds),
            "read_timeout": timedelta(seconds=options.timeout_seconds + more_seconds),
            "timeout": timedelta(days=1),  # of the whole request, which may go on as long as bytes come
        }
        if self._certificates is not None:
            client["root_certificate"] = self._certificates
        return ObjectStore(
            bucket.name,
            config=config,  # type: ignore[arg-type] # a dict whose keys depend on what is asked for
            client_options=client,  # type: ignore[arg-type]
            retry_config={"max_retries": 0},
            credential_provider=self._credential,
        )

    def _credential(self) -> S3Credential:
        key = self._bucket.keys.now()
        return {
            "access_key_id": key.id,
            "secret_access_key": key.secret,
            "token": key.token,
            "expires_at": datetime.now(UTC) + timedelta(minutes=_CREDENTIALS_MINUTES) if key.is_passing else None,
        }

    def _ask(self, operation: str, call: Callable[[], Any]) -> Any:
        self._bucket.keys.now()  # fails here, in botocore's words, and not in obstore's
        try:
            return call()
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise as_ours(error, operation, self._address) from error


class _NoETag(Unanswered):
    """An answer that says yes, without an ETag."""


def as_ours(error: Exception, operation: str, address: str) -> S3Error:
    """What a failure of obstore says, whose text holds the server's answer."""
    text = str(error)
    if isinstance(error, InvalidPathError) or (isinstance(error, ValueError) and "parse path" in text):
        return CannotSend(f"of a key: {_first_line(error)}")
    if answer := _STATUS.search(text):
        return _refusal(int(answer[1]), answer[2], answer[3], operation)
    if "BareRedirect" in text:
        return CannotSend("the bucket is elsewhere than told")
    if "MissingEtag" in text:
        return _NoETag("NoETag", "the answer has no ETag")
    if "InvalidCertificate" in text:
        return CannotSend("obstore does not trust the server's certificate")
    asked = _ASKED.search(text)
    kind = _KIND.search(text)
    found = kind[1] if kind else ""
    if found == "Connect" and "TimedOut" in text:
        found = "ConnectTimeout"
    return _unanswered(found, asked[1] if asked else address, _first_line(error))


def _unanswered(kind: str, url: str, text: str) -> Unanswered:
    """A failure of that kind in botocore's words; of no kind that is known, in those of `text`."""
    match kind:
        case "ConnectTimeout":
            told = f'Connect timeout on endpoint URL: "{url}"'
            return Unanswered("ConnectTimeoutError", told, is_passing=True)
        case "Connect":
            told = f'Could not connect to the endpoint URL: "{url}"'
            return Unanswered("EndpointConnectionError", told, is_passing=True)
        case "Timeout":
            return BrokenOff("ReadTimeoutError", f'Read timeout on endpoint URL: "{url}"', is_passing=True)
        case "Request" | "Interrupted":
            told = f'Connection was closed before we received a valid response from endpoint URL: "{url}".'
            return Unanswered("ConnectionClosedError", told, is_passing=True)
    return Unanswered("HTTPClientError", text, is_passing=True)


def _authorities(bucket: Bucket) -> str:
    """The file of the certificates to trust."""
    return bucket.ca_bundle or ssl.get_default_verify_paths().cafile or certifi.where()


def _proxy_in_capitals(url: str) -> str | None:
    """The proxy of HTTP_PROXY, which obstore heeds and libcurl does not: in a CGI program a client can set it."""
    return getproxies().get("http") if url.startswith("http:") and "http_proxy" not in os.environ else None


def _refusal(status: int, reason: str, body: str, operation: str) -> S3Error:
    code = _code_in(body)
    message = _IN_BODY["Message"].search(body)
    if code in _ELSEWHERE or status in _REDIRECTS:
        return CannotSend("the bucket is elsewhere than told")
    if status == 400 and "Content-MD5" in body:  # noqa: PLR2004 - Bad Request
        return CannotSend("the server insists on Content-MD5")
    told = unescape(message[1]) if message else reason
    return Refused(status=status, code=code or str(status), message=told, operation=operation)


def _code_in(body: str) -> str:
    found = _IN_BODY["Code"].search(body)
    return found[1] if found else ""


def _first_line(error: Exception) -> str:
    return str(error).split("\n\nDebug source:", 1)[0]


def _attributes(options: StoreOptions) -> dict[str, str]:
    return {"Storage-Class": options.storage_class} if options.storage_class else {}


def _headers(options: StoreOptions) -> dict[str, str]:
    """What every put asks for besides the object."""
    named = {
        "x-amz-server-side-encryption": options.encryption,
        "x-amz-server-side-encryption-aws-kms-key-id": options.kms_key,
        "x-amz-storage-class": options.storage_class,
    }
    return {name: value for name, value in named.items() if value}
