"""Nothing executes and nothing is asked for, whatever an article holds: hostile payloads, opened in Chromium."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from archive.body import TAGS
from archive.document import Document, compose, write
from archive.model import Post
from archive.views.page import page
from pipelines.clean import CleanBody, clean, parse_clean, serialise
from pipelines.clean.gate import ATTRIBUTES
from pipelines.explain import comparison_page, explain
from tests.pipelines.clean.hostile.chromium import PROGRAM, Chromium, Visit, run_chromium
from tests.pipelines.clean.hostile.payloads import CONTEXTS, FAMILIES, Payload, is_picture, payloads

_BASE = "https://pic.example/post/1.html"
_NOW = datetime(2022, 7, 23, 1, 0, tzinfo=UTC)
_ALLOWED = json.dumps({"tags": sorted(TAGS), "attributes": {tag: sorted(names) for tag, names in ATTRIBUTES.items()}})
# What a document says of some of its nodes: their HTML, whether that is stable, what is not allowed in them, and
# the pictures, as written and as Chromium understands their addresses.
_SEEN = f"""
const allowed = {_ALLOWED};
const faults = element => {{
  const tag = element.localName, found = [];
  if (element.namespaceURI !== "http://www.w3.org/1999/xhtml" || !allowed.tags.includes(tag)) found.push(tag);
  for (const {{name, value}} of element.attributes) {{
    if (!(allowed.attributes[tag] ?? []).includes(name) && name !== "id") found.push(`${{tag}} ${{name}}`);
    if (name === "id" && !value.startsWith("n-")) found.push(`id ${{value}}`);
  }}
  const href = element.getAttribute("href"), src = element.getAttribute("src");
  if (href !== null && !href.startsWith("#n-") && !/^(https?|mailto):$/.test(element.protocol)) found.push(href);
  if (src !== null && !/^(https?:|data:image\\/(png|jpeg|jpg|gif|webp|avif|bmp);base64,)/i.test(element.src))
    found.push(src);
  if (element.shadowRoot || (src !== null && element.width > 9999)) found.push("shadow");
  return found;
}};
const reparsed = html => {{
  const other = document.implementation.createHTMLDocument("");
  other.body.innerHTML = html;
  return other.body.innerHTML;
}};
const seen = nodes => {{
  const html = nodes.map(node => node.outerHTML ?? node.data).join("");
  const elements = nodes.filter(node => node.outerHTML).flatMap(node => [node, ...node.querySelectorAll("*")]);
  return {{
    html,
    stable: reparsed(html) === html,
    faults: elements.flatMap(faults),
    pictures: elements.filter(e => e.localName === "img").map(e => [e.getAttribute("src"), e.src]),
  }};
}};
"""
_OF_SECTIONS = f"""(document => {{ {_SEEN}
  const sections = [...document.body.children];
  const strays = [...document.head.querySelectorAll(":not(meta, title)"), ...document.body.childNodes]
    .filter(node => node.localName !== "section");
  return {{
    title: document.title, strays: strays.map(node => node.outerHTML ?? node.data), refused: [],
    parts: sections.map(section => seen([...section.childNodes])),
  }};
}})"""
_OF_DOCUMENT = f"""(document => {{ {_SEEN}
  const [front, ...rest] = document.body.childNodes;
  const strays = [...document.head.children, ...(front.nodeType === 3 ? [] : [front])];
  return {{
    title: document.title, strays: strays.map(node => node.outerHTML), refused: [], front: front.data,
    parts: [seen(rest)],
  }};
}})"""
_OF_PAGE = f"""(document => {{ {_SEEN}
  const [heading, about, ...rest] = document.body.children;
  const strays = [...document.head.children].filter(e => !["META", "BASE", "TITLE", "STYLE"].includes(e.tagName));
  strays.push(...heading.children, ...about.querySelectorAll(":not(a)"));
  return {{
    title: document.title, strays: strays.map(node => node.outerHTML), refused: document.defaultView.refused,
    head: [...document.head.children].map(e => e.localName), heading: heading.textContent,
    links: about.querySelectorAll("a").length,
    parts: [seen([...document.body.childNodes].filter(node => rest.includes(node) || rest.length && node.nodeType == 3
      && rest[0].compareDocumentPosition(node) & 4))],
  }};
}})"""
_TITLE = "() => null"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory, need: Callable[..., None]) -> Iterator[Chromium]:
    need(str(PROGRAM), found=PROGRAM.exists(), how="apt-get install chromium")
    with run_chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> tuple[Payload, ...]:
    return payloads(request.param)


def _bodies(payload: Payload) -> list[CleanBody]:
    return [clean(body, _BASE) for body in payload.in_contexts()]


def _sections(bodies: list[CleanBody]) -> str:
    sections = "".join(f"<section>{body.html}</section>" for body in bodies)
    return f'<!doctype html><html><head><meta charset="utf-8"><title>still</title></head><body>{sections}</body></html>'


def _as_chromium_writes(html: str) -> str:
    return html.replace("&#96;", "`").replace("&#126;", "~")


def _assert_harmless(visit: Visit, bodies: list[CleanBody], payload: Payload) -> None:
    """No script ran; the DOM is the cleaned body, no more, and stays so; only its pictures were asked for."""
    __tracebackhide__ = True
    name = f"{payload.family}: {payload.name}"
    assert not visit.ran, name
    assert visit.found["strays"] == [], name
    assert len(visit.found["parts"]) == len(bodies), name
    pictures: set[str] = set()
    for part, body, context in zip(visit.found["parts"], bodies, CONTEXTS, strict=False):
        place = f"{name}, in {context}"
        assert part["faults"] == [], place
        assert part["stable"], place
        assert part["html"].strip("\n") == _as_chromium_writes(body.html), place
        urls = {image.url for image in body.images}
        assert {written for written, _ in part["pictures"]} == urls, place
        assert is_picture(context) or not any("evil" in (urlsplit(url).hostname or "") for url in urls), place
        pictures |= {understood.partition("#")[0] for _, understood in part["pictures"]}
    assert visit.requests <= pictures, name


def test_there_are_many_payloads_of_different_names() -> None:
    names = [(payload.family, payload.name) for family in FAMILIES for payload in payloads(family)]
    assert len(set(names)) == len(names) >= 450
    assert len({payload.text for family in FAMILIES for payload in payloads(family)}) == len(names)


def test_a_cleaned_payload_is_clean_and_the_gate_had_nothing_to_do(family: tuple[Payload, ...]) -> None:
    for payload in family:
        for body in _bodies(payload):
            assert "gate" not in {note.rule for note in body.notes}, payload.name
            assert clean(body.html, _BASE).html == body.html, payload.name
            assert serialise(parse_clean(body.html)) == body.html, payload.name


def test_a_cleaned_payload_is_harmless_wherever_it_stood(chromium: Chromium, family: tuple[Payload, ...]) -> None:
    bodies = [_bodies(payload) for payload in family]
    visits = chromium.visit([_sections(part) for part in bodies], _OF_SECTIONS)
    for visit, part, payload in zip(visits, bodies, family, strict=True):
        _assert_harmless(visit, part, payload)
        assert visit.found["title"] == "still"


def _document(payload: Payload, body: CleanBody) -> Document:
    """A document whose every field for people is the payload."""
    text = payload.text
    post = Post(
        site="example", id="1", url=f"https://pic.example/{text}", title=text, author=text, categories=(text,),
        section=text, tags=(text, text), description=text, lang="zh-CN", date=_NOW, published_at=_NOW, updated_at=None,
        fetched_at=_NOW, body=body.html + "\n" if body.html else "", head_image=None, images=(), missing_images=(),
        embeds=(), warc=(), source_sha256=hashlib.sha256(body.html.encode()).hexdigest(), extractor="0" * 64,
    )  # fmt: skip
    return compose(post, version=1, parent=None, generator="tests")


def test_a_document_of_payloads_is_harmless(chromium: Chromium, family: tuple[Payload, ...]) -> None:
    bodies = [clean(payload.text, _BASE) for payload in family]
    documents = [write(_document(payload, body)).decode() for payload, body in zip(family, bodies, strict=True)]
    for visit, document, body, payload in zip(
        chromium.visit(documents, _OF_DOCUMENT), documents, bodies, family, strict=True
    ):
        _assert_harmless(visit, [body], payload)
        assert visit.found["title"] == ""
        assert document.startswith(visit.found["front"]), payload.name


def test_the_page_of_a_post_of_payloads_is_harmless(chromium: Chromium, family: tuple[Payload, ...]) -> None:
    bodies = [clean(payload.text, _BASE) for payload in family]
    pages = [
        page(_document(payload, body), "https://pic.example/archive/posts/v0001.html")
        for payload, body in zip(family, bodies, strict=True)
    ]
    for visit, body, payload in zip(chromium.visit(pages, _OF_PAGE), bodies, family, strict=True):
        _assert_harmless(visit, [body], payload)
        assert visit.found["head"] == ["meta", "base", "meta", "meta", "title", "style"], payload.name
        assert visit.found["links"] == 1, payload.name
        assert {directive for directive, _ in visit.found["refused"]} <= {"img-src"}, payload.name
        assert visit.requests == frozenset() or all(url.startswith("data:image/") for url in visit.requests)


def test_the_page_that_shows_raw_beside_clean_runs_nothing(chromium: Chromium, family: tuple[Payload, ...]) -> None:
    some = family[::6]  # each page of three frames takes its time
    pages = [comparison_page(payload.text, explain(payload.text, _BASE), payload.text) for payload in some]
    for visit, payload in zip(chromium.visit(pages, _TITLE), some, strict=True):
        assert not visit.ran, payload.name


# -- the harness itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        "<img src=x onerror=hit(1)>",
        "<p tabindex=0 autofocus onfocus=hit(1)>甲</p>",
        "<details open ontoggle=hit(1)>甲</details>",
        "<svg><animate onbegin=hit(1) attributeName=x dur=1ms></svg>",
        "<script>alert(1)</script>",
    ],
)
def test_a_script_that_runs_is_seen(chromium: Chromium, raw: str) -> None:
    still, lively = chromium.visit([_page_of("<p>甲</p>"), _page_of(raw)], _TITLE)
    assert lively.ran
    assert not still.ran


@pytest.mark.parametrize(
    "raw",
    [
        "<img src=https://evil.example/1>",
        "<link rel=stylesheet href=https://evil.example/1>",
        "<p style='background:url(https://evil.example/1)'>甲</p>",
        "<style>@import 'https://evil.example/1'</style>",
        "<svg><use href='https://evil.example/1#a'></use></svg>",
        "<video src=https://evil.example/1></video>",
        "<link rel=prefetch href=https://evil.example/1>",
    ],
)
def test_a_request_is_seen(chromium: Chromium, raw: str) -> None:
    still, lively = chromium.visit([_page_of("<p>甲</p>"), _page_of(raw)], _TITLE)
    assert {url.partition("#")[0] for url in lively.requests} == {"https://evil.example/1"}
    assert still.requests == frozenset()


@pytest.mark.parametrize("raw", ["<script>console.log(1)</script>", "<script>throw 1</script>"])
def test_what_reaches_the_console_is_seen(chromium: Chromium, raw: str) -> None:
    with pytest.raises(AssertionError):
        chromium.visit([_page_of(raw)], _TITLE)


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        ("<p id=cookie>甲</p>", "id cookie"),
        ("<p onclick=hit(1)>甲</p>", "p onclick"),
        ("<svg></svg>", "svg"),
        ('<a href="java&Tab;script:hit(1)">甲</a>', "java\tscript:hit(1)"),
        ('<img src="data:image/svg+xml,x" alt="">', "data:image/svg+xml,x"),
    ],
)
def test_what_is_not_allowed_is_seen(chromium: Chromium, raw: str, fault: str) -> None:
    (visit,) = chromium.visit([_page_of(f"<section>{raw}</section>")], _OF_SECTIONS)
    assert fault in visit.found["parts"][0]["faults"]


def test_markup_that_changes_when_it_is_read_again_is_seen(chromium: Chromium) -> None:
    raw = "<form id=a><div></form><form id=b><p></p></form></div>"
    (visit,) = chromium.visit([_page_of(f"<section>{raw}</section>")], _OF_SECTIONS)
    assert not visit.found["parts"][0]["stable"]


def _page_of(body: str) -> str:
    return f'<!doctype html><meta charset="utf-8"><title>still</title><body>{body}</body>'
