"""Requests for the objects of a bucket: by obstore, and by boto3 where obstore cannot.

obstore sends a put for a seventh of the CPU that boto3 takes, at any number of threads. What it cannot do is rare, and
then boto3 does all of it: retention of each object (its headers must be signed), certificates that rustls refuses (a
server's own that may sign others), a bucket in another region than told, keys with empty segments, a server that
insists on Content-MD5, and endpoints of other kinds (FIPS, dual-stack, accelerated, access points).

Both raise botocore's exceptions, so that a failure is told in one way. Each request is sent once; who asks, repeats it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import quote
from xml.sax.saxutils import unescape

import obstore
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
)
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from obstore.exceptions import BaseError, InvalidPathError
from obstore.store import S3Store as ObjectStore

from archive.s3_settings import Bucket, read_ca_bundle
from archive.store import ObjectInfo, StoreOptions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
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
_ASKED = re.compile(r"Error performing [A-Z]+ (\S+) in ")


class BeyondObstoreError(Exception):
    """obstore cannot do what is asked; `why` ends the sentence "boto3 sends the requests, because …"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, kw_only=True)
class Page:
    """Part of a listing; `after`: the key from which the next one goes on, None after the last."""

    objects: list[ObjectInfo]
    after: str | None


class Wire(Protocol):
    """How objects are asked for. `name` is an object's whole key in its bucket. All methods may be called by threads.

    All raise ClientError and BotoCoreError. attempts: how often to send what failed in passing. why: why it is not
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
    """Raises BeyondObstoreError besides. A put carries the SHA-256 of its body, signed."""

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
        self._found: Credentials | None = None
        self._store(0)  # what is set wrongly is told at once

    def put(self, name: str, data: bytes, content_type: str, *, create_only: bool, retained: bool = True) -> None:  # noqa: ARG002 - it knows no retention
        store = self._store(len(data) // _SLOW_STEP_BYTES)
        attributes = {**self._fixed, "Content-Type": content_type}
        mode: Literal["create", "overwrite"] = "create" if create_only else "overwrite"
        with suppress(_NoETagError):  # the server has taken it, all the same
            self._ask(
                "PutObject",
                lambda: obstore.put(store, name, data, attributes=attributes, mode=mode, use_multipart=False),
            )

    def get(self, name: str) -> bytes:
        answer = self._ask("GetObject", lambda: obstore.get(self._store(), name))
        try:
            return bytes(answer.bytes())
        except BaseError as error:
            raise ResponseStreamingError(error=_first_line(error)) from error

    def head(self, name: str) -> None:
        with suppress(_NoETagError):
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
        announced = data + b"other"
        headers = {**_headers(self._bucket.options), "Content-Type": content_type}
        if self._sends_checksum:
            headers["x-amz-checksum-sha256"] = base64.b64encode(hashlib.sha256(announced).digest()).decode()
        url = f"{self._address}/{quote(name, safe='/~')}"
        request = AWSRequest("PUT", url, data=announced, headers=headers)
        S3SigV4Auth(self._credentials(), "s3", self._bucket.region).add_auth(request)
        prepared = request.prepare()
        prepared.body = data
        prepared.headers["Content-Length"] = str(len(data))
        session = URLLib3Session(
            verify=self._bucket.ca_bundle or True,  # type: ignore[arg-type] # the stubs know no path,
            proxies=get_environ_proxies(url),
            timeout=(self._bucket.connect_seconds, self._bucket.options.timeout_seconds),  # type: ignore[arg-type] # no pair
        )
        try:
            answer = session.send(prepared)
            status, told = answer.status_code, answer.text
        except SSLError:
            return False  # an authority that obstore has from the system, and botocore from nobody: it cannot be told
        finally:
            session.close()
        if status in _PASSING_STATUSES:
            raise _refusal(status, "", told, "PutObject")
        return _code_in(told) in WRONG_DIGEST

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

    def _credentials(self) -> Credentials:
        """Those of the session, refreshed where they were about to expire. Raises NoCredentialsError."""
        with self._lock:
            if self._found is None:
                self._found = self._bucket.session.get_credentials()
            if self._found is None:
                raise NoCredentialsError
        return self._found

    def _credential(self) -> S3Credential:
        found = self._credentials()
        frozen = found.get_frozen_credentials()
        passing = isinstance(found, RefreshableCredentials)
        return {
            "access_key_id": frozen.access_key or "",
            "secret_access_key": frozen.secret_key or "",
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + timedelta(minutes=_CREDENTIALS_MINUTES) if passing else None,
        }

    def _ask(self, operation: str, call: Callable[[], Any]) -> Any:
        self._credentials().get_frozen_credentials()  # fails here, in botocore's words, and not in obstore's
        try:
            return call()
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise as_botocore(error, operation, self._address) from error


class _NoETagError(BotoCoreError):
    fmt = "the answer has no ETag"


def as_botocore(error: Exception, operation: str, address: str) -> Exception:
    """The exception that botocore raises of the same as this one of obstore, whose text holds the server's answer."""
    text = str(error)
    if isinstance(error, InvalidPathError) or (isinstance(error, ValueError) and "parse path" in text):
        return BeyondObstoreError(f"of a key: {_first_line(error)}")
    if answer := _STATUS.search(text):
        return _refusal(int(answer[1]), answer[2], answer[3], operation)
    if "BareRedirect" in text:
        return BeyondObstoreError("the bucket is elsewhere than told")
    if "MissingEtag" in text:
        return _NoETagError()
    if "InvalidCertificate" in text:
        return BeyondObstoreError("obstore does not trust the server's certificate")
    asked = _ASKED.search(text)
    url = asked[1] if asked else address
    kind = _KIND.search(text)
    match kind and kind[1]:
        case "Connect" if "TimedOut" in text:
            return ConnectTimeoutError(endpoint_url=url)
        case "Connect":
            return EndpointConnectionError(endpoint_url=url)
        case "Timeout":
            return ReadTimeoutError(endpoint_url=url)
        case "Request" | "Interrupted":
            return ConnectionClosedError(endpoint_url=url)
    return HTTPClientError(error=_first_line(error))


def _refusal(status: int, reason: str, body: str, operation: str) -> Exception:
    code = _code_in(body)
    message = _IN_BODY["Message"].search(body)
    if code in _ELSEWHERE or status in _REDIRECTS:
        return BeyondObstoreError("the bucket is elsewhere than told")
    if status == 400 and "Content-MD5" in body:  # noqa: PLR2004 - Bad Request
        return BeyondObstoreError("the server insists on Content-MD5")
    told = {"Code": code or str(status), "Message": unescape(message[1]) if message else reason}
    return ClientError({"Error": told, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)  # type: ignore[typeddict-item]


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


class Boto3Wire:
    """A put carries Content-MD5, and the retention that is asked for. botocore repeats what failed in passing."""

    attempts = 1
    check = "Content-MD5"

    def __init__(self, bucket: Bucket, client: S3Client, why: str) -> None:
        self.why: str | None = why
        self._bucket = bucket
        self._client = client

    def put(self, name: str, data: bytes, content_type: str, *, create_only: bool, retained: bool = True) -> None:
        more = {"IfNoneMatch": "*"} if create_only else {}
        self._send(name, data, content_type, digest_of=data, **more, **(self._retention() if retained else {}))

    def _send(self, name: str, data: bytes, content_type: str, *, digest_of: bytes, **more: Any) -> None:
        self._client.put_object(
            Bucket=self._bucket.name,
            Key=name,
            Body=data,
            ContentType=content_type,
            ContentMD5=content_md5(digest_of),
            **_asked(self._bucket.options),
            **more,
        )

    def get(self, name: str) -> bytes:
        return self._client.get_object(Bucket=self._bucket.name, Key=name)["Body"].read()

    def head(self, name: str) -> None:
        self._client.head_object(Bucket=self._bucket.name, Key=name)

    def delete(self, name: str) -> None:
        self._client.delete_object(Bucket=self._bucket.name, Key=name)

    def page(self, prefix: str, after: str) -> Page:
        start: dict[str, Any] = {"StartAfter": after} if after else {}
        told = self._client.list_objects_v2(Bucket=self._bucket.name, Prefix=prefix, **start)
        objects = [
            ObjectInfo(key=item["Key"], bytes=item["Size"], modified=item["LastModified"])
            for item in told.get("Contents", ())
        ]
        return Page(objects=objects, after=objects[-1].key if told.get("IsTruncated") and objects else None)

    def refuses_other_body(self, name: str, data: bytes, content_type: str) -> bool:
        try:
            self._send(name, data, content_type, digest_of=data + b"other", **self._retention())
        except ClientError as error:
            return error.response["Error"].get("Code") in WRONG_DIGEST
        return False

    def _retention(self) -> dict[str, Any]:
        days = self._bucket.options.object_lock_days
        if not days:
            return {}
        until = datetime.now(UTC) + timedelta(days=days)
        return {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}


def _asked(options: StoreOptions) -> dict[str, Any]:
    """What every put asks for besides the object. No ACL: buckets without them refuse the request."""
    named = {
        "ServerSideEncryption": options.encryption,
        "SSEKMSKeyId": options.kms_key,
        "StorageClass": options.storage_class,
    }
    return {name: value for name, value in named.items() if value is not None}


def content_md5(data: bytes) -> str:
    """The digest of a request's body as the header Content-MD5 holds it (RFC 1864)."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


_PASSING_STATUSES = (500, 502, 503, 504)
_PASSING_CODES = frozenset(
    ("RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "Throttling", "ThrottlingException",
     "RequestThrottled", "RequestLimitExceeded", "BandwidthLimitExceeded", "TooManyRequestsException", "SlowDown")
)  # fmt: skip


def is_passing(error: Exception) -> bool:
    """Whether the same request may well succeed in a moment, by botocore's own rules (its mode "standard")."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status in _PASSING_STATUSES or error.response["Error"].get("Code") in _PASSING_CODES
    if isinstance(error, ResponseStreamingError):
        return False  # an answer has come; whoever reads it asks again
    return isinstance(error, HTTPClientError | EndpointConnectionError | ConnectTimeoutError | ReadTimeoutError)
