"""Requests for the objects of a bucket by boto3: what obstore cannot send, and what administers a bucket.

Imported when that is asked for: a client of boto3 costs as much CPU as hundreds of requests.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from archive.s3_errors import BrokenOff, Refused, S3Error, Unanswered
from archive.s3_settings import Bucket, unusable
from archive.s3_wire import WRONG_DIGEST, Page
from archive.store import ObjectInfo, StoreOptions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BROKE_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)


def client_of(bucket: Bucket) -> S3Client:
    """A boto3 client. Raises StoreError for what boto3 refuses."""
    config = Config(
        connect_timeout=bucket.connect_seconds,
        read_timeout=bucket.options.timeout_seconds,
        max_pool_connections=32,
        retries={"mode": "standard", "total_max_attempts": 3},
        s3=_addressing(bucket.options),
        **_checksum_settings(bucket),
    )
    try:
        session = boto3.session.Session(botocore_session=bucket.session())
        return session.client("s3", region_name=bucket.region, endpoint_url=bucket.options.endpoint, config=config)
    except (BotoCoreError, ValueError) as error:
        raise unusable(bucket.url, error) from error


def _addressing(options: StoreOptions) -> Any:
    return {"addressing_style": options.addressing} if options.addressing else None


def _checksum_settings(bucket: Bucket) -> Any:
    """Other makers' https endpoints refuse the trailing checksums that newer clients add unasked; Content-MD5 is sent
    with every put instead. What birdnest.toml says comes first, then what the environment and the profile say.
    """
    names = ("request_checksum_calculation", "response_checksum_validation")
    if bucket.options.checksums:
        return dict.fromkeys(names, bucket.options.checksums)
    said = bucket.session().get_scoped_config()
    return {name: "when_required" for name in names if not (os.environ.get(f"AWS_{name.upper()}") or said.get(name))}


@contextmanager
def in_our_words() -> Iterator[None]:
    """Failures of boto3 become those of `archive.s3_errors`."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise as_ours(error) from error


def as_ours(error: ClientError | BotoCoreError) -> S3Error:
    """What a failure of boto3 says."""
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return Refused(
            status=int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)),
            code=told.get("Code", ""),
            message=told.get("Message", ""),
            operation=error.operation_name,
        )
    kind = BrokenOff if isinstance(error, _BROKE_OFF) else Unanswered
    passing = isinstance(error, HTTPClientError) and not isinstance(error, ResponseStreamingError)
    return kind(type(error).__name__, str(error), is_passing=passing)


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
        with in_our_words():
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
        with in_our_words():
            body = self._client.get_object(Bucket=self._bucket.name, Key=name)["Body"]
            try:
                return body.read()
            except OSError as error:  # urllib3's own
                raise BrokenOff(type(error).__name__, str(error)) from error

    def head(self, name: str) -> None:
        with in_our_words():
            self._client.head_object(Bucket=self._bucket.name, Key=name)

    def delete(self, name: str) -> None:
        with in_our_words():
            self._client.delete_object(Bucket=self._bucket.name, Key=name)

    def page(self, prefix: str, after: str) -> Page:
        start: dict[str, Any] = {"StartAfter": after} if after else {}
        with in_our_words():
            told = self._client.list_objects_v2(Bucket=self._bucket.name, Prefix=prefix, **start)
        objects = [
            ObjectInfo(key=item["Key"], bytes=item["Size"], modified=item["LastModified"])
            for item in told.get("Contents", ())
        ]
        return Page(objects=objects, after=objects[-1].key if told.get("IsTruncated") and objects else None)

    def refuses_other_body(self, name: str, data: bytes, content_type: str) -> bool:
        try:
            self._send(name, data, content_type, digest_of=data + b"other", **self._retention())
        except Refused as error:
            return error.code in WRONG_DIGEST
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
