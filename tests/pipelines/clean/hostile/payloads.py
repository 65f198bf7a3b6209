"""The hostile payloads: written for these tests, one text file a family, each under a line `=== what it tries`.

Scripts in them call `hit`. `evil.example` is what nothing may ask for; `pic.example` has pictures that a page may
show. `⟦2028⟧` stands for the character of that number, also where no file could hold it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

_FOLDER = Path(__file__).parent
_CHARACTER = re.compile("⟦([0-9A-F]+)⟧")
FAMILIES = tuple(sorted(file.stem for file in _FOLDER.glob("*.txt")))
# Where a payload may stand; `@` is the payload, `&` the payload with its markup escaped.
CONTEXTS = (
    "@",
    "<p>甲@乙</p>",
    "<pre><code>甲@乙</code></pre>",
    "<table><tr><th>甲</th><td>@</td></tr></table>",
    '<p><a href="//pic.example/p">甲@乙</a></p>',
    "<svg>@</svg>",
    "<svg><foreignObject>@</foreignObject></svg>",
    "<math><mtext>@</mtext></math>",
    '<p title="@">甲<img src="//pic.example/1.png" alt="@"></p>',
    "<noscript>@</noscript>",
    "<ul><li>甲<li>@</ul>",
    '<figure><img src="//pic.example/1.png"><figcaption>@</figcaption></figure>',
    "<p>甲&乙</p>",
    '<p title="&">甲<img src="//pic.example/1.png" alt="&"></p>',
    '<p id="&">甲<a href="&">乙</a><a href="#&">丙</a></p>',
    '<img data-src="&"><img src="&"><div style="background-image:url(&);height:300px"></div>',
    '<iframe src="//pic.example/v" title="&"></iframe><mpprofile data-nickname="&"></mpprofile>',
    '<pre class="language-&"><code>&</code></pre>',
)


def is_picture(context: str) -> bool:
    """Whether a place can make an ordinary picture of what the payload names: it breaks out of an attribute, or
    stands where a page has a picture's address.
    """
    return '="@"' in context or "url(&)" in context


@dataclass(frozen=True, kw_only=True)
class Payload:
    family: str
    name: str
    text: str

    def in_contexts(self) -> Iterator[str]:
        """The payload in every place it may stand."""
        for context in CONTEXTS:
            yield context.replace("@", self.text) if "@" in context else context.replace("&", escape(self.text))


@cache
def payloads(family: str) -> tuple[Payload, ...]:
    """The payloads of a family, in the order of its file."""
    _, *parts = re.split(r"^=== (.*)\n", (_FOLDER / f"{family}.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return tuple(
        Payload(family=family, name=name, text=_CHARACTER.sub(_character, text.removesuffix("\n")))
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    )


def _character(number: re.Match[str]) -> str:
    return chr(int(number[1], 16))
