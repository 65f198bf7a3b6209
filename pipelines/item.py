"""The item that travels through the pipelines, and the fields a spider has to give it.

Birdnest's own spiders give a `RawPost`. The pipelines take any item type `itemadapter` knows (dict, dataclass, attrs,
pydantic, scrapy.Item) that carries its fields; the first turns it into a `PostItem`, the later ones add to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scrapy.exceptions import DropItem

from archive.model import Image, MissingImage, WarcRecord
from archive.reader import Head
from archive.writer import Outcome

if TYPE_CHECKING:
    from pipelines.clean import CleanBody, CleanRules
    from pipelines.dates import Moment


class RejectedPost(DropItem):
    """A post that breaks an invariant. `reason` is the code the run's report lists it under."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class OriginalFile:
    """The file that a post was read from, byte for byte; its media type is one of `layout.ORIGINAL_EXTENSIONS`."""

    data: bytes
    media_type: str


@dataclass(frozen=True, kw_only=True)
class RawPost:
    """A post as extracted: raw strings plus the body's containers.

    url is canonical, requested_url is what the lists named; fetched_at is aware. `published_raw` and `updated_raw`
    are unparsed times, the most trusted first, in `timezone` where they name none. `body_parts` are the HTML of
    the article's containers as fetched, in the order of its pages. `page` are the bytes to keep for study when the
    post is rejected. `min_characters` is the profile's least visible text of a body that has no image. `warc` names
    the captures of the pages, and of the list that led to them. `base_url` is what relative links count from where
    that is not the URL. `original` is the file of a post that was not fetched: where it was read is `requested_url`.
    `sources` says of fields where each was found, where that is not what a profile says.
    """

    site: str
    id: str
    url: str
    requested_url: str
    fetched_at: datetime
    title: str
    author: str
    categories: tuple[str, ...]
    section: str | None
    tags: tuple[str, ...]
    description: str | None
    lang: str
    timezone: str
    published_raw: tuple[str, ...]
    updated_raw: tuple[str, ...]
    body_parts: tuple[str, ...]
    head_image_url: str | None
    clean_rules: CleanRules
    min_characters: int
    source_sha256: str
    extractor: str
    page: bytes
    warc: tuple[WarcRecord, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    base_url: str | None = None
    original: OriginalFile | None = None


@dataclass(frozen=True, kw_only=True)
class PostItem(RawPost):
    """A post on its way: what the pipelines add, each its own part."""

    head: Head | None = None
    published: Moment | None = None
    updated: Moment | None = None
    clean: CleanBody | None = None
    body: str | None = None
    head_image: str | None = None
    images: tuple[Image, ...] = ()
    missing_images: tuple[MissingImage, ...] = ()
    outcome: Outcome | None = None

    @classmethod
    def of(cls, item: Any) -> PostItem:
        """The item itself, or one made of another item type's fields. Raises RejectedPost naming absent fields."""
        if isinstance(item, cls):
            return item
        if isinstance(item, RawPost):
            return cls(**vars(item))
        from itemadapter import ItemAdapter  # late: it brings a whole older pydantic

        adapter = ItemAdapter(item)
        names = [each.name for each in fields(RawPost)]
        absent = [each.name for each in fields(RawPost) if each.name not in adapter and _is_required(each)]
        if absent:
            raise RejectedPost(
                "item-fields", f"{type(item).__name__} from the spider lacks {', '.join(absent)}: see pipelines/item.py"
            )
        return cls(**{name: adapter[name] for name in names if name in adapter})


def _is_required(field_: Field[Any]) -> bool:
    return field_.default is MISSING and field_.default_factory is MISSING
