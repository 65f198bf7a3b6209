"""How a bucket is reached: what birdnest.toml says, and else what the environment and ~/.aws say, as boto3 finds it.

A boto3 client would tell the same, but its start costs as much CPU as hundreds of requests; botocore's session costs
half of that, and nothing else is needed until somebody administers the bucket.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.configprovider import ConfiguredEndpointProvider
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from botocore.utils import check_dns_name, is_valid_endpoint_url, is_valid_ipv4_endpoint_url

from archive.errors import StoreError
from archive.store import StoreOptions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DEFAULT_REGION = "us-east-1"
_BUCKET_NAME = re.compile(r"[a-zA-Z0-9.\-_]{1,255}", re.ASCII)
_AWS_REGION = re.compile(r"(?:af|ap|ca|eu|il|me|mx|sa|us)-(?!gov-|iso)[a-z]+-\d")
_CHINA = re.compile(r"cn-[a-z]+-\d")
_ODD_NAMES = ("--x-s3", ".mrap", "--op-s3")  # of buckets and access points with endpoints of their own
_ODD_SETTINGS = ("signature_version", "use_accelerate_endpoint", "use_dualstack_endpoint")
_CONNECT_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket, and the way to it.

    url: the archive's, for messages. endpoint: the server's address. custom: whether that was set, so that the server
    may be of another maker than AWS. address: where the bucket's keys begin, None where only boto3 can tell.
    ca_bundle: a file of certificates to trust. checksums: "when_required", "when_supported", or None where nobody says.
    """

    name: str
    url: str
    options: StoreOptions
    session: Session
    region: str
    endpoint: str
    custom: bool
    address: str | None
    ca_bundle: str | None
    checksums: str | None

    @property
    def connect_seconds(self) -> float:
        return min(_CONNECT_SECONDS, self.options.timeout_seconds)

    def client(self) -> S3Client:
        """A boto3 client. Raises StoreError for what boto3 refuses."""
        import boto3.session
        from botocore.config import Config

        config = Config(
            connect_timeout=self.connect_seconds,
            read_timeout=self.options.timeout_seconds,
            max_pool_connections=32,
            retries={"mode": "standard", "total_max_attempts": 3},
            s3=_addressing(self.options),
            **_checksum_settings(self.options, self.session),
        )
        session = boto3.session.Session(botocore_session=self.session)
        try:
            return session.client("s3", region_name=self.region, endpoint_url=self.options.endpoint, config=config)
        except (BotoCoreError, ValueError) as error:
            raise _unusable(self.url, error) from error


def find_bucket(name: str, url: str, options: StoreOptions) -> Bucket:
    """The way to a bucket. Raises StoreError naming `url` for a profile, region or endpoint that cannot be."""
    _quiet()
    try:
        session = Session(profile=options.profile)
        region = (
            options.region
            or session.get_config_variable("region")
            or os.environ.get("AWS_REGION")  # which other AWS tools know, and boto3 does not
            or DEFAULT_REGION
        )
        configured = options.endpoint or _configured_endpoint(session)
        if configured and not is_valid_endpoint_url(configured):
            raise _unusable(url, f"Invalid endpoint: {configured}")
        said = _said_of_s3(session)
        ca_bundle = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
        style = options.addressing or said.get("addressing_style")
        found = address(name, region=region, endpoint=configured, style=style)
        return Bucket(
            name=name,
            url=url,
            options=options,
            session=session,
            region=region,
            endpoint=configured or f"https://{aws_host(region) or f's3.{region}.amazonaws.com'}",
            custom=bool(configured),
            address=None if _is_odd(session, said, name) else found,
            ca_bundle=ca_bundle,
            checksums=options.checksums or _said_of_checksums(session),
        )
    except (BotoCoreError, ValueError) as error:
        raise _unusable(url, error) from error


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
    if in_host and check_dns_name(bucket) and "." not in bucket:
        scheme, rest = base.split("://", 1)
        return f"{scheme}://{bucket}.{rest}"
    return f"{base}/{bucket}"


def _takes_names_before(endpoint: str) -> bool:
    return not (is_valid_ipv4_endpoint_url(endpoint) or "[" in endpoint or "@" in endpoint)


def aws_host(region: str) -> str | None:
    """The host of AWS's S3 in a region; None for regions that have rules of their own."""
    if region == DEFAULT_REGION:
        return "s3.amazonaws.com"
    if _AWS_REGION.fullmatch(region):
        return f"s3.{region}.amazonaws.com"
    return f"s3.{region}.amazonaws.com.cn" if _CHINA.fullmatch(region) else None


def _configured_endpoint(session: Session) -> str | None:
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


def _addressing(options: StoreOptions) -> Any:
    return {"addressing_style": options.addressing} if options.addressing else None


def _checksum_settings(options: StoreOptions, session: Session) -> dict[str, Any]:
    """Other makers' https endpoints refuse the trailing checksums that newer clients add unasked; Content-MD5 is sent
    with every put instead. What birdnest.toml says comes first, then what the environment and the profile say.
    """
    names = ("request_checksum_calculation", "response_checksum_validation")
    if options.checksums:
        return dict.fromkeys(names, options.checksums)
    said = session.get_scoped_config()
    return {name: "when_required" for name in names if not (os.environ.get(f"AWS_{name.upper()}") or said.get(name))}


def _said_of_checksums(session: Session) -> str | None:
    name = "request_checksum_calculation"
    said = os.environ.get(f"AWS_{name.upper()}") or session.get_scoped_config().get(name)
    return str(said).lower() if said else None


def _unusable(url: str, error: Exception | str) -> StoreError:
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
