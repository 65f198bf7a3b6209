"""Objects in S3. Imported only for `s3://` archives: boto3 costs 0.7 s of CPU, which work on a folder need not pay."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    IncompleteReadError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from archive.errors import ObjectMissing, StoreError, StoreUnclear, UsageError
from archive.layout import check_key
from archive.store import ObjectInfo, Usage

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

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self.client = client
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self.usage = Usage()

    @classmethod
    def open(cls, url: str) -> S3Store:
        """The store of `s3://bucket/prefix`. Raises UsageError without a bucket, StoreError without credentials."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        if not bucket:
            raise UsageError(f"archive {url!r}: expected s3://bucket or s3://bucket/prefix")
        return cls(_client(url), bucket, prefix.strip("/"))

    def create(self, key: str, data: bytes, content_type: str) -> bool:
        self.usage.count("PUT")
        try:
            self.client.put_object(
                Bucket=self.bucket,
                Key=self.prefix + check_key(key),
                Body=data,
                ContentType=content_type,
                ContentMD5=base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode(),
                IfNoneMatch="*",
            )
        except ClientError as error:
            if _status(error) == 412:  # noqa: PLR2004 - Precondition Failed: the key is taken
                return False
            raise self._error(error, f"write {key}", unclear=True) from error
        except BotoCoreError as error:
            raise self._error(error, f"write {key}", unclear=True) from error
        self.usage.wrote(len(data))
        return True

    def read(self, key: str) -> bytes:
        for attempt in range(_READ_ATTEMPTS):
            self.usage.count("GET")
            try:
                return self.client.get_object(Bucket=self.bucket, Key=self.prefix + check_key(key))["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                    raise ObjectMissing(self.url, key) from None
                raise self._error(error, f"read {key}") from error
            except _BODY_BROKE_OFF as error:
                # After the headers botocore retries no more; all that fails before them it has retried already.
                if attempt + 1 == _READ_ATTEMPTS:
                    raise self._error(error, f"read {key}") from error
                time.sleep(0.1 * 2**attempt)
            except BotoCoreError as error:
                raise self._error(error, f"read {key}") from error
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
            raise self._error(error, f"list {prefix or 'the archive'}") from error

    def _error(self, error: Exception, action: str, *, unclear: bool = False) -> StoreError:
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
    "AccessDenied": "these credentials may not do that: Birdnest needs s3:GetObject, s3:PutObject and s3:ListBucket.",
    "InvalidAccessKeyId": f"the access key is unknown to the store: {_CREDENTIALS_ADVICE}",
    "SignatureDoesNotMatch": f"the secret key is wrong: {_CREDENTIALS_ADVICE}",
    "ExpiredToken": "the session's credentials have expired: log in again and run again, what is archived stays.",
    "InvalidToken": f"the session token is not valid: {_CREDENTIALS_ADVICE}",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set AWS_REGION.",
    "PermanentRedirect": "the bucket is in another region: set AWS_REGION.",
}


def _client(url: str) -> S3Client:
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=32,
        retries={"mode": "standard", "total_max_attempts": 3},
        # Other makers' https endpoints refuse the trailing checksums that newer clients add unasked; Content-MD5
        # is sent with every put instead.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        session = boto3.session.Session()
        return session.client("s3", region_name=session.region_name or "us-east-1", config=config)
    except (BotoCoreError, ValueError) as error:
        raise StoreError(f"archive {url}: cannot set up the S3 client: {error}") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _status(error: Exception) -> int:
    response = getattr(error, "response", {})
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
