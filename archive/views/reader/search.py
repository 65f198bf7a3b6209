"""Full-text search without a server: an index that Pagefind makes of the posts' pages, and the page that asks it.

Chinese is written without spaces, and two programs that cut it into words seldom agree: of the places of 120 pieces of
two to four characters, phrases in an index of words found half. So what is indexed has a space around every Chinese
character, and `search/search.js` asks for the characters of a word as a phrase (`spaced` here and there is one rule):
words inside of words are found, and nothing else.

Pagefind orders the values of its filters by chance, so there are none: `search/sites/<site>.json` lists the posts of a
site by Pagefind's names for them. Everything else that it writes is the same for the same pages.
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from archive.errors import DamageError, UsageError
from archive.views.reader.frame import POLICY, Look, page
from archive.views.tree import File

SEARCH_KEY: Final = "search.html"
FOLDER: Final = "search/"
OURS: Final = re.compile(
    r"search/(?:(?:index|fragment)/\w+\.pf_(?:index|fragment)|pagefind\.\w+\.pf_meta|sites/[a-z0-9-]+\.json|sites\.json"
    r"|pagefind(?:-worker)?\.js|pagefind-entry\.json|wasm\.\w+\.pagefind|search\.js)"
)
"""The keys of an index: what has such a name and is of no index is of a build that was ended."""

HOW_TO_GET_IT: Final = "pip install 'birdnest[search]'"
SEARCH_POLICY: Final = POLICY.replace("script-src 'none'", "script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'")
_SCRIPT: Final = Path(__file__).parent / "assets" / "search.js"
_LINE: Final = " ¶ "
_SIGNATURE: Final = b"pagefind_dcd"
_NOT_OURS: Final = re.compile(r"pagefind-(?:ui|modular-ui|component-ui|highlight)\.|playground/")
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
}
_INLINE: Final = frozenset(
    (
        *(
            "-text",
            "a",
            "abbr",
            "b",
            "bdi",
            "bdo",
            "big",
            "cite",
            "code",
            "del",
            "dfn",
            "em",
            "font",
            "i",
            "ins",
            "kbd",
        ),
        *("mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u"),
        *("var", "wbr"),
    )
)
# Han, with its extensions and the compatibility forms; kana; Hangul.
_CHARACTER: Final = (
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_GAP: Final = re.compile(rf"(?<=\S)(?=[{_CHARACTER}])|(?<=[{_CHARACTER}])(?=[^\W_])")


def is_available() -> bool:
    """Whether the extra `search` is installed."""
    return find_spec("pagefind") is not None


def indexer() -> str:
    """What an index depends on besides the pages: another name, and it is to be made again."""
    try:
        return f"pagefind {version('pagefind')} {_SCRIPT.stat().st_size}"
    except PackageNotFoundError:
        return "none"


def search_page(look: Look, *, available: bool) -> File:
    """The page with the field to search in; where no index can be made, it says how one would be."""
    return page("search.html", SEARCH_KEY, look, policy=SEARCH_POLICY, available=available, how=HOW_TO_GET_IT)


def index_files(pages: Iterable[tuple[str, bytes]]) -> Iterator[File]:
    """Everything below `search/` for these pages of posts, each with its key; the same for the same pages.

    Raises UsageError where Pagefind is not installed or does not run.
    """
    with tempfile.TemporaryDirectory(prefix="birdnest-") as folder:
        site, bundle = Path(folder) / "site", Path(folder) / "bundle"
        titles: dict[str, str] = {}
        for key, data in pages:
            post = _post(data)
            titles.setdefault(_site(key), post.site)
            file = site / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(post.html, encoding="utf-8")
        if titles:
            _run(site, bundle)
            yield from _bundle(bundle)
        yield from _sites(bundle / "fragment", titles)
    yield File(key=f"{FOLDER}search.js", data=_SCRIPT.read_bytes(), content_type=_TYPES[".js"])


def spaced(text: str) -> str:
    """Text with its Chinese characters apart, as they are indexed and asked for.

    >>> spaced("支付宝App首页，3成")
    '支 付 宝 App 首 页， 3 成'
    """
    return _GAP.sub(" ", re.sub(rf"(?<=[{_CHARACTER}])([^\w\s])(?=[^\W_])", r"\1 ", text))


@dataclass(frozen=True, kw_only=True)
class _Post:
    """What of a post's page is searched and shown with what is found."""

    title: str
    site: str
    author: str
    date: str
    text: str

    @property
    def html(self) -> str:
        known = {"title": self.title, "site": self.site, "date": self.date}
        told = "".join(
            f'<meta data-pagefind-meta="{name}[content]" content="{escape(value)}">' for name, value in known.items()
        )
        lines = (" ".join(line.split()) for line in (*self.text.splitlines(), self.author))
        # One paragraph: behind each one Pagefind sets a full stop of its own.
        text = _LINE.join(escape(spaced(line)) for line in lines if line)
        return (
            f'<!doctype html><html lang="en"><head><title>-</title></head><body><main data-pagefind-body>'
            f"{told}<h1>{escape(spaced(self.title))}</h1><p>{text}</p></main></body></html>"
        )


def _post(data: bytes) -> _Post:
    root = LexborHTMLParser(data.decode()).css_first("[data-pagefind-body]")
    if root is None:
        raise DamageError("a page of a post has no text that is marked to be searched: build the reader anew")
    title, site, author, date = (_told(root, name) for name in ("title", "site", "author", "date"))
    for node in root.css("[data-pagefind-ignore], h1, .missing"):
        node.decompose()
    day = re.search(r"\d{4}-\d\d-\d\d", date)
    return _Post(title=title, site=site, author=author, date=day[0] if day else "", text=_text(root))


def _told(root: LexborNode, name: str) -> str:
    node = root.css_first(f'[data-pagefind-meta="{name}"]')
    return " ".join(node.text().split()) if node is not None else ""


def _text(root: LexborNode) -> str:
    """The text of a tree, a line for each block."""
    parts = []
    for node in root.traverse(include_text=True):
        if node.tag == "-text":
            parts.append(re.sub(r"\s+", " ", node.text_content or ""))
        elif node.tag not in _INLINE:
            parts.append("\n")
    return "".join(parts)


def _site(key: str) -> str:
    return key.split("/")[1]


def _run(site: Path, bundle: Path) -> None:
    try:
        from pagefind.service import get_executable
    except ImportError:
        raise UsageError(f"the search needs Pagefind, which is not installed: {HOW_TO_GET_IT}") from None
    program = get_executable()
    if program is None:
        raise UsageError(f"the search needs Pagefind's program, which is not installed: {HOW_TO_GET_IT}")
    command = [str(program), "--site", str(site), "--output-path", str(bundle)]
    command += ["--keep-index-url", "--force-language", "en", "--silent"]
    try:
        # In a folder of ours: it reads a pagefind.toml where it runs.
        done = subprocess.run(command, cwd=site, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, no word of it from outside
    except OSError as error:
        raise UsageError(f"{program}: cannot be run: {error.strerror}: {HOW_TO_GET_IT}") from error
    if done.returncode:
        raise UsageError(f"Pagefind made no index: {(done.stderr or done.stdout).strip() or done.returncode}")


def _bundle(bundle: Path) -> Iterator[File]:
    for file in sorted(bundle.rglob("*")):
        name = file.relative_to(bundle).as_posix()
        if file.is_file() and not _NOT_OURS.match(name):
            kind = _TYPES.get(file.suffix, "application/octet-stream")
            yield File(key=f"{FOLDER}{name}", data=file.read_bytes(), content_type=kind)


def _sites(fragments: Path, titles: Mapping[str, str]) -> Iterator[File]:
    """Which posts are of which site, by the names that Pagefind has given them."""
    names: dict[str, list[str]] = defaultdict(list)
    for file in sorted(fragments.glob("*")):
        fragment = json.loads(gzip.decompress(file.read_bytes()).removeprefix(_SIGNATURE))
        names[_site(fragment["url"].lstrip("/"))].append(file.stem)
    table = [{"site": site, "title": titles[site], "posts": len(ids)} for site, ids in sorted(names.items())]
    yield _json("sites.json", table)
    for site, ids in sorted(names.items()):
        yield _json(f"sites/{site}.json", ids)


def _json(name: str, value: object) -> File:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return File(key=f"{FOLDER}{name}", data=data + b"\n", content_type=_TYPES[".json"])
