"""What the book itself says, in the languages that it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

_CHINESE: Final = {
    "lang": "zh-CN",
    "archive": "文章存档",
    "contents": "目录",
    "cover": "封面",
    "imprint": "版本说明",
    "body": "正文",
    "untitled": "（无题）",
    "undated": "未注明日期",
    "posts": "{count} 篇文章",
    "source": "原文：",
    "no address": "原文地址不详",
    "updated": "更新：",
    "archived": "存档：",
    "tags": "标签：",
    "and": "、",
    "not archived": "此文有 {count} 张图片未能存档，文中以链接标出。",
    "image missing": "［图片缺失］",
    "about": "本书由文章存档生成，收录所选文章的最新版本，按发布时间排列。各篇文章的著作权归原作者所有。",
    "drawing": "由小枝编成的鸟巢，每篇文章一枝",
    "chosen": "选取范围",
    "everything": "整个存档",
    "site": "网站：",
    "author": "作者：",
    "month": "月份：",
    "since": "起始时间：",
    "archive id": "存档标识",
    "book id": "本书标识",
    "as of": "存档截至",
    "made by": "生成程序",
    "versions": "收录的版本",
    "digests": "每篇文章之下是它在存档中的位置，以及该文件的 SHA-256。",
    "drawn anew": "有 {count} 张图片的格式是许多阅读器不能显示的，已转换；原图在存档中。",
    "summary": "文字与图片；图片的替代文字以原文所有为限。",
}
_ENGLISH: Final = {
    "lang": "en",
    "archive": "Archived articles",
    "contents": "Contents",
    "cover": "Cover",
    "imprint": "About this book",
    "body": "Text",
    "untitled": "(untitled)",
    "undated": "Undated",
    "posts": "{count} articles",
    "source": "Source: ",
    "no address": "The address of the source is not known",
    "updated": "Updated: ",
    "archived": "Archived: ",
    "tags": "Tags: ",
    "and": ", ",
    "not archived": "Images of this article that could not be archived: {count}. Links stand in their places.",
    "image missing": "[image missing]",
    "about": (
        "This book was made from an archive of articles. It holds the newest version of each article chosen, "
        "in the order of publication. The rights in the articles are their authors'."
    ),
    "drawing": "A nest woven of twigs, one for each article",
    "chosen": "Chosen",
    "everything": "the whole archive",
    "site": "Site: ",
    "author": "Author: ",
    "month": "Month: ",
    "since": "Since: ",
    "archive id": "Archive",
    "book id": "This book",
    "as of": "Archived until",
    "made by": "Made with",
    "versions": "Versions in this book",
    "digests": "Below each article: where the archive has it, and the SHA-256 of that file.",
    "drawn anew": "Pictures converted because many readers cannot show their format: {count}. The archive holds the originals.",  # noqa: E501
    "summary": "Text and pictures; pictures have the alternative texts that their sources gave them.",
}
WORDS: Final[Mapping[str, Mapping[str, str]]] = {"zh": _CHINESE, "en": _ENGLISH}
"""By language; each has the same keys."""

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def month_name(month: str, language: str) -> str:
    """A month `YYYY-MM` in words.

    >>> month_name("2022-07", "zh"), month_name("2022-07", "en")
    ('2022年7月', 'July 2022')
    """
    year, number = (int(part) for part in month.split("-"))
    return f"{_MONTHS[number - 1]} {year}" if language == "en" else f"{year}年{number}月"


def day_name(day: date, language: str) -> str:
    """A day in words.

    >>> day_name(date(2022, 7, 3), "zh"), day_name(date(2022, 7, 3), "en")
    ('2022年7月3日', '3 July 2022')
    """
    if language == "en":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    return f"{day.year}年{day.month}月{day.day}日"
