"""A folder of Hexo posts → what each file is: which site it belongs to, and its raw post. Nothing is fetched.

A file that gives no post has one of these reasons:

====================== ==========================================================================================
front-matter-missing   it does not begin with a front matter: no post, a README say
front-matter-malformed the front matter never ends, or no line of it is `key: value`
site-unknown           neither its categories nor its author name the site, and no `--site` does
unreadable             the file cannot be read
outside-the-tree       a symbolic link that leads out of the folder
too-large              larger than any post
====================== ==========================================================================================
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path

from archive.errors import PageError, UsageError
from archive.layout import name_without_address, opaque_id
from archive.model import digest_of_json
from crawler.config import Config
from crawler.pages import page_selector, texts
from crawler.profile import Expectations, SiteProfile, address
from crawler.sites import all_sites
from pipelines.clean.rules import CleanRules
from pipelines.hexo import HexoPost, beginning, html_of, language, original_link, read_post
from pipelines.item import OriginalFile, RawPost

UNSORTED = "unsorted"
"""The slug of the run that accounts for files which name no site."""
_SUFFIXES = (".md", ".markdown")
_EXCERPT = ".part.md"
_LEFT_OUT = ("node_modules",)
_MOST_BYTES = 16 * 1024 * 1024
_MARKDOWN = "text/markdown"
# Aggregators write Chinese sites, and a time without a zone is as the site told it.
_TIMEZONE = "Asia/Shanghai"
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]*")
_NOTHING_DEMANDED = Expectations(min_found=0, max_missing_images_share=1.0, max_failed_share=1.0)
_GROUP_SITE_CHANNEL = 3


@dataclass(kw_only=True)
class SiteFiles:
    """The files of one site, by their paths below the tree's root. `site` is its profile, or one made for it."""

    site: SiteProfile
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A folder's posts by site, in the order of slugs; how many other files it has, and how many are excerpts."""

    root: Path
    sites: Sequence[SiteFiles]
    others: int
    excerpts: int

    @property
    def files(self) -> int:
        return sum(len(files.names) for files in self.sites)


def read_tree(folder: Path, config: Config, *, slug: str | None = None) -> Tree:
    """Look through a folder (of a whole Hexo site: its `source/_posts`) and see which site each file belongs to.

    Only front matter is read. slug: the one site of all files. Files whose front matter cannot be read, or names no
    site, are those of the site `unsorted`. Raises UsageError for what is no folder, holds no post, or is no slug.
    """
    if slug is not None and not _SLUG.fullmatch(slug):
        raise UsageError(f"--site {slug!r}: expected a slug such as niaogebiji, of a-z, 0-9 and -")
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder: name one that holds Hexo posts")
    root = folder / "source" / "_posts"
    root = root if root.is_dir() else folder
    sites: dict[str, SiteFiles] = {}
    others = excerpts = 0
    for name in _names(root):
        if not name.lower().endswith(_SUFFIXES):
            others += 1
            continue
        excerpts += name.lower().endswith(_EXCERPT)
        site = _site_of_file(root, name, config, slug, sites)
        sites.setdefault(site.slug, SiteFiles(site=site)).names.append(name)
    if not sites:
        raise UsageError(f"{folder}: there is no file *.md in it: name a folder that holds Hexo posts")
    for files in sites.values():
        # Of one post that stands in two files, the whole one comes first.
        files.names.sort(key=lambda name: (name.lower().endswith(_EXCERPT), name))
    return Tree(root=root, sites=[sites[key] for key in sorted(sites)], others=others, excerpts=excerpts)


def read_file(root: Path, name: str) -> bytes:
    """A file's bytes. Raises PageError with the reason that they cannot be had."""
    file = root / name
    try:
        if not file.resolve().is_relative_to(root.resolve()):
            raise PageError("outside-the-tree", f"{name}: a link that leads out of {root}: put the file itself there")
        size = file.stat().st_size
        if size > _MOST_BYTES:
            raise PageError("too-large", f"{name}: {size} bytes, expected at most {_MOST_BYTES}: it is no post")
        return file.read_bytes()
    except OSError as error:
        raise PageError("unreadable", f"{name}: {error.strerror}: correct its rights, and import again") from error


def parse_file(data: bytes, name: str) -> HexoPost:
    """Raises PageError with the reason that a file is no post."""
    try:
        return read_post(data)
    except PageError as error:
        raise PageError(error.reason, f"{name}: {error}: correct the file, and import again") from error


@dataclass(frozen=True, kw_only=True)
class Importer:
    """Makes raw posts of a site's files. `rules` clean them, `extractor` is the digest of all that is done to them."""

    site: SiteProfile
    rules: CleanRules
    extractor: str

    @classmethod
    def of(cls, site: SiteProfile) -> Importer:
        # What a profile drops off a page stands in fields of the post, tags for one; a file has no such fields.
        rules = dataclasses.replace(site.clean_rules, drop=(), repair_decoded=True)
        extractor = digest_of_json({"import": "hexo", "clean": dataclasses.asdict(rules)})
        return cls(site=site, rules=rules, extractor=extractor)

    def raw_post(self, data: bytes, name: str, *, fetched_at: datetime) -> RawPost:
        """The post of a file. Raises PageError with the reason that it is none."""
        found = parse_file(data, name)
        if self.site.slug == UNSORTED:
            raise PageError(
                "site-unknown",
                f"{name}: neither its categories nor its author name the site: name it with --site",
            )
        html = html_of(found.body)
        place = self._place(found, html)
        raw = {
            "title": found.title or beginning(html),
            "author": self._author(found),
            "published_raw": (found.date,) if found.date else (),
            "updated_raw": (found.updated,) if found.updated else (),
            "section": None,
            "description": found.description or None,
            "head_image_url": found.head_image or None,
            "categories": self._categories(found),
        }
        return RawPost(
            **raw,  # type: ignore[arg-type]  # the same fields feed the digest
            tags=tuple(dict.fromkeys((*found.tags, *self._tags_of(html)))),
            body_parts=(html,),
            site=self.site.slug,
            id=place.id,
            url=place.url,
            requested_url=name,
            fetched_at=fetched_at,
            lang=found.lang or self.site.lang or language(found.title + found.body),
            timezone=self.site.timezone,
            clean_rules=self.rules,
            min_characters=1,
            # Of the body as found, not as repaired: a repair that gets better makes no version by itself.
            source_sha256=digest_of_json({**raw, "body": found.body, "tags": found.tags}),
            extractor=self.extractor,
            page=b"",
            base_url=self._base(place.url),
            original=OriginalFile(data=data, media_type=_MARKDOWN),
        )

    def _place(self, found: HexoPost, html: str) -> _Place:
        for link in filter(None, (found.link, original_link(html))):
            known = address(self.site, link)
            if known is not None:
                return _Place(id=known.id, url=known.url)
        # To a site that is known, an address that is none of its posts' is that of another's original.
        if found.link and not self.site.kinds:
            return _Place(id=opaque_id(hashlib.sha256(found.link.encode()).hexdigest()), url=found.link)
        return _Place(id=opaque_id(found.identity), url=name_without_address(found.identity))

    def _base(self, url: str) -> str | None:
        """What relative links count from: nothing but the site is known of a post without an address."""
        return f"https://{self.site.hosts[0]}/" if self.site.hosts and not url.startswith("http") else None

    def _tags_of(self, html: str) -> tuple[str, ...]:
        """The tags that a body holds where the site's pages hold them."""
        fields = (kind.fields.get("tags", ()) for kind in self.site.kinds)
        selectors = tuple(one for field in fields for one in field if not one.startswith(("json:", "re:")))
        found = texts(page_selector(html), selectors) if selectors else ()
        return tuple(tag for text in found if (tag := text.lstrip("#").strip()))

    def _author(self, found: HexoPost) -> str:
        """Aggregators write the site's name where they know no author; it is the author of a post that names none."""
        names = (self.site.title, *found.categories)
        is_site = not found.author or folded(found.author) in {folded(name) for name in names}
        return self.site.title if is_site else found.author

    def _categories(self, found: HexoPost) -> tuple[str, ...]:
        """[group, site title, channel], as far as they are known."""
        group, channels = self.site.group, found.categories
        title = _title_of(found)
        if title is not None:
            at = found.categories.index(title)
            group = group or (found.categories[0] if at else "")
            channels = found.categories[at + 1 :]
        return tuple(dict.fromkeys(filter(None, (group, self.site.title, *channels))))


@dataclass(frozen=True, kw_only=True)
class _Place:
    id: str
    url: str


def folded(title: str) -> str:
    """A site's title as it is compared: without case, width, white space, and what stands behind it in brackets.

    >>> folded("快科技（原驱动之家）"), folded("IT 之家") == folded("it之家")
    ('快科技', True)
    """
    text = unicodedata.normalize("NFKC", title).casefold()
    return re.sub(r"\s+|(?<=.)\(.*\)\s*$", "", text)


def slug_of(title: str) -> str:
    """The slug of a site that no profile knows: its title, where that is ASCII, else what is, and a digest.

    >>> slug_of("cnBeta.COM"), slug_of("IT 桔子"), slug_of("简书")
    ('cnbeta-com', 'it-c6f7db7e', 'site-e0193044')
    """
    text = unicodedata.normalize("NFKC", title).casefold()
    name = "-".join(re.findall("[a-z0-9]+", text))
    if text.isascii() and name:
        return name
    return f"{name or 'site'}-{hashlib.sha256(folded(title).encode()).hexdigest()[:8]}"


def _names(root: Path) -> Iterator[str]:
    """The paths of all files below a folder, relative to it; not of hidden folders, nor of installed packages."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _LEFT_OUT)
        for name in sorted(files):
            yield (Path(folder) / name).relative_to(root).as_posix()


def _site_of_file(
    root: Path, name: str, config: Config, slug: str | None, sites: Mapping[str, SiteFiles]
) -> SiteProfile:
    try:
        found = parse_file(read_file(root, name), name)
    except PageError:  # said again, with its reason, when its turn has come
        found = None
    known, title = _slug_and_title(found, slug)
    if known in sites:
        return sites[known].site
    group = found.categories[0] if found and len(found.categories) >= _GROUP_SITE_CHANNEL else ""
    return site_of(known, title, group, config)


def _slug_and_title(found: HexoPost | None, slug: str | None) -> tuple[str, str]:
    if slug is not None:
        known = all_sites().get(slug)
        return slug, known.title if known else (_title_of(found) if found else None) or slug
    if found is None:
        return UNSORTED, UNSORTED
    linked = _linked(found.link)
    if linked is not None:
        return linked, all_sites()[linked].title
    title = _title_of(found)
    if title is None:
        return UNSORTED, UNSORTED
    return _known_titles().get(folded(title)) or slug_of(title), title


def _linked(link: str) -> str | None:
    """The site whose profile knows a link as a post's address."""
    return next((key for key, site in all_sites().items() if link and address(site, link)), None)


def _title_of(found: HexoPost) -> str | None:
    """The category that is the site's title: one that a profile has, or the author's name, else the second of three."""
    titles = {*_known_titles(), folded(found.author)}
    known = next((category for category in found.categories if folded(category) in titles), None)
    if known is None and len(found.categories) >= _GROUP_SITE_CHANNEL:
        return found.categories[1]
    return known


@cache
def _known_titles() -> Mapping[str, str]:
    return {folded(site.title): slug for slug, site in all_sites().items()}


def site_of(slug: str, title: str, group: str, config: Config) -> SiteProfile:
    """The profile of a site, as birdnest.toml has it, or one that says no more than its title. No run of either is
    expected to find so many posts, or images.
    """
    if slug in all_sites():
        return dataclasses.replace(config.site(slug), expectations=_NOTHING_DEMANDED)
    return SiteProfile(
        slug=slug,
        title=title,
        group=group,
        hosts=(),
        timezone=_TIMEZONE,
        lang="",
        kinds=(),
        listings=(),
        expectations=_NOTHING_DEMANDED,
    )
