"""Objects in S3. Imported only for `s3://` archives."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from obstore.exceptions import BaseError
from platformdirs import user_state_path

from archive.errors import ObjectMissing, StoreError, StoreUnclear, UsageError
from archive.layout import VIEWS, check_key
from archive.locks import ONE_AT_A_TIME, hold_lock
from archive.s3_errors import BrokenOff, CannotSend, Refused, S3Error, Unanswered
from archive.s3_settings import Bucket, find_bucket
from archive.s3_wire import ObstoreWire, Page, Wire
from archive.store import DEFAULTS, Locked, ObjectInfo, StoreOptions, Usage, check_mutable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_T = TypeVar("_T")
_READ_ATTEMPTS = 6
_LONGEST_WAIT_SECONDS = 20.0


class S3Store:
    """Objects in a bucket of AWS S3 or a server that speaks its protocol (MinIO, Ceph, R2, …).

    Credentials, region and endpoint are found as every AWS user expects (environment, ~/.aws, instance role;
    `AWS_ENDPOINT_URL` for other makers). Create-only is `If-None-Match: *`; every put carries a digest for the server
    to check (`archive.s3_wire` tells which). Versions and locks are asked for through `client`.
    """

    def __init__(self, bucket: Bucket, prefix: str, *, mutable: str = VIEWS) -> None:
        self.bucket = bucket.name
        self.prefix = f"{prefix}/" if prefix else ""
        self.url = f"s3://{bucket.name}/{prefix}".rstrip("/")
        self.usage = Usage()
        self.options = bucket.options
        self._way = bucket
        self._mutable = mutable
        self._keeps_create_only = True
        self._checks_digests = True
        self._learned = False
        self._changing = threading.Lock()
        self._client: S3Client | None = None
        self._wire: Wire | None = None

    @classmethod
    def open(cls, url: str, options: StoreOptions = DEFAULTS, *, mutable: str = VIEWS) -> S3Store:
        """The store of `s3://bucket/prefix`. Raises UsageError without a bucket, StoreError for settings that fail."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not bucket:
            raise UsageError(f"archive {url!r}: expected s3://bucket or s3://bucket/prefix")
        store = cls(find_bucket(bucket, url, options), prefix.strip("/"), mutable=mutable)
        store.wire  # noqa: B018 - what is set wrongly is told at once
        return store

    def close(self) -> None:
        """Close the connections that Python holds."""
        if self._client is not None:
            self._client.close()

    @property
    def client(self) -> S3Client:
        """A boto3 client, made when it is first asked for. Raises StoreError."""
        from archive.s3_boto3 import client_of

        with self._changing:
            if self._client is None:
                self._client = client_of(self._way)
            return self._client

    @property
    def wire(self) -> Wire:
        """What sends the requests for objects. Raises StoreError."""
        if self._wire is None:
            self._wire = self._first_wire()
        return self._wire

    def _first_wire(self) -> Wire:
        if self.options.object_lock_days:
            return self._boto3("of the retention of each object")
        if self._way.address is None:
            return self._boto3("of the bucket's name or the kind of its endpoint")
        try:
            return ObstoreWire(self._way, self._way.address)
        except (ValueError, BaseError) as error:
            raise StoreError(f"archive {self.url}: cannot set up the S3 client: {_one_line(error)}") from error

    def _boto3(self, why: str) -> Wire:
        from archive.s3_boto3 import Boto3Wire

        return Boto3Wire(self._way, self.client, why)

    def _go_on_with_boto3(self, instead_of: Wire, why: str) -> None:
        boto3 = self._boto3(why)
        with self._changing:
            if self._wire is instead_of:
                self._wire = boto3
                # What the server checks was learnt of other requests.
                self._checks_digests = not self._learned

    @property
    def on_this_host(self) -> bool:
        """Whether the server listens on this host only, so that a lock of this host's kernel reaches every writer."""
        host = urlsplit(self._way.endpoint).hostname or ""
        return host in ("localhost", "::1") or host.startswith("127.")

    def learn(self, key: str) -> None:
        """Whether the server keeps create-only and checks digests: an object is put again with its own bytes.

        A reply of 200 proves nothing, so each is asked for what it must refuse: a create-only put of a key that is
        taken, and a put that announces other bytes than it brings. Whatever it does, the object is as it was.
        Without create-only a lock admits one writer of this host; without the check of digests every put is read back.
        """
        if self._learned:
            return
        data = self.read(key)
        self._keeps_create_only = not self._put(key, data, "application/json")
        self._checks_digests = self.refuses_other_body(key, data, "application/json")
        if not self._keeps_create_only:
            self._admit_one_writer()
        self._learned = True

    def refuses_other_body(self, key: str, data: bytes, content_type: str) -> bool:
        """Whether the server makes the check that every put relies on; `data` is what the object holds, and keeps."""
        name = self.prefix + key
        try:
            return self._ask("PUT", lambda wire: wire.refuses_other_body(name, data, content_type))
        except Refused:
            return False
        except S3Error as error:
            raise self.explained(error, f"write {key}", unclear=True) from error

    def _admit_one_writer(self) -> None:
        if not (self.on_this_host or self.options.single_writer):
            raise StoreError(
                f"archive {self.url}: the store overwrites objects in spite of If-None-Match, so two writers could "
                "take each other's posts away: say `single_writer = true` in birdnest.toml if no other host writes to "
                "it, or use a store that keeps create-only (`birdnest doctor` tells)."
            )
        name = hashlib.sha256(f"{self._way.endpoint} {self.url}".encode()).hexdigest()[:32]
        folder = self.options.locks or user_state_path("birdnest") / "locks"
        try:
            hold_lock(folder / f"{name}.lock", self.url)
        except OSError as error:
            raise StoreError(f"archive {self.url}: cannot lock {folder}/{name}.lock: {error.strerror}") from error

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        if self._keeps_create_only:
            created = self._put(key, data, content_type)
        else:
            with ONE_AT_A_TIME:
                created = not self._holds(key) and self._put(key, data, content_type)
        if created and not self._checks_digests:
            self._read_back(key, data)
        if created:
            self.usage.wrote(len(data))
        return created

    def _put(self, key: str, data: bytes, content_type: str) -> bool:
        name = self.prefix + check_key(key)
        try:
            self._ask("PUT", lambda wire: wire.put(name, data, content_type, create_only=True))
        except S3Error as error:
            if isinstance(error, Refused) and error.status == 412:  # noqa: PLR2004 - Precondition Failed: it is taken
                return False
            raise self.explained(error, f"write {key}", unclear=True) from error
        return True

    def put(self, key: str, data: bytes, content_type: str) -> None:
        name = self.prefix + check_mutable(key, self._mutable)
        try:
            self._ask("PUT", lambda wire: wire.put(name, data, content_type, create_only=False, retained=False))
        except S3Error as error:
            raise self.explained(error, f"write {key}", unclear=True) from error
        self.usage.wrote(len(data))

    def delete(self, key: str) -> None:
        name = self.prefix + check_mutable(key, self._mutable)
        try:
            self._ask("DELETE", lambda wire: wire.delete(name))
        except S3Error as error:
            raise self.explained(error, f"remove {key}", unclear=True) from error

    def replace(self, key: str, data: bytes, content_type: str) -> None:
        """As `put`, without retention of its own: what replaces something may have to be replaced, too."""
        self.put(key, data, content_type)
        if not self._checks_digests:
            self._read_back(key, data)

    def _ask(self, operation: str, call: Callable[[Wire], _T]) -> _T:
        """What a request brings, sent again where it failed in passing. Each one that is sent is counted."""
        attempt = 0
        while True:
            wire = self.wire
            self.usage.count(operation)
            try:
                return call(wire)
            except CannotSend as error:
                self._go_on_with_boto3(wire, error.why)
            except S3Error as error:
                attempt += 1
                if attempt >= wire.attempts or not error.is_passing:
                    raise
                longest = min(_LONGEST_WAIT_SECONDS, 2.0 ** (attempt - 1))
                time.sleep(random.uniform(0, longest))  # noqa: S311 - jitter, not a secret

    def erase(self, key: str, *, keep_current: bool = False) -> tuple[Locked, ...]:
        name = self.prefix + check_mutable(key, self._mutable)
        if not keep_current:
            self.delete(key)  # first: whatever is locked, it is read no more
        locked = []
        marks = []
        for item in list(self._history(name)):
            if item["Key"] != name or (keep_current and item["IsLatest"] and "Size" in item):
                continue
            if "Size" not in item:
                marks.append(item["VersionId"])
            elif (kept := self._erase_version(key, item["VersionId"])) is not None:
                locked.append(kept)
        # A mark hides what is locked beneath it.
        for mark in marks if not locked or keep_current else ():
            self._erase_version(key, mark)
        return tuple(locked)

    def with_history(self, prefix: str) -> Iterator[str]:
        found = (
            item["Key"] for item in self._history(self.prefix + prefix) if not item["IsLatest"] or "Size" not in item
        )
        for name in dict.fromkeys(found):
            yield name.removeprefix(self.prefix)

    def _history(self, prefix: str) -> Iterator[dict[str, Any]]:
        """All versions and marks of deletion below a prefix; of a mark there is no `Size`.

        A bucket without versioning has one version of each object, and a server that knows no versions none.
        """
        from archive.s3_boto3 import in_our_words

        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
        try:
            with in_our_words():
                for page in pages:
                    self.usage.count("LIST")
                    yield from (dict(item) for item in page.get("Versions", ()))
                    for mark in page.get("DeleteMarkers", ()):
                        yield {name: value for name, value in mark.items() if name != "Size"}
        except S3Error as error:
            if not isinstance(error, Refused) or error.code not in _NO_VERSIONS:
                raise self.explained(error, "list the versions of objects") from error

    def _erase_version(self, key: str, version: str) -> Locked | None:
        """Delete one version; what keeps it, where the store refuses."""
        from archive.s3_boto3 import in_our_words

        self.usage.count("DELETE")
        try:
            with in_our_words():
                self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key, VersionId=version)
        except S3Error as error:
            if isinstance(error, Refused) and error.code in _MAY_BE_LOCKED:
                return self._lock_of(key, version, error.code)
            raise self.explained(error, f"remove a version of {key}", unclear=True) from error
        return None

    def _lock_of(self, key: str, version: str, code: str) -> Locked:
        from archive.s3_boto3 import in_our_words

        self.usage.count("HEAD")
        try:
            with in_our_words():
                told = self.client.head_object(Bucket=self.bucket, Key=self.prefix + key, VersionId=version)
        except S3Error:
            return Locked(key=key, version=version, why=code)
        until, hold = told.get("ObjectLockRetainUntilDate"), told.get("ObjectLockLegalHoldStatus") == "ON"
        why = "" if until or hold else f"{code}: the right s3:DeleteObjectVersion may be missing"
        return Locked(key=key, version=version, until=until, hold=hold, why=why)

    def _holds(self, key: str) -> bool:
        name = self.prefix + check_key(key)
        try:
            self._ask("HEAD", lambda wire: wire.head(name))
        except S3Error as error:
            if isinstance(error, Refused) and error.status == 404:  # noqa: PLR2004 - Not Found
                return False
            raise self.explained(error, f"look for {key}", unclear=True) from error
        return True

    def _read_back(self, key: str, data: bytes) -> None:
        try:
            found = self.read(key)
        except ObjectMissing:
            raise StoreUnclear(f"archive {self.url}: {key} was acknowledged and is not there") from None
        if found != data:
            raise StoreError(
                f"archive {self.url}: {key} was acknowledged and holds {len(found)} bytes that are not the {len(data)} "
                "that were sent: delete that object, look at the store and the way to it, and run again."
            )

    def read(self, key: str) -> bytes:
        name = self.prefix + check_key(key)
        for attempt in range(_READ_ATTEMPTS):
            try:
                return self._ask("GET", lambda wire: wire.get(name))
            except S3Error as error:
                if isinstance(error, Refused) and error.code in ("NoSuchKey", "404"):
                    raise ObjectMissing(self.url, key) from None
                # An answer that breaks off after its headers is no failed request to `_ask`.
                if not isinstance(error, BrokenOff) or attempt + 1 == _READ_ATTEMPTS:
                    raise self.explained(error, f"read {key}") from error
                time.sleep(0.1 * 2**attempt)
        raise AssertionError("unreachable")

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        start: str | None = self.prefix + after if after else ""
        while start is not None:
            page = self._page(prefix, start)
            for info in page.objects:
                key = info.key.removeprefix(self.prefix)
                if not after or key > after:
                    yield ObjectInfo(key=key, bytes=info.bytes, modified=info.modified)
            start = page.after

    def _page(self, prefix: str, start: str) -> Page:
        try:
            return self._ask("LIST", lambda wire: wire.page(self.prefix + prefix, start))
        except S3Error as error:
            raise self.explained(error, f"list {prefix or 'the archive'}") from error

    def explained(self, error: S3Error, action: str, *, unclear: bool = False) -> StoreError:
        if isinstance(error, Refused):
            if unclear and (error.status in _UNCLEAR_STATUSES or error.status >= 500):  # noqa: PLR2004
                return StoreUnclear(f"archive {self.url}: cannot {action}: the store answered {error.code}")
            advice = _S3_ADVICE.get(error.code)
            told = advice.format(bucket=self.bucket) if advice else _one_line(error)
            return StoreError(f"archive {self.url}: cannot {action}: {error.code}: {told}")
        name = error.name if isinstance(error, Unanswered) else type(error).__name__
        if name == "ParamValidationError":
            return StoreError(f"archive {self.url}: cannot {action}: {_one_line(error)}: correct the address.")
        if name in _NO_CREDENTIALS:
            return StoreError(f"archive {self.url}: cannot {action}: {error}: {_CREDENTIALS_ADVICE}")
        kind = StoreUnclear if unclear else StoreError
        if name == "EndpointConnectionError":
            return kind(
                f"archive {self.url}: cannot {action}: {error} Look at AWS_ENDPOINT_URL and the network; "
                "what is archived stays, run again when the store answers."
            )
        return kind(f"archive {self.url}: cannot {action}: {name}: {_one_line(error)}")


_NO_VERSIONS = ("NotImplemented", "MethodNotAllowed", "NotSupported")
_MAY_BE_LOCKED = ("AccessDenied", "InvalidRequest", "MethodNotAllowed", "ObjectLocked", "InvalidObjectState")
_UNCLEAR_STATUSES = (408, 409, 429)
_NO_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
)
_CREDENTIALS_ADVICE = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, as for any AWS tool."
_S3_ADVICE = {
    "NoSuchBucket": "there is no bucket {bucket!r}: create it, or correct the name.",
    "AccessDenied": "these credentials may not do that: Birdnest needs s3:GetObject, s3:PutObject and s3:ListBucket, "
    "and s3:DeleteObject below views/ (`birdnest doctor --policy`); for `takedown` and `gc` see `--takedown-policy`.",
    "InvalidAccessKeyId": f"the access key is unknown to the store: {_CREDENTIALS_ADVICE}",
    "SignatureDoesNotMatch": f"the secret key is wrong: {_CREDENTIALS_ADVICE}",
    "ExpiredToken": "the session's credentials have expired: log in again and run again, what is archived stays.",
    "InvalidToken": f"the session token is not valid: {_CREDENTIALS_ADVICE}",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set AWS_REGION.",
    "PermanentRedirect": "the bucket is in another region: set AWS_REGION.",
}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
