"""Objects in S3. Imported only for `s3://` archives: boto3 costs 0.7 s of CPU, which work on a folder need not pay."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from platformdirs import user_state_path

from archive.errors import ObjectMissing, StoreError, StoreUnclear, UsageError
from archive.layout import VIEWS, check_key
from archive.locks import ONE_AT_A_TIME, hold_lock
from archive.store import DEFAULTS, Locked, ObjectInfo, StoreOptions, Usage, check_mutable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_READ_ATTEMPTS = 6
_BODY_BROKE_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, OSError)


class S3Store:
    """Objects in a bucket of AWS S3 or a server that speaks its protocol (MinIO, Ceph, R2, …).

    Credentials, region and endpoint are found as every AWS user expects (environment, ~/.aws, instance role;
    `AWS_ENDPOINT_URL` for other makers). Create-only is `If-None-Match: *`; every put carries Content-MD5, the
    digest that most servers check.
    """

    def __init__(
        self, client: S3Client, bucket: str, prefix: str, options: StoreOptions = DEFAULTS, *, mutable: str = VIEWS
    ) -> None:
        self.client = client
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self.usage = Usage()
        self.options = options
        self._mutable = mutable
        self._asked = _asked_of_each_object(options)
        self._asked_of_views = _asked_of_each_object(replace(options, object_lock_days=None))
        self._keeps_create_only = True
        self._checks_digests = True
        self._learned = False

    @classmethod
    def open(cls, url: str, options: StoreOptions = DEFAULTS, *, mutable: str = VIEWS) -> S3Store:
        """The store of `s3://bucket/prefix`. Raises UsageError without a bucket, StoreError without credentials."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not bucket:
            raise UsageError(f"archive {url!r}: expected s3://bucket or s3://bucket/prefix")
        return cls(client(url, options), bucket, prefix.strip("/"), options, mutable=mutable)

    @property
    def on_this_host(self) -> bool:
        """Whether the server listens on this host only, so that a lock of this host's kernel reaches every writer."""
        host = urlsplit(self.client.meta.endpoint_url).hostname or ""
        return host in ("localhost", "::1") or host.startswith("127.")

    def learn(self, key: str) -> None:
        """Whether the server keeps create-only and checks Content-MD5: an object is put again with its own bytes.

        A reply of 200 proves nothing, so each is asked for what it must refuse: a create-only put of a key that is
        taken, and a put with the digest of other bytes. Whatever it does, the object is as it was.
        Without create-only a lock admits one writer of this host; without the check of digests every put is read back.
        """
        if self._learned:
            return
        data = self.read(key)
        self._keeps_create_only = not self._put(key, data, "application/json")
        self._checks_digests = self._refuses_wrong_digest(key, data)
        if not self._keeps_create_only:
            self._admit_one_writer()
        self._learned = True

    def _refuses_wrong_digest(self, key: str, data: bytes) -> bool:
        self.usage.count("PUT")
        try:
            self._send(key, data, "application/json", digest_of=data + b"other", IfNoneMatch=None)
        except ClientError as error:
            return error.response["Error"].get("Code") in ("BadDigest", "InvalidDigest")
        except BotoCoreError as error:
            raise self.explained(error, f"write {key}", unclear=True) from error
        return False

    def _admit_one_writer(self) -> None:
        if not (self.on_this_host or self.options.single_writer):
            raise StoreError(
                f"archive {self.url}: the store overwrites objects in spite of If-None-Match, so two writers could "
                "take each other's posts away: say `single_writer = true` in birdnest.toml if no other host writes to "
                "it, or use a store that keeps create-only (`birdnest doctor` tells)."
            )
        name = hashlib.sha256(f"{self.client.meta.endpoint_url} {self.url}".encode()).hexdigest()[:32]
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
        self.usage.count("PUT")
        try:
            self._send(key, data, content_type, digest_of=data, IfNoneMatch="*")
        except ClientError as error:
            if _status(error) == 412:  # noqa: PLR2004 - Precondition Failed: the key is taken
                return False
            raise self.explained(error, f"write {key}", unclear=True) from error
        except BotoCoreError as error:
            raise self.explained(error, f"write {key}", unclear=True) from error
        return True

    def _send(self, key: str, data: bytes, content_type: str, *, digest_of: bytes, **more: Any) -> None:
        self.client.put_object(
            Bucket=self.bucket,
            Key=self.prefix + check_key(key),
            Body=data,
            ContentType=content_type,
            ContentMD5=content_md5(digest_of),
            **self._asked(),
            **{name: value for name, value in more.items() if value is not None},
        )

    def put(self, key: str, data: bytes, content_type: str) -> None:
        name = self.prefix + check_mutable(key, self._mutable)
        self.usage.count("PUT")
        try:
            self.client.put_object(
                Bucket=self.bucket,
                Key=name,
                Body=data,
                ContentType=content_type,
                ContentMD5=content_md5(data),
                **self._asked_of_views(),
            )
        except (ClientError, BotoCoreError) as error:
            raise self.explained(error, f"write {key}", unclear=True) from error
        self.usage.wrote(len(data))

    def delete(self, key: str) -> None:
        name = self.prefix + check_mutable(key, self._mutable)
        self.usage.count("DELETE")
        try:
            self.client.delete_object(Bucket=self.bucket, Key=name)
        except (ClientError, BotoCoreError) as error:
            raise self.explained(error, f"remove {key}", unclear=True) from error

    def replace(self, key: str, data: bytes, content_type: str) -> None:
        """As `put`, without retention of its own: what replaces something may have to be replaced, too."""
        self.put(key, data, content_type)
        if not self._checks_digests:
            self._read_back(key, data)

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
        try:
            for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
                self.usage.count("LIST")
                yield from (dict(item) for item in page.get("Versions", ()))
                for mark in page.get("DeleteMarkers", ()):
                    yield {name: value for name, value in mark.items() if name != "Size"}
        except ClientError as error:
            if error.response["Error"].get("Code") not in _NO_VERSIONS:
                raise self.explained(error, "list the versions of objects") from error
        except BotoCoreError as error:
            raise self.explained(error, "list the versions of objects") from error

    def _erase_version(self, key: str, version: str) -> Locked | None:
        """Delete one version; what keeps it, where the store refuses."""
        self.usage.count("DELETE")
        try:
            self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key, VersionId=version)
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            if code not in _MAY_BE_LOCKED:
                raise self.explained(error, f"remove a version of {key}", unclear=True) from error
            return self._lock_of(key, version, code)
        except BotoCoreError as error:
            raise self.explained(error, f"remove a version of {key}", unclear=True) from error
        return None

    def _lock_of(self, key: str, version: str, code: str) -> Locked:
        self.usage.count("HEAD")
        try:
            told = self.client.head_object(Bucket=self.bucket, Key=self.prefix + key, VersionId=version)
        except (ClientError, BotoCoreError):
            return Locked(key=key, version=version, why=code)
        until, hold = told.get("ObjectLockRetainUntilDate"), told.get("ObjectLockLegalHoldStatus") == "ON"
        why = "" if until or hold else f"{code}: the right s3:DeleteObjectVersion may be missing"
        return Locked(key=key, version=version, until=until, hold=hold, why=why)

    def _holds(self, key: str) -> bool:
        self.usage.count("HEAD")
        try:
            self.client.head_object(Bucket=self.bucket, Key=self.prefix + check_key(key))
        except ClientError as error:
            if _status(error) == 404:  # noqa: PLR2004 - Not Found
                return False
            raise self.explained(error, f"look for {key}", unclear=True) from error
        except BotoCoreError as error:
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
        for attempt in range(_READ_ATTEMPTS):
            self.usage.count("GET")
            try:
                return self.client.get_object(Bucket=self.bucket, Key=self.prefix + check_key(key))["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                    raise ObjectMissing(self.url, key) from None
                raise self.explained(error, f"read {key}") from error
            except _BODY_BROKE_OFF as error:
                # After the headers botocore retries no more; all that fails before them it has retried already.
                if attempt + 1 == _READ_ATTEMPTS:
                    raise self.explained(error, f"read {key}") from error
                time.sleep(0.1 * 2**attempt)
            except BotoCoreError as error:
                raise self.explained(error, f"read {key}") from error
        raise AssertionError("unreachable")

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        start: dict[str, Any] = {"StartAfter": self.prefix + after} if after else {}
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix + prefix, **start
        )
        try:
            for page in pages:
                self.usage.count("LIST")
                for item in page.get("Contents", ()):
                    key = item["Key"].removeprefix(self.prefix)
                    yield ObjectInfo(key=key, bytes=item["Size"], modified=item["LastModified"])
        except (ClientError, BotoCoreError) as error:
            raise self.explained(error, f"list {prefix or 'the archive'}") from error

    def explained(self, error: Exception, action: str, *, unclear: bool = False) -> StoreError:
        if isinstance(error, ClientError):
            code = error.response["Error"].get("Code", "")
            if unclear and (_status(error) in _UNCLEAR_STATUSES or _status(error) >= 500):  # noqa: PLR2004
                return StoreUnclear(f"archive {self.url}: cannot {action}: the store answered {code}")
            advice = _S3_ADVICE[code].format(bucket=self.bucket) if code in _S3_ADVICE else _one_line(error)
            return StoreError(f"archive {self.url}: cannot {action}: {code}: {advice}")
        name = type(error).__name__
        if isinstance(error, ParamValidationError):
            return StoreError(f"archive {self.url}: cannot {action}: {_one_line(error)}: correct the address.")
        if name in _NO_CREDENTIALS:
            return StoreError(f"archive {self.url}: cannot {action}: {error}: {_CREDENTIALS_ADVICE}")
        if name == "EndpointConnectionError":
            kind = StoreUnclear if unclear else StoreError
            return kind(
                f"archive {self.url}: cannot {action}: {error} Look at AWS_ENDPOINT_URL and the network; "
                "what is archived stays, run again when the store answers."
            )
        kind = StoreUnclear if unclear else StoreError
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


def content_md5(data: bytes) -> str:
    """The digest of a request's body as the header Content-MD5 holds it (RFC 1864)."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def _asked_of_each_object(options: StoreOptions) -> Callable[[], dict[str, Any]]:
    """What every put asks for besides the object. No ACL: buckets without them refuse the request."""
    fixed = {
        "ServerSideEncryption": options.encryption,
        "SSEKMSKeyId": options.kms_key,
        "StorageClass": options.storage_class,
        "ObjectLockMode": "GOVERNANCE" if options.object_lock_days else None,
    }
    given = {name: value for name, value in fixed.items() if value is not None}
    days = options.object_lock_days

    def asked() -> dict[str, Any]:
        until = {"ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(days=days)} if days else {}
        return {**given, **until}

    return asked


def client(url: str, options: StoreOptions = DEFAULTS) -> S3Client:
    """A client for an archive. Raises StoreError naming `url` for a profile, region or endpoint that cannot be."""
    try:
        found = botocore.session.Session(profile=options.profile)
        config = Config(
            connect_timeout=min(10, options.timeout_seconds),
            read_timeout=options.timeout_seconds,
            max_pool_connections=32,
            retries={"mode": "standard", "total_max_attempts": 3},
            s3=_addressing(options),
            **_checksum_settings(options, found),
        )
        session = boto3.session.Session(botocore_session=found)
        region = options.region or session.region_name or "us-east-1"
        return session.client("s3", region_name=region, endpoint_url=options.endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise StoreError(f"archive {url}: cannot set up the S3 client: {error}") from error


def _addressing(options: StoreOptions) -> Any:
    return {"addressing_style": options.addressing} if options.addressing else None


def _checksum_settings(options: StoreOptions, session: botocore.session.Session) -> dict[str, Any]:
    """Other makers' https endpoints refuse the trailing checksums that newer clients add unasked; Content-MD5 is sent
    with every put instead. What birdnest.toml says comes first, then what the environment and the profile say.
    """
    names = ("request_checksum_calculation", "response_checksum_validation")
    if options.checksums:
        return dict.fromkeys(names, options.checksums)
    said = session.get_scoped_config()
    return {name: "when_required" for name in names if not (os.environ.get(f"AWS_{name.upper()}") or said.get(name))}


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _status(error: Exception) -> int:
    response = getattr(error, "response", {})
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
