"""White space and characters nobody sees."""

import re
from typing import Final

# Spaces that indent and pad lines: ideographic, no-break, en, em and their kin. (Full-width indents are
# layout, which a stylesheet does; inside a line the same characters are content and stay.)
INDENT: Final = " \u00a0\u3000\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f"
_RUN: Final = re.compile(r"[ \t\n\r\f]{2,}|[\t\n\r\f]")
_PARAGRAPH_INDENT: Final = re.compile("[ ]*(?:\u3000\u3000|[\u00a0\u2003\u2002]{2})")
_EMOJI: Final = "\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u20e3"
_STRAY_JOINER: Final = re.compile(f"(?<![{_EMOJI}])\u200d|\u200d(?![{_EMOJI}])")  # inside an emoji it shows


def collapsed(text: str) -> str:
    r"""Text with its white space as a browser shows it in a paragraph.

    >>> collapsed("  甲\n 乙")
    ' 甲 乙'
    """
    plain = not ("\n" in text or "  " in text or "\t" in text or "\r" in text or "\f" in text)
    return text if plain else _RUN.sub(" ", text)


def visible(text: str) -> str:
    r"""Text without the characters that have no width and no effect.

    >>> visible("\ufeff甲\u200b乙 👩\u200d🚀") == "甲乙 👩\u200d🚀"
    True
    """
    if text.isascii():
        return text
    for character in "\u200b\u200c\u2060\ufeff":
        if character in text:
            text = text.replace(character, "")
    return _STRAY_JOINER.sub("", text) if "\u200d" in text else text


def starts_with_indent(text: str) -> bool:
    """Whether a line begins as a paragraph does in print.

    >>> starts_with_indent("　　甲"), starts_with_indent("　甲")
    (True, False)
    """
    return _PARAGRAPH_INDENT.match(text) is not None
