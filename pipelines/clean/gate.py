"""The last step: a second parser lets only the allowed through.

The passes write nothing that the gate would not let through, so a change made by it means a mistake in them.
The safe result is kept, the mistake is noted and logged.
"""

import logging
import re
from typing import Any, Final

import nh3

from archive import body
from archive.body import ID_PREFIX, LANGUAGE, TAGS

_logger = logging.getLogger(__name__)

ATTRIBUTES: Final = {tag: set(names) for tag, names in body.ATTRIBUTES.items()} | {"img": {"src", "alt"}}
SCHEMES: Final = frozenset(("http", "https", "mailto", "data"))
_DATA_IMAGE: Final = re.compile(r"data:image/(?:png|jpe?g|gif|webp|avif|bmp);base64,", re.IGNORECASE)


def _attribute(tag: str, name: str, value: str) -> str | None:
    allowed = True
    if name == "id":
        allowed = value.startswith(ID_PREFIX)
    elif name == "class":
        allowed = LANGUAGE.fullmatch(value) is not None
    elif name in ("src", "href") and value[:5].lower() == "data:":
        allowed = tag == "img" and _DATA_IMAGE.match(value) is not None
    return value if allowed else None


def _cleaner(attributes: dict[str, set[str]], schemes: set[str], **options: Any) -> nh3.Cleaner:
    return nh3.Cleaner(tags=set(TAGS), attributes=attributes, url_schemes=schemes, link_rel=None, **options)


_CLEANER: Final = _cleaner(ATTRIBUTES, set(SCHEMES), attribute_filter=_attribute)
# It lets no id, class or `data:` through, so there is nothing to look at in Python: what this one leaves as it is,
# the other would leave too.
_STRICTER: Final = _cleaner({**ATTRIBUTES, "*": set(), "code": set()}, set(SCHEMES - {"data"}))


def pass_gate(html: str) -> tuple[str, bool]:
    """What the gate lets through, and whether that is everything.

    >>> pass_gate('<p>a &amp; b<br><img src="https://a.cn/1.png" alt=""></p>')
    ('<p>a &amp; b<br><img src="https://a.cn/1.png" alt=""></p>', True)
    >>> pass_gate("<p onclick=alert(1)>a</p>")
    ('<p>a</p>', False)
    """
    in_vain = ' id="' in html or ' class="' in html or 'src="data:' in html
    if not in_vain and _STRICTER.clean(html) == html:
        return html, True
    gated = _CLEANER.clean(html)
    if gated == html or _same(gated, html):
        return html, True
    _logger.warning("the gate changed a cleaned body: %r", _difference(html, gated))
    return gated, False


def _same(gated: str, html: str) -> bool:
    """Entities are written in more than one way; Hexo needs `&#96;` and `&#126;`."""
    return gated == html.replace("&#96;", "`").replace("&#126;", "~")


def _difference(html: str, gated: str) -> str:
    at = next((i for i, (ours, theirs) in enumerate(zip(html, gated, strict=False)) if ours != theirs), len(gated))
    return html[max(at - 40, 0) : at + 80]
