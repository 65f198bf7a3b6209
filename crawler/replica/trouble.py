"""What is wrong in the replica on purpose, by name.

Everything here stands on some list, so a crawl meets all of it. `EXPECTED_FAILURES` is what a crawl of the replica
must report as failed, and nothing else.
"""

from collections.abc import Mapping
from typing import Literal

Breakage = Literal["404", "500", "403", "truncated", "html"]

SITE = "https://www.niaogebiji.com"

SEED_ID = 482538
SHARED_NUMBER = 10187
"""An article and a bulletin have this number."""
UNDATED_ID = 695192
"""No time on its list and none on its page."""
TWO_PAGE_ID = 482611
GBK_ID = 26104
SLOW_ID = 482702
REDIRECT_OLD_ID = 25853
"""Listed on the home page and on /cat; answers 301."""
REDIRECT_NEW_ID = 482640
"""Where `REDIRECT_OLD_ID` leads; the JSON list has it under this id."""
DATA_URI_ID = 482655

JSON_ONLY_ID = 482731
CATEGORY_ONLY_ID = 482744
"""On /cat/136 and nowhere else."""
TAG_ONLY_ID = 482759
"""On /tag/支付宝 and nowhere else."""
TAG_ONLY_TAG = "支付宝"

DELETED_ID = 480117
SOFT_404_ID = 480233
CAPTCHA_ID = 480351
NO_BODY_ID = 480466
DISALLOWED_ID = 480590

SPACE_TITLE_BULLETIN_ID = 12101
"""Its title is a single space."""


def article_url(number: int) -> str:
    """The canonical URL of an article.

    >>> article_url(482538)
    'https://www.niaogebiji.com/article-482538-1.html'
    """
    return f"{SITE}/article-{number}-1.html"


EXPECTED_FAILURES: tuple[tuple[str, str], ...] = (
    (article_url(DELETED_ID), "http-404"),
    (article_url(SOFT_404_ID), "soft-404"),
    (article_url(CAPTCHA_ID), "captcha"),
    (article_url(NO_BODY_ID), "missing-field"),
    (article_url(DISALLOWED_ID), "robots-disallowed"),
)

IMAGE_404 = "https://qnssl.niaogebiji.com/40417226062d6f0a1b3c55.40440404.jpg"
IMAGE_TRUNCATED = "https://ngbjimg.xy599.com/60060006062d7a1b2c3d44.60060060.jpeg"
IMAGE_HTML = "https://ngbjimg.xy599.com/20020002062d7b9c8d7e66.20020020.jpg"
IMAGE_ACTIVE_SVG = "https://qnssl.niaogebiji.com/88017752362d8c4f1a2b77.66600666.svg"
IMAGE_CLEAN_SVG = "https://qnssl.niaogebiji.com/17530092462d8c5e2b3c88.24680135.svg"
IMAGE_TRACKER = "https://www.niaogebiji.com/img/stat/pixel.gif"
IMAGE_REDIRECT = "https://qnssl.niaogebiji.com/short/a7Kq"
IMAGE_REDIRECT_TARGET = "https://ngbjimg.xy599.com/30230203062d9e1f2a3b99.30230230.jpeg"
IMAGE_RESIZED = "https://qnssl.niaogebiji.com/60016001662da1b2c3d411.60060016.jpg?imageMogr2/thumbnail/600x"
"""The CDN's smaller rendering, as its post names it."""
IMAGE_RESIZED_ORIGINAL = "https://qnssl.niaogebiji.com/60016001662da1b2c3d411.60060016.jpg"
IMAGE_MISNAMED = "https://ngbjimg.xy599.com/51251200862db3c4d5e622.51251251.jpg"
"""A PNG, served as image/jpeg."""
IMAGE_LAZY = "https://mmbiz.qpic.cn/mmbiz_png/EzQ7kNaogeLazyOnly5xWb2VtHr9cJpM3sYdKfUgPqLmRtXz/640?wx_fmt=png"
"""Stands in `data-src` only; its img has no src."""
IMAGE_PLACEHOLDER = "https://www.niaogebiji.com/img/lazy.gif"
"""The src of images whose address is in `data-src`."""
IMAGE_SHARED = "https://qnssl.niaogebiji.com/70070070062dc5d6e7f833.70070077.png"
"""In several posts."""
IMAGE_TRANSPARENT_PNG = "https://qnssl.niaogebiji.com/25525500462dd7e8f9a044.12812800.png"
IMAGE_ANIMATED_GIF = "https://qnssl.niaogebiji.com/33033033062dea9b0c155.33033033.gif"
IMAGE_WEBP = "https://notecdn.yiban.io/cloud_res/871264301/imgs/22-7-19_10:32:08.518_70312.webp"
IMAGE_ANIMATED_WEBP = "https://ngbjimg.xy599.com/44044044062dfb0c1d266.44044044.webp"
IMAGE_DISALLOWED = "https://notecdn.yiban.io/private/871264301/22-7-20_chart.png"
"""The robots.txt of its host forbids it."""
IMAGE_HEADING_ICON = "https://qnssl.niaogebiji.com//6cdd60ea0045eb7a6ec44c54d29ed402.png"

BROKEN_IMAGES: Mapping[str, Breakage] = {
    IMAGE_404: "404",
    IMAGE_TRUNCATED: "truncated",
    IMAGE_HTML: "html",
}
"""Broken from the start; `Replica.heal_image` mends them."""
