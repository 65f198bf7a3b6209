"""Videos, sounds, frames and WeChat's widgets: each becomes a labelled link, and is listed."""

import re
from typing import Final

from lxml import etree
from lxml.etree import _Element

from pipelines.clean.draft import Draft
from pipelines.clean.model import Embed
from pipelines.clean.tree import drop, replace, text_of, unwrap
from pipelines.clean.urls import absolute

_MINI_PROGRAMS: Final = etree.XPath("descendant::a[@data-miniprogram-appid]")
_VIDEO_HOSTS: Final = re.compile(
    r"v\.qq\.com|youku|bilibili|tudou|iqiyi|ixigua|acfun|miaopai|youtube|youtu\.be|vimeo|tv\.sohu|cctv|cntv|mp4|"
    r"m3u8|/video|video\.|player|readtemplate\?t=pages/video_player",
    re.IGNORECASE,
)
_SOUND_HOSTS: Final = re.compile(r"music\.163|y\.qq\.com|ximalaya|lizhi\.fm|qingting|\.mp3|/voice/", re.IGNORECASE)
LABELS: Final = {
    "video": "视频", "audio": "音频", "iframe": "嵌入内容", "object": "嵌入内容", "mini-program": "小程序",
    "profile-card": "公众号", "video-channel": "视频号", "vote": "投票", "product": "商品", "card": "卡片",
}  # fmt: skip
_FRAMES: Final = (
    "iframe",
    "frame",
    "embed",
    "object",
    "video",
    "audio",
    "mip-iframe",
    "amp-iframe",
    "amp-video",
    "bgsound",
)
# WeChat's widgets: kind, attributes of the title, attributes of the address.
_WIDGETS: Final[dict[object, tuple[str, tuple[str, ...], tuple[str, ...]]]] = {
    "mpvoice": ("audio", ("name", "data-name"), ()),
    "mp-common-mpaudio": ("audio", ("name", "data-name"), ()),
    "qqmusic": ("audio", ("music_name", "data-music_name"), ("audiourl", "audiourl_")),
    "mp-common-qqmusic": ("audio", ("music_name",), ("audiourl",)),
    "mp-miniprogram": ("mini-program", ("data-miniprogram-title", "data-miniprogram-nickname"), ()),
    "mp-weapp": ("mini-program", ("data-miniprogram-title", "data-miniprogram-nickname"), ()),
    "mp-common-miniprogram": ("mini-program", ("data-miniprogram-title", "data-miniprogram-nickname"), ()),
    "mpprofile": ("profile-card", ("data-nickname", "data-alias"), ()),
    "mp-common-profile": ("profile-card", ("data-nickname", "data-alias"), ()),
    "mpvideosnap": ("video-channel", ("data-desc", "data-nickname"), ("data-url_link",)),
    "mp-common-videosnap": ("video-channel", ("data-desc", "data-nickname"), ("data-url_link",)),
    "mpvote": ("vote", ("data-title", "data-subject"), ()),
    "mp-common-vote": ("vote", ("data-title", "data-subject"), ()),
    "mpproduct": ("product", ("data-title", "data-name"), ("data-url",)),
    "mp-common-product": ("product", ("data-title", "data-name"), ("data-url",)),
    "mpcps": ("product", ("data-title", "data-templateid"), ("data-url",)),
    "mp-common-cpsad": ("product", ("data-title",), ("data-url",)),
    "mp-common-poi": ("card", ("data-name", "data-address"), ()),
    "mppoi": ("card", ("data-name", "data-address"), ()),
    "mp-common-redpacketcover": ("card", ("data-title",), ()),
    "mpgongyi": ("card", ("data-title",), ()),
    "mpsearch": ("card", ("data-title", "data-keyword"), ()),
    "mp-common-search": ("card", ("data-title", "data-keyword"), ()),
    "live-video": ("video", ("data-title",), ("data-src",)),
}
_PLAYERS: Final = (*_FRAMES, *map(str, _WIDGETS))
# Of WeChat's own elements those that hold something begin so; one that is not known yet is named by what it says.
_OTHERS: Final = "mp-common-"
_OTHER_WIDGET: Final = (
    "card",
    ("data-title", "data-nickname", "data-name", "name", "data-desc", "title"),
    ("data-url", "data-src", "data-url_link"),
)
_VOICE: Final = "https://res.wx.qq.com/voice/getvoice?mediaid="


def name_players(body: Draft) -> None:
    """Each player and widget gives way to a paragraph that names it and links to it.

    >>> from pipelines.clean.draft import after
    >>> after(name_players, '<iframe data-src="//v.qq.com/x?vid=a" src=""></iframe>')
    '<p><a href="https://v.qq.com/x?vid=a">视频：v.qq.com</a></p>'
    >>> after(name_players, '<mpprofile data-nickname="见实"></mpprofile>')
    '<p>公众号：见实</p>'
    """
    others = [tag for tag in body.tags if tag.startswith(_OTHERS) and tag not in _WIDGETS]
    if not others and not body.had(_PLAYERS):
        return
    for element in list(body.root.iter(*_PLAYERS, *others)):
        if any(above.tag in _FRAMES for above in element.iterancestors()):
            continue
        embed = _embed(element, body.base_url)
        if embed is None:
            body.ledger.note("player without address", element.get("class") or str(element.tag))
            (unwrap if _shows_content(element) else drop)(element)
        else:
            body.ledger.embeds.append(embed)
            replace(element, _paragraphs(element, embed, body.base_url))


def name_mini_programs(body: Draft) -> None:
    """Words that open a mini-program stay as words.

    >>> from pipelines.clean.draft import after
    >>> after(name_mini_programs, '<a data-miniprogram-appid="wx1" data-miniprogram-nickname="b">a</a>')
    '<a data-miniprogram-appid="wx1" data-miniprogram-nickname="b">a</a>'
    """
    if not body.came_with("data-miniprogram-appid"):
        return
    for link in _MINI_PROGRAMS(body.root):
        title = text_of(link).strip() or link.get("data-miniprogram-nickname") or ""
        body.ledger.embeds.append(Embed(kind="mini-program", url=None, title=title))


def _embed(element: _Element, base_url: str) -> Embed | None:
    if _is_widget(element):
        kind, titles, addresses = _WIDGETS.get(element.tag, _OTHER_WIDGET)
        url = _first_url(element, addresses, base_url)
        if voice := element.get("voice_encode_fileid"):
            url = absolute(_VOICE + voice, base_url)
        title = next((value for name in titles if (value := (element.get(name) or "").strip())), "")
        title = " ".join((title or text_of(element)).split())
        # Without a name it is still told that it was there, when it says anything of itself.
        return Embed(kind=kind, url=url, title=title) if title or url or element.attrib else None
    url = _first_url(element, ("src", "data-src", "data", "data-original", "data-url", "data-mpvid-src"), base_url)
    if url is None:
        inner = (source for tag in ("source", "embed", "param", "iframe") for source in element.iter(tag))
        found = (
            _first_url(source, ("src", "data-src", "value"), base_url) for source in inner if source is not element
        )
        url = next((address for address in found if address), None)
    if url is None:
        return None
    title = " ".join((element.get("title") or element.get("data-title") or element.get("name") or "").split())
    return Embed(kind=_kind(str(element.tag), url), url=url, title=title)


def _kind(tag: str, url: str) -> str:
    if tag in ("video", "amp-video"):
        return "video"
    if tag in ("audio", "bgsound") or _SOUND_HOSTS.search(url):
        return "audio"
    if _VIDEO_HOSTS.search(url):
        return "video"
    return "object" if tag in ("object", "embed") else "iframe"


def _first_url(element: _Element, names: tuple[str, ...], base_url: str) -> str | None:
    found = (absolute(element.get(name) or "", base_url) for name in names)
    return next((url for url in found if url), None)


def _paragraphs(element: _Element, embed: Embed, base_url: str) -> _Element:
    """The label, behind the still picture of a video that has one, before what the widget itself shows."""
    paragraph = etree.Element("p")
    host = embed.url.split("/", 3)[2] if embed.url else ""
    label = f"{LABELS[embed.kind]}：{embed.title or host}".rstrip("：")
    if embed.url:
        etree.SubElement(paragraph, "a", {"href": embed.url}).text = label
    else:
        paragraph.text = label
    poster = absolute(element.get("poster") or "", base_url)
    kept = _shows_content(element) and _says_more(element, embed)
    if poster is None and not kept:
        return paragraph
    all_ = etree.Element("div")
    if poster is not None:
        etree.SubElement(all_, "img", {"src": poster, "alt": ""})
    all_.append(paragraph)
    if kept:
        shown = etree.SubElement(all_, "div")
        shown.text = element.text
        shown.extend(list(element))
        for player in list(shown.iter(*_FRAMES)):
            drop(player)  # another way to show the same
    return all_


def _says_more(element: _Element, embed: Embed) -> bool:
    said = " ".join(text_of(element).split())
    return said not in ("", embed.title) or element.find(".//img") is not None


def _shows_content(element: _Element) -> bool:
    """Whether a browser shows what is in the element: it knows none of the widgets, and of objects only some."""
    return _is_widget(element) or element.tag == "object"


def _is_widget(element: _Element) -> bool:
    return element.tag in _WIDGETS or str(element.tag).startswith(_OTHERS)
