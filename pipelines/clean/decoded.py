"""Posts that an aggregator entity-decoded as a whole: the tags that were code are live in them."""

import re
from typing import Final

_OPENING: Final = re.compile(r"<(pre|code)\b[^<>]*>", re.IGNORECASE)
# What highlighters and editors write in a listing; any other tag in one is the listing's own.
_TAG_OF_CODE: Final = re.compile(
    r"<(?!/?(?:span|code|br|b|strong|i|em|u|mark|font|a|ol|ul|li)(?:\s[^<>]*)?/?>)(?=[/!?A-Za-z])", re.IGNORECASE
)


def repair_decoded(html: str) -> str:
    """The markup with the tags in listings as text again (RSSHub decodes `&lt;` after it has removed scripts).

    >>> repair_decoded('<pre><code><span class=k>x</span><template><p>1</p></template></code></pre><p>2</p>')
    '<pre><code><span class=k>x</span>&lt;template>&lt;p>1&lt;/p>&lt;/template></code></pre><p>2</p>'
    """
    ascii_lower = html.encode("utf-8", "replace").lower()
    if b"<pre" not in ascii_lower and b"<code" not in ascii_lower:
        return html
    pieces: list[str] = []
    at = 0
    lower = html.lower()
    for opening in _OPENING.finditer(html):
        if opening.start() < at:
            continue
        end = lower.find(f"</{opening[1].lower()}>", opening.end())
        if end < 0:
            break
        pieces += (html[at : opening.end()], _TAG_OF_CODE.sub("&lt;", html[opening.end() : end]))
        at = end
    return "".join((*pieces, html[at:]))
