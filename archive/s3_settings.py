"""How a bucket is reached: what birdnest.toml says, and else what the environment and ~/.aws say, as boto3 finds it.

A boto3 client would tell the same, but its start costs as much CPU as hundreds of requests, and botocore's session half
of that. So the session is asked only where there is more to know than a few variables of the environment say: those
that a scheduled run in a container has, without any file in ~/.aws.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from archive.errors import StoreError
from archive.s3_errors import Unanswered
from archive.store import StoreOptions

if TYPE_CHECKING:
    from botocore.session import Session

DEFAULT_REGION = "us-east-1"
_BUCKET_NAME = re.compile(r"[a-zA-Z0-9.\-_]{1,255}", re.ASCII)
_AWS_REGION = re.compile(r"(?:af|ap|ca|eu|il|me|mx|sa|us)-(?!gov-|iso)[a-z]+-\d")
_CHINA = re.compile(r"cn-[a-z]+-\d")
_ODD_NAMES = ("--x-s3", ".mrap", "--op-s3")  # of buckets and access points with endpoints of their own
_ODD_SETTINGS = ("signature_version", "use_accelerate_endpoint", "use_dualstack_endpoint")
_CONNECT_SECONDS = 10
# What AWS tools look for in the environment and we read as they do. Anything else of theirs is for botocore to read.
_PLAIN_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_CA_BUNDLE",
        "AWS_REQUEST_CHECKSUM_CALCULATION",
        "AWS_RESPONSE_CHECKSUM_VALIDATION",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_PAGER",
        "AWS_DEFAULT_OUTPUT",
    }
)
_FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
_CHECKSUMS = "AWS_REQUEST_CHECKSUM_CALCULATION"
_HOST_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN_ENDPOINT = re.compile(
    rf"https?://{_LABEL}(?:\.{_LABEL})*(?::\d{{1,5}})?(?:/[\w/.-]*)?", re.ASCII | re.IGNORECASE
)
_IPV4 = re.compile(r"\d{1,3}(\.\d{1,3}){3}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Key:
    """Credentials. is_passing: they expire, and botocore knows when to get others."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(repr=False)
    is_passing: bool


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket, and the way to it.

    url: the archive's, for messages. endpoint: the server's address. custom: whether that was set, so that the server
    may be of another maker than AWS. address: where the bucket's keys begin, None where only boto3 can tell.
    ca_bundle: a file of certificates to trust. checksums: "when_required", "when_supported", or None where nobody says.
    keys: where the credentials come from.
    """

    name: str
    url: str
    options: StoreOptions
    keys: Keys
    region: str
    endpoint: str
    custom: bool
    address: str | None
    ca_bundle: str | None
    checksums: str | None

    @property
    def connect_seconds(self) -> float:
        return min(_CONNECT_SECONDS, self.options.timeout_seconds)

    def session(self) -> Session:
        """The session of botocore. Raises StoreError."""
        try:
            return self.keys.session()
        except _botocore_errors() as error:
            raise unusable(self.url, error) from error


class Keys:
    """The credentials of a profile, or those that are given. May be asked by threads."""

    def __init__(self, profile: str | None, given: Key | None = None) -> None:
        self._profile = profile
        self._given = given
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._found: Any = None

    @property
    def session_began(self) -> bool:
        return self._session is not None

    def session(self) -> Session:
        """The session of botocore. Raises botocore's exceptions."""
        from botocore.session import Session

        if self._session is None:
            _quiet()
            self._session = Session(profile=self._profile)
        return self._session

    def now(self) -> Key:
        """Credentials that are valid, new ones where they were about to expire. Raises S3Error."""
        if self._given is not None:
            return self._given
        from botocore.credentials import RefreshableCredentials
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        from archive.s3_boto3 import as_ours

        try:
            with self._lock:
                if self._found is None:
                    self._found = self.session().get_credentials()
                if self._found is None:
                    raise NoCredentialsError
            frozen = self._found.get_frozen_credentials()
        except (ClientError, BotoCoreError) as error:  # the first is what a server says that gives roles
            raise as_ours(error) from error
        except OSError as error:  # of a program or a file that should give them
            raise Unanswered("CredentialRetrievalError", str(error)) from error
        return Key(
            id=frozen.access_key or "",
            secret=frozen.secret_key or "",
            token=frozen.token,
            is_passing=isinstance(self._found, RefreshableCredentials),
        )


def find_bucket(name: str, url: str, options: StoreOptions) -> Bucket:
    """The way to a bucket. Raises StoreError naming `url` for a profile, region or endpoint that cannot be."""
    said = os.environ
    if _is_plain(said, options):
        return _plain_bucket(name, url, options, said)
    try:
        return _session_s_bucket(name, url, options)
    except _botocore_errors() as error:
        raise unusable(url, error) from error


def _botocore_errors() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError

    return BotoCoreError, ValueError


def _is_plain(said: Mapping[str, str], options: StoreOptions) -> bool:
    """Whether the environment gives credentials, and nothing there or in ~/.aws says what only botocore reads."""
    about = {name: value for name, value in said.items() if name.startswith("AWS_")}
    endpoint = options.endpoint or about.get("AWS_ENDPOINT_URL_S3") or about.get("AWS_ENDPOINT_URL")
    return (
        options.profile is None
        and {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= about.keys() <= _PLAIN_VARIABLES
        and all(about.values())
        and (endpoint is None or _PLAIN_ENDPOINT.fullmatch(endpoint) is not None)
        and not any(_says_something(said.get(name, usual)) for name, usual in _FILES.items())
    )


def _says_something(file: str) -> bool:
    try:
        return "$" in file or Path(file).expanduser().stat().st_size > 0  # botocore puts variables in
    except (OSError, RuntimeError):  # it is not there, or nobody has that home
        return False


def _plain_bucket(name: str, url: str, options: StoreOptions, said: Mapping[str, str]) -> Bucket:
    region = options.region or said.get("AWS_DEFAULT_REGION") or said.get("AWS_REGION") or DEFAULT_REGION
    endpoint = options.endpoint or said.get("AWS_ENDPOINT_URL_S3") or said.get("AWS_ENDPOINT_URL")
    key = Key(
        id=said["AWS_ACCESS_KEY_ID"],
        secret=said["AWS_SECRET_ACCESS_KEY"],
        token=said.get("AWS_SESSION_TOKEN"),
        is_passing=False,
    )
    found = address(name, region=region, endpoint=endpoint, style=options.addressing)
    return Bucket(
        name=name,
        url=url,
        options=options,
        keys=Keys(None, key),
        region=region,
        endpoint=endpoint or _aws_endpoint(region),
        custom=bool(endpoint),
        address=None if name.endswith(_ODD_NAMES) else found,
        ca_bundle=said.get("AWS_CA_BUNDLE") or said.get("REQUESTS_CA_BUNDLE"),
        checksums=options.checksums or said.get(_CHECKSUMS, "").lower() or None,
    )


def _session_s_bucket(name: str, url: str, options: StoreOptions) -> Bucket:
    from botocore.utils import is_valid_endpoint_url

    keys = Keys(options.profile)
    session = keys.session()
    region = (
        options.region
        or session.get_config_variable("region")
        or os.environ.get("AWS_REGION")  # which other AWS tools know, and boto3 does not
        or DEFAULT_REGION
    )
    configured = options.endpoint or _configured_endpoint(session)
    if configured and not is_valid_endpoint_url(configured):
        raise unusable(url, f"Invalid endpoint: {configured}")
    said = _said_of_s3(session)
    style = options.addressing or said.get("addressing_style")
    found = address(name, region=region, endpoint=configured, style=style)
    return Bucket(
        name=name,
        url=url,
        options=options,
        keys=keys,
        region=region,
        endpoint=configured or _aws_endpoint(region),
        custom=bool(configured),
        address=None if _is_odd(session, said, name) else found,
        ca_bundle=session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE"),
        checksums=options.checksums or _said_of_checksums(session),
    )


def address(bucket: str, *, region: str, endpoint: str | None = None, style: str | None = None) -> str | None:
    """Where a bucket's keys begin, by boto3's rules; None where these know more than is told here.

    >>> address("nest", region="eu-west-1")
    'https://nest.s3.eu-west-1.amazonaws.com'
    >>> address("my.nest", region="cn-north-1")
    'https://s3.cn-north-1.amazonaws.com.cn/my.nest'
    >>> address("nest", region="us-east-1", endpoint="http://127.0.0.1:9000")
    'http://127.0.0.1:9000/nest'
    """
    if not _BUCKET_NAME.fullmatch(bucket):
        return None
    in_host = style == "virtual" if endpoint else style != "path"
    host = aws_host(region)
    base = endpoint.rstrip("/") if endpoint else f"https://{host}"
    if in_host and endpoint and not _takes_names_before(endpoint):
        return None
    if (host is None and not endpoint) or (in_host and "." in bucket and base.startswith("http:")):
        return None
    if in_host and _HOST_LABEL.fullmatch(bucket):
        scheme, rest = base.split("://", 1)
        return f"{scheme}://{bucket}.{rest}"
    return f"{base}/{bucket}"


def _takes_names_before(endpoint: str) -> bool:
    return not (_IPV4.fullmatch(urlsplit(endpoint).hostname or "") or "[" in endpoint or "@" in endpoint)


def aws_host(region: str) -> str | None:
    """The host of AWS's S3 in a region; None for regions that have rules of their own."""
    if region == DEFAULT_REGION:
        return "s3.amazonaws.com"
    if _AWS_REGION.fullmatch(region):
        return f"s3.{region}.amazonaws.com"
    return f"s3.{region}.amazonaws.com.cn" if _CHINA.fullmatch(region) else None


def _aws_endpoint(region: str) -> str:
    return f"https://{aws_host(region) or f's3.{region}.amazonaws.com'}"


def _configured_endpoint(session: Session) -> str | None:
    from botocore.configprovider import ConfiguredEndpointProvider

    if session.get_config_variable("ignore_configured_endpoint_urls"):
        return None
    provider = ConfiguredEndpointProvider(
        full_config=session.full_config, scoped_config=session.get_scoped_config(), client_name="s3"
    )
    found: str | None = provider.provide()
    return found


def _said_of_s3(session: Session) -> dict[str, Any]:
    said = session.get_scoped_config().get("s3")
    return said if isinstance(said, dict) else {}


def _is_odd(session: Session, said: dict[str, Any], bucket: str) -> bool:
    """Whether the user has set what only boto3 knows how to do."""
    asked = [said.get(name) for name in _ODD_SETTINGS]
    asked += [session.get_config_variable(f"use_{kind}_endpoint") for kind in ("dualstack", "fips")]
    return any(str(each).lower() not in ("none", "false", "s3v4") for each in asked) or bucket.endswith(_ODD_NAMES)


def _said_of_checksums(session: Session) -> str | None:
    said = os.environ.get(_CHECKSUMS) or session.get_scoped_config().get("request_checksum_calculation")
    return str(said).lower() if said else None


def unusable(url: str, error: Exception | str) -> StoreError:
    """The error that settings of S3 are wrong."""
    return StoreError(f"archive {url}: cannot set up the S3 client: {error}")


def _quiet() -> None:
    # Scrapy sets the root logger to NOTSET, so botocore would build its debug records at any level: 7-15 % of CPU.
    for name in ("boto3", "botocore", "s3transfer", "urllib3"):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)


def read_ca_bundle(bucket: Bucket) -> bytes | None:
    """The certificates that the user trusts besides those of the system. Raises StoreError."""
    if not bucket.ca_bundle:
        return None
    try:
        return Path(bucket.ca_bundle).read_bytes()
    except OSError as error:
        raise StoreError(
            f"archive {bucket.url}: cannot read the certificates in {bucket.ca_bundle}: {error.strerror}: "
            "correct AWS_CA_BUNDLE."
        ) from error
