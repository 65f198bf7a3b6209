"""Any number of further posts, for measuring: ids from `FIRST_ID`, all on /cat/900, made when they are asked for.

A page is 20 to 60 KB of the 2022 editor's markup. A post has 3 to 6 images of 20 to 120 KB; about a fifth of the
references go to a pool that all posts share. Every image decodes and no two are equal: one of a few drawn JPEGs with a
COM segment of its own behind the start marker.
"""

# ruff: noqa: S311 - what is drawn must be the same every time, and guards nothing

import random
import re
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from crawler.replica import pictures
from crawler.replica.content import SITE_ZONE, Post

FIRST_ID = 900001
CATEGORY = 900
IMAGE_HOST = "ngbjimg.xy599.com"

_POOL = 240
_FIRST_OWN_IMAGE = 1000
_IMAGES_PER_POST = 10
_TEMPLATES = 16
_START = datetime(2023, 1, 1, 8, 0, tzinfo=SITE_ZONE)
_IMAGE_PATH = re.compile(r"^/9(\d{8})62e9\.(\d{8})\.jpeg$")

_P = (
    "background-image: none; font-size: 16px; color: #000000; text-align: inherit; font-weight: inherit; "
    "line-height: inherit; margin: 25px 0px 20px;"
)
_H2 = (
    "background-image: url('https://qnssl.niaogebiji.com//6cdd60ea0045eb7a6ec44c54d29ed402.png'); font-size: 18px; "
    "color: #212629; text-align: left; font-weight: 600; line-height: 30px; margin: 25px 0px 20px; background-size: "
    "8px 20px; background-position: 0px 5px; background-repeat: no-repeat; padding-left: 12px;"
)
_DARK = (
    'data-darkmode-bgcolor-16515027068508="rgb(25, 25, 25)" '
    'data-darkmode-original-bgcolor-16515027068508="#fff|rgb(255, 255, 255)" '
    'data-darkmode-color-16515027068508="rgb(163, 163, 163)" '
    'data-darkmode-original-color-16515027068508="#fff|rgb(34, 34, 34)" mp-original-font-size="15"'
)
_BRANDS = (
    "青禾茶铺",
    "木桥咖啡",
    "暖山家居",
    "鹿角书店",
    "海盐烘焙",
    "半夏护肤",
    "大橡健身",
    "小满母婴",
    "星野露营",
    "云栈鲜生",
)
_SCENES = (
    "社群运营",
    "会员日",
    "直播间",
    "小程序",
    "企业微信",
    "短视频",
    "裂变活动",
    "门店导购",
    "内容种草",
    "复购提醒",
)
_ANGLES = (
    "三步做到复购翻倍",
    "的增长复盘",
    "拆解：一份可以照做的清单",
    "踩过的五个坑",
    "背后的用户分层",
    "从0到1实录",
    "数据怎么看",
)
_OPENINGS = (
    "先说结论，",
    "从数据上看，",
    "团队复盘时发现，",
    "一个容易被忽略的细节是，",
    "更关键的一步是，",
    "换个角度，",
    "到了第二周，",
)
_SUBJECTS = ("店长", "社群里的老客", "新加好友的用户", "运营同学", "品牌的会员", "直播间的观众", "区域经理")
_ACTIONS = (
    "会在下单后的四十八小时内收到一条手写感的回访消息",
    "更愿意为一次看得见的服务付费，而不是为折扣停留",
    "把问题集中反馈在物流和客服两个环节",
    "在第三次触达之后，打开率开始明显下降",
    "把优惠券转给朋友的比例，比预期高出将近一倍",
    "需要一个明确的理由，才会从公域走进私域",
)
_ENDINGS = (
    "，于是整个节奏被重新排了一遍。",
    "，这也是后来把预算挪到内容上的原因。",
    "，所以第一版方案只保留了两个动作。",
    "，单这一项就省下了每月三万元左右的投放费用。",
    "，团队因此把考核指标从拉新改成了留存。",
)


def post(number: int) -> Post:
    """The generated post of that id."""
    index = number - FIRST_ID
    rng = random.Random(number)
    brand, scene = _BRANDS[index % len(_BRANDS)], _SCENES[index // len(_BRANDS) % len(_SCENES)]
    return Post(
        id=number,
        title=f"{brand}{scene}{rng.choice(_ANGLES)}（{index + 1}）",
        author=rng.choice(("运营小灶", "增长笔记", "见习操盘手", "阿北说增长")),
        published=_START + timedelta(hours=3 * index),
        updated=None,
        category=CATEGORY,
        tags=(scene, brand),
        summary=_sentence(rng) + _sentence(rng),
        markup=2022,
        lists=frozenset({"cat"}),
        dirt=(),
        body="",
    )


@lru_cache(maxsize=64)
def body(number: int) -> str:
    """The body of a generated post."""
    return body_showing(number, images(number))


def body_showing(number: int, urls: Sequence[str]) -> str:
    """The body of a generated post with other images."""
    return "\n".join(_blocks(number, urls))


def images(number: int) -> list[str]:
    """The image URLs of a generated post, in order."""
    rng = random.Random(-number)
    first = _FIRST_OWN_IMAGE + (number - FIRST_ID) * _IMAGES_PER_POST
    own = iter(range(first, first + _IMAGES_PER_POST))
    picks = (rng.randrange(_POOL) if rng.random() < 0.2 else next(own) for _ in range(rng.randint(3, 6)))  # noqa: PLR2004
    return [f"https://{IMAGE_HOST}/9{pick:08d}62e9.{zlib.crc32(b'%d' % pick) % 10**8:08d}.jpeg" for pick in picks]


def image(path: str) -> bytes | None:
    """The generated image at that path, or None where the path names none."""
    match = _IMAGE_PATH.match(path)
    if match is None or int(match[2]) != zlib.crc32(b"%d" % int(match[1])) % 10**8:
        return None
    number = int(match[1])
    jpeg = _template(number % _TEMPLATES)
    note = b"replica image %d" % number
    return jpeg[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note + jpeg[2:]


@lru_cache(maxsize=_TEMPLATES)
def _template(index: int) -> bytes:
    """A drawn JPEG of 20 to 120 KB: an APP15 filler brings a small drawing to its size."""
    jpeg = pictures.draw(pictures.Picture(kind="jpeg", seed=7000 + index))
    missing = 20_000 + index * 6_200 - len(jpeg)
    filler = random.Random(index).randbytes(max(0, missing))
    segments = (filler[at : at + 60_000] for at in range(0, len(filler), 60_000))
    extra = b"".join(b"\xff\xef" + (len(part) + 2).to_bytes(2, "big") + part for part in segments)
    return jpeg[:2] + extra + jpeg[2:]


def _blocks(number: int, urls: Sequence[str]) -> Iterator[str]:
    rng = random.Random(number * 7)
    pictures_left = list(urls)
    heading = 0
    for index in range(rng.randint(11, 24)):
        if index % 5 == 2:  # noqa: PLR2004
            heading += 1
            name = f"<span><strong>0{heading}、</strong></span><span><strong>{rng.choice(_SCENES)}</strong></span>"
            yield f'<h2 style="{_H2}">{name}</h2>'
        if pictures_left and index % 2:
            yield f'<p style="{_P}"><img src="{pictures_left.pop(0)}"></p>'
        yield _paragraph(rng)
    yield from (f'<p style="{_P}"><img src="{url}"></p>' for url in pictures_left)
    yield "<section></section>\n<section></section>"


def _paragraph(rng: random.Random) -> str:
    text = "".join(_sentence(rng) for _ in range(rng.randint(2, 4)))
    if rng.random() < 0.3:  # noqa: PLR2004
        text = f"<span {_DARK}><span {_DARK}>{text}</span></span>"
    return f'<p style="{_P}"><span>{text}</span><span></span></p>'


def _sentence(rng: random.Random) -> str:
    return rng.choice(_OPENINGS) + rng.choice(_SUBJECTS) + rng.choice(_ACTIONS) + rng.choice(_ENDINGS)
