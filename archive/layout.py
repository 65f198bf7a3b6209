"""Keys: where each object of an archive lies. Pure functions; the drawing is in the package's docstring.

Keys are ASCII, `/`-separated, never begin with `/` and hold no `..`; a folder and an S3 bucket take them alike.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

ARCHIVE_KEY = "ARCHIVE.json"
README_KEY = "README.md"
POSTS = "posts/"
BLOBS = "blobs/"
RUNS = "runs/"
RAW = "raw/"
VIEWS = "views/"
TAKEDOWNS = "takedowns/"  # the register of what was taken down
NAMES = "urn:sha256:"  # how the URL of a post without an address begins
SET_ASIDE = ".gc/"  # where archive.garbage keeps blobs until it deletes them
PROBES = ".doctor/"  # of `birdnest doctor`, which removes them again
LAST_VERSION = 9999

IMAGE_EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/tiff": "tif",
    "image/x-icon": "ico",
    "image/svg+xml": "svg",
}
ORIGINAL_EXTENSIONS = {"text/markdown": "md"}
BLOB_EXTENSIONS = {**IMAGE_EXTENSIONS, **ORIGINAL_EXTENSIONS}
"""The closed table of blob extensions by media type: the same bytes always get the same key. Images are of the types
of the first table alone, files that posts were imported from of the second.
"""

MEDIA_TYPES = {extension: media_type for media_type, extension in BLOB_EXTENSIONS.items()}

_CONTENT_TYPES = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "gz": "application/gzip",
    "cdxj": "text/x-cdxj",
    "parquet": "application/vnd.apache.parquet",
    **MEDIA_TYPES,
}

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_POST_KEY = re.compile(r"posts/(?P<site>[a-z0-9][a-z0-9-]*)/(?P<id>[a-z0-9][a-z0-9._-]{0,99})/v(?P<n>[0-9]{4})\.html")
_BLOB_KEY = re.compile(r"blobs/sha256/(?P<two>[0-9a-f]{2})/(?P<digest>[0-9a-f]{64})\.(?P<extension>[a-z]+)")
_RUN_KEY = re.compile(
    r"runs/(?P<day>[0-9-]{10})/(?P<run>[0-9]{8}T[0-9]{6}Z-(?P<site>[a-z0-9][a-z0-9-]*)-[0-9a-f]{6})\.json"
)
_TAKEDOWN_KEY = re.compile(r"takedowns/(?P<site>[a-z0-9][a-z0-9-]*)/(?P<id>[a-z0-9][a-z0-9._-]{0,99})\.json")
_UP_FROM_DOCUMENT = "../../../"


@dataclass(frozen=True, kw_only=True, order=True)
class PostRef:
    """Names one version of one post; sorts by site, id and version number."""

    site: str
    id: str
    version: int

    @property
    def key(self) -> str:
        return f"{POSTS}{self.site}/{self.id}/v{self.version:04d}.html"

    @property
    def permalink(self) -> str:
        return f"{self.site}/{self.id}.html"


def post_id(kind: str, site_id: str, url: str) -> str:
    """The id of a post: `<kind>-<the site's own id>`, else `u-` and 32 hex digits of the URL's SHA-256.

    >>> post_id("article", "482538", "https://www.niaogebiji.com/article-482538-1.html")
    'article-482538'
    >>> post_id("page", "关于", "https://example.com/关于")
    'u-30be16113a370d2e6c0e6af8884ca4ad'
    """
    candidate = f"{kind}-{site_id}"
    if _ID.fullmatch(candidate):
        return candidate
    return opaque_id(hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest())


def opaque_id(digest: str) -> str:
    """The id of a post that has no id of its site's, from the 64 hex digits of a SHA-256."""
    return f"u-{digest[:32]}"


def name_without_address(digest: str) -> str:
    """What stands as the URL of a post whose address nobody knows: a name of its own, which leads nowhere.

    >>> name_without_address("ab" * 32)[:18]
    'urn:sha256:abababa'
    """
    return f"{NAMES}{digest}"


def post_prefix(site: str, id_: str | None = None) -> str:
    return f"{POSTS}{site}/{id_}/" if id_ else f"{POSTS}{site}/"


def parse_post_key(key: str) -> PostRef | None:
    """The post version a key names, or None when it names none.

    >>> parse_post_key("posts/niaogebiji/article-482538/v0001.html")
    PostRef(site='niaogebiji', id='article-482538', version=1)
    """
    match = _POST_KEY.fullmatch(key)
    if match is None or match["n"] == "0000":
        return None
    return PostRef(site=match["site"], id=match["id"], version=int(match["n"]))


def blob_key(digest: str, media_type: str) -> str:
    """The key of a blob.

    digest: 64 hex digits of the bytes' SHA-256. media_type: one of BLOB_EXTENSIONS, KeyError otherwise.
    """
    return f"blobs/sha256/{digest[:2]}/{digest}.{BLOB_EXTENSIONS[media_type]}"


def blob_digest(key: str) -> str | None:
    """The SHA-256 a blob key promises, or None when the key is not a blob's."""
    match = _BLOB_KEY.fullmatch(key)
    if match is None or not match["digest"].startswith(match["two"]) or match["extension"] not in MEDIA_TYPES:
        return None
    return match["digest"]


def content_type_of(key: str) -> str:
    """The Content-Type of an object in S3, by its key.

    >>> content_type_of("README.md"), content_type_of("blobs/sha256/ab/abcd.md")
    ('text/markdown; charset=utf-8', 'text/markdown')
    """
    if key == README_KEY:
        return "text/markdown; charset=utf-8"
    return _CONTENT_TYPES.get(key.rpartition(".")[2], "application/octet-stream")


def link_from_document(key: str) -> str:
    """How a document links to an object: relative, so that it works in a folder and under any prefix.

    >>> link_from_document("blobs/sha256/ab/abcd.jpg")
    '../../../blobs/sha256/ab/abcd.jpg'
    """
    return _UP_FROM_DOCUMENT + key


def run_key(run_id: str) -> str:
    """The key of a run's report; run ids begin with the run's UTC time, `20261122T080000Z-…`."""
    return f"{RUNS}{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}/{run_id}.json"


@dataclass(frozen=True, kw_only=True)
class RunPlace:
    """What the key of a run's report tells of the run. `day` is `YYYY-MM-DD`, in UTC."""

    run: str
    site: str
    day: str


def parse_run_key(key: str) -> RunPlace | None:
    """The run whose report a key names, or None when it names none.

    >>> parse_run_key("runs/2026-11-22/20261122T080000Z-niaogebiji-3cb1a1.json")
    RunPlace(run='20261122T080000Z-niaogebiji-3cb1a1', site='niaogebiji', day='2026-11-22')
    """
    match = _RUN_KEY.fullmatch(key)
    return None if match is None else RunPlace(**match.groupdict())


def takedown_key(site: str, id_: str) -> str:
    """The key of a post's entry in the register of what was taken down."""
    return f"{TAKEDOWNS}{site}/{id_}.json"


def parse_takedown_key(key: str) -> tuple[str, str] | None:
    """The site and the id of the post whose entry in the register a key names, or None when it names none.

    >>> parse_takedown_key("takedowns/niaogebiji/article-482538.json")
    ('niaogebiji', 'article-482538')
    """
    match = _TAKEDOWN_KEY.fullmatch(key)
    return None if match is None else (match["site"], match["id"])


def capture_key(site: str, run_id: str, number: int) -> str:
    """The key of a segment of a run's raw capture: `raw/<site>/<day>/<run>-0001.warc.gz`."""
    return f"{RAW}{site}/{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}/{run_id}-{number:04d}.warc.gz"


def index_key(segment: str) -> str:
    """The key of a segment's CDXJ index."""
    return f"{segment.removesuffix('.warc.gz')}.cdxj"


def check_key(key: str) -> str:
    """The key itself, when it is one that every store can hold; ValueError otherwise."""
    parts = key.split("/")
    if not key.isascii() or not key.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"not a key of an archive: {key!r}")
    return key
