"""What the cleaner hands back."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CleanImage:
    """A picture of the article. `url` is absolute, or the `data:` URI that holds the picture itself."""

    url: str
    alt: str


@dataclass(frozen=True, kw_only=True)
class Link:
    url: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Embed:
    """What cannot be kept as HTML and stands as a labelled paragraph in the body.

    `kind` is video, audio, iframe, mini-program, profile-card, video-channel, vote, product, object or card.
    """

    kind: str
    url: str | None
    title: str


@dataclass(frozen=True, kw_only=True)
class Note:
    """What one rule removed or changed: how often, and its first object."""

    rule: str
    count: int
    sample: str


@dataclass(frozen=True, kw_only=True)
class CleanBody:
    """A cleaned article. `images` and `links` stand in document order, each image URL once.

    `boilerplate`: texts that are not the article's, each with the addresses of the pictures in it, moved off the body.
    `unusable_images`: addresses of pictures that cannot be fetched at all (`file:`, `ftp:`, malformed), as written.
    """

    html: str
    text: str
    images: tuple[CleanImage, ...] = ()
    links: tuple[Link, ...] = ()
    embeds: tuple[Embed, ...] = ()
    tags: tuple[str, ...] = ()
    boilerplate: tuple[str, ...] = ()
    unusable_images: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
