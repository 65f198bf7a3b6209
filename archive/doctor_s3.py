"""The probes of `archive.doctor` for S3, and the rights that suffice. Imported only for `s3://` archives."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from archive.doctor import RACERS, TEXT, Check, race
from archive.errors import StoreError
from archive.layout import PROBES, VIEWS
from archive.s3 import S3Store
from archive.s3_boto3 import as_ours, content_md5

_MAX_SKEW_SECONDS = 300
_RELIES_ELSEWHERE = "nothing: see the check of every put"
_NAMES = ("a-b/c", "a.c", "a/b", "b", "中文/键")


class _Probe:
    """A place of its own below an archive's prefix."""

    def __init__(self, store: S3Store) -> None:
        self.store = store
        self.client = store.client
        self.bucket = store.bucket
        self.prefix = f"{store.prefix}{PROBES}{uuid.uuid4().hex}/"
        self.put_keys: list[str] = []

    def put(self, name: str, data: bytes, *, create_only: bool = True, **more: Any) -> int:
        """The status of a put."""
        key = self.prefix + name
        self.put_keys.append(key)
        if create_only:
            more["IfNoneMatch"] = "*"
        try:
            self.client.put_object(Bucket=self.bucket, Key=key, Body=data, ContentType=TEXT, **more)
        except ClientError as error:
            return _status(error)
        return 200

    def read(self, name: str) -> bytes | None:
        try:
            return self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)["Body"].read()
        except ClientError as error:
            if _status(error) == 404:  # noqa: PLR2004 - Not Found
                return None
            raise

    def create(self, name: str, data: bytes) -> bool:
        return self.put(name, data) == 200  # noqa: PLR2004 - OK

    def clean(self) -> list[str]:
        """Remove all that was put; the keys that could not be removed."""
        left = []
        for key in dict.fromkeys(self.put_keys):
            try:
                self.client.delete_object(Bucket=self.bucket, Key=key)
            except ClientError:
                left.append(key)
        return left


def examine_s3(store: S3Store) -> Iterator[Check]:
    """The checks of an S3 store. Raises StoreError where the bucket cannot be listed or written to."""
    probe = _Probe(store)
    try:
        yield _reached(probe)
        yield from _basics(probe)
        for check in (
            _race,
            _sender,
            _relied_on,
            _wrong_md5,
            _wrong_sha256,
            _wrong_body,
            _listing,
            _versioning,
            _object_lock,
            _wrong_secret,
        ):
            yield check(probe)
    except (ClientError, BotoCoreError) as error:
        raise store.explained(as_ours(error), "examine it") from error
    finally:
        with contextlib.suppress(BotoCoreError):
            left = probe.clean()
    yield Check(
        name="right to delete",
        holds=None,
        found=f"{len(left)} probes could not be deleted" if left else "the probes are gone",
        does=f"deletes in views/ only; remove {store.url}/{PROBES} by hand" if left else "",
    )


def _reached(probe: _Probe) -> Check:
    reply = probe.client.list_objects_v2(Bucket=probe.bucket, Prefix=probe.store.prefix, MaxKeys=1)
    date = reply["ResponseMetadata"]["HTTPHeaders"].get("date")
    skew = abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()) if date else 0.0
    return Check(
        name="right to list, and the clock",
        holds=skew < _MAX_SKEW_SECONDS,
        found=f"listed; the clocks differ by {skew:.0f} s",
        does="" if skew < _MAX_SKEW_SECONDS else "S3 refuses requests from 15 minutes on: set this machine's clock",
    )


def _basics(probe: _Probe) -> Iterator[Check]:
    status = probe.put("probe", b"first", ContentMD5=content_md5(b"first"))
    if status != 200:  # noqa: PLR2004 - OK
        raise StoreError(
            f"archive {probe.store.url}: a put was answered {status}: these credentials need s3:PutObject there"
        )
    found = probe.read("probe")
    yield Check(name="rights to put and get", holds=True, found="an object was put and read", needed=True)
    yield Check(
        name="read after write",
        holds=found == b"first",
        found="the object read is the one put" if found == b"first" else f"read {found!r}",
        needed=True,
    )
    status = probe.put("probe", b"second")
    kept = probe.read("probe") == b"first"
    yield _create_only(probe, "create-only", holds=kept, found=f"a second put of one key was answered {status}"
                       + ("" if kept else " and overwrote the first"))  # fmt: skip


def _create_only(probe: _Probe, name: str, *, holds: bool, found: str) -> Check:
    options = probe.store.options
    if holds:
        return Check(name=name, holds=True, found=found)
    if probe.store.on_this_host or options.single_writer:
        why = "the server is on this host" if probe.store.on_this_host else "single_writer says so"
        return Check(name=name, holds=False, found=found, does=f"admits one writer of this host, by a lock ({why})")
    does = "refuses to write, unless birdnest.toml says `single_writer = true`"
    return Check(name=name, holds=False, found=found, does=does, needed=True)


def _race(probe: _Probe) -> Check:
    winners, whole = race(lambda data: probe.create("race", data), lambda: probe.read("race") or b"")
    found = f"{winners} of {RACERS} writers of one key won" + ("" if whole else ", and the object is no winner's")
    return _create_only(probe, f"a race of {RACERS}", holds=winners == 1 and whole, found=found)


def _sender(probe: _Probe) -> Check:
    why = probe.store.wire.why
    found = "sent by obstore" if why is None else f"sent by boto3, because {why}"
    return Check(name="requests for objects", holds=None, found=found)


def _relied_on(probe: _Probe) -> Check:
    """The check of what arrives that this archive's puts count on, tried with a request like theirs."""
    probe.put("relied-on", b"data")
    refused = probe.store.refuses_other_body(f"{probe.prefix.removeprefix(probe.store.prefix)}relied-on", b"data", TEXT)
    found = f"{probe.store.wire.check} of other bytes is {'refused' if refused else 'accepted'}"
    does = "" if refused else "reads every object back after it was put"
    return Check(name="the check of every put", holds=refused, found=found, does=does)


def _digest(probe: _Probe, key: str, name: str, put: Callable[[], int]) -> Check:
    status = put()
    stored = probe.read(key) is not None
    found = f"answered {status}" + (", and stored" if stored else "")
    return Check(name=name, holds=not stored, found=found, does=_RELIES_ELSEWHERE if stored else "")


def _wrong_md5(probe: _Probe) -> Check:
    wrong = content_md5(b"other")
    return _digest(probe, "md5", "wrong Content-MD5", lambda: probe.put("md5", b"data", ContentMD5=wrong))


def _wrong_sha256(probe: _Probe) -> Check:
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    put = lambda: probe.put("sha256", b"data", ChecksumSHA256=wrong)  # noqa: E731 - as its neighbours
    return _digest(probe, "sha256", "wrong x-amz-checksum-sha256", put)


def _wrong_body(probe: _Probe) -> Check:
    """A body that is not the one whose digest was signed."""

    def tamper(request: Any, **_: Any) -> None:
        request.body = b"DATA"

    event = "before-send.s3.PutObject"
    probe.client.meta.events.register(event, tamper)
    try:
        return _digest(probe, "body", "body other than signed", lambda: probe.put("body", b"data"))
    finally:
        probe.client.meta.events.unregister(event, tamper)


def _listing(probe: _Probe) -> Check:
    for name in _NAMES:
        probe.put(f"list/{name}", b"")
    expected = [f"{probe.prefix}list/{name}" for name in sorted(_NAMES, key=str.encode)]
    listed, after = list(_listed(probe, PaginationConfig={"PageSize": 2})), list(_listed(probe, StartAfter=expected[1]))
    holds = listed == expected and after == expected[2:]
    found = (
        "whole, in order, by pages, from a key on, Chinese keys too" if holds else f"{listed}, from a key on {after}"
    )
    return Check(name="listing", holds=holds, found=found, needed=True)


def _listed(probe: _Probe, **how: Any) -> Iterator[str]:
    pages = probe.client.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=probe.bucket, Prefix=f"{probe.prefix}list/", **how):
        yield from (item["Key"] for item in page.get("Contents", ()))


def _versioning(probe: _Probe) -> Check:
    try:
        status = probe.client.get_bucket_versioning(Bucket=probe.bucket).get("Status", "off")
    except ClientError as error:
        return Check(name="versioning", holds=None, found=f"not told: {error.response['Error'].get('Code')}")
    return Check(name="versioning", holds=None, found=status, does="nothing: it never overwrites")


def _object_lock(probe: _Probe) -> Check:
    try:
        found = probe.client.get_object_lock_configuration(Bucket=probe.bucket)
        lock = found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled", "off")
    except ClientError as error:
        lock = error.response["Error"].get("Code", "off")
    wanted = probe.store.options.object_lock_days
    holds = None if wanted is None else lock == "Enabled"
    does = "" if holds is not False else "every put will be refused: take object_lock_days out, or enable Object Lock"
    return Check(name="Object Lock", holds=holds, found=lock, does=does, needed=holds is False)


def _wrong_secret(probe: _Probe) -> Check:
    meta = probe.client.meta
    other = boto3.session.Session().client(
        "s3",
        endpoint_url=meta.endpoint_url,
        region_name=meta.region_name,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="no such secret",  # noqa: S106 - to be refused
        config=Config(retries={"total_max_attempts": 1}),
    )
    with contextlib.closing(other):
        try:
            other.list_objects_v2(Bucket=probe.bucket, MaxKeys=1)
        except ClientError as error:
            return Check(name="wrong credentials", holds=True, found=f"refused: {error.response['Error'].get('Code')}")
    does = "nothing: whoever reaches the server can write there"
    return Check(name="wrong credentials", holds=False, found="accepted", does=does)


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def policy(bucket: str, prefix: str) -> str:
    """The least-privilege IAM policy for an archive, as JSON; `deploy/iam-policy.json` is the one of BUCKET/PREFIX."""
    above = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    below = f"{above}*"
    statements = [
        {
            "Sid": "ListTheArchive",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringLike": {"s3:prefix": below}},
        },
        {
            "Sid": "ReadAndAdd",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": f"arn:aws:s3:::{bucket}/{below}",
        },
        {
            "Sid": "RemoveFromViews",
            "Effect": "Allow",
            "Action": "s3:DeleteObject",
            "Resource": f"arn:aws:s3:::{bucket}/{above}{VIEWS}*",
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2) + "\n"


def takedown_policy(bucket: str, prefix: str) -> str:
    """The rights that `birdnest takedown` and `birdnest gc` need besides those of `policy`, as JSON.

    `deploy/iam-policy-takedown.json` is the one of BUCKET/PREFIX. For a person's own credentials, not for a crawl's.
    """
    below = f"{prefix.strip('/')}/*" if prefix.strip("/") else "*"
    statements = [
        {
            "Sid": "ListVersions",
            "Effect": "Allow",
            "Action": "s3:ListBucketVersions",
            "Resource": f"arn:aws:s3:::{bucket}",
            "Condition": {"StringLike": {"s3:prefix": below}},
        },
        {
            "Sid": "RemoveForGood",
            "Effect": "Allow",
            "Action": [
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:GetObjectVersion",
                "s3:GetObjectRetention",
                "s3:GetObjectLegalHold",
            ],
            "Resource": f"arn:aws:s3:::{bucket}/{below}",
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2) + "\n"
