"""The reader as a person uses it, in a real Chromium: served, from a disk, by mouse, by keys, and under attack."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_cache_path
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, Response, sync_playwright

from archive import Archive
from archive.store import FolderStore
from tests.conftest import Need
from tests.posts import PICTURES, make_post, make_report
from tests.support import COMMAND
from tests.web import Web
from tests.web import serve as trapping

pytestmark = pytest.mark.reader

AXE = "axe-core@4.14.1"
POST = "posts/niaogebiji/article-482538/index.html"
CHANGED = "posts/other-example/article-1/"
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const moved = entry.sources.map(({ node }) => node && (node.outerHTML || node.data).slice(0, 120));
    window.shifts.push([entry.value, moved]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
TO_THE_END = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += 300) {
    scrollTo(0, y);
    await new Promise((done) => setTimeout(done, 25));
  }
  const shown = [...document.images].filter((image) => image.checkVisibility());
  await Promise.all(shown.map((image) => image.decode().catch(() => null)));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return shown.filter((image) => !image.naturalWidth).map((image) => image.src);
}"""


# -- an archive, its reader on a disk, and one that is served ---------------------------------------------------------


@pytest.fixture(scope="module")
def nest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of the replica's posts, and of another site's, one of which has three versions."""
    folder = tmp_path_factory.mktemp("nest")
    run(folder, "demo", "--archive", "nest")
    archive = Archive.open(FolderStore(folder / "nest"))
    for body in (
        "<p>第一版，说的是月活。</p>\n",
        "<p>第二版，说的是日活。</p>\n",
        "<p>第三版，说的是留存与 retention。</p>\n",
    ):
        add(archive, site="other-example", id="article-1", title="改过的文章", body=body)
    return folder / "nest"


def add(archive: Archive, **changes: Any) -> None:
    for data in PICTURES:
        archive.put_blob(data, "image/gif")
    post = make_post(**changes)
    archive.add(post, head=archive.head(post.site, post.id))


def run(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "home")}
    done = subprocess.run(
        [COMMAND, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serve(folder: Path, archive: Path) -> Iterator[str]:
    """The URL at which the command serves an archive."""
    with subprocess.Popen(
        [COMMAND, "serve", "--archive", archive, "--listen", "127.0.0.1:0"],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            url = re.search(r"http://127\.0\.0\.1:\d+/", line)
            assert url is not None, line
            yield url[0]
        finally:
            process.kill()


@pytest.fixture(scope="module")
def site(nest: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(tmp_path_factory.mktemp("served"), nest) as url:
        yield url


@pytest.fixture(scope="module")
def folder(nest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader as it is exported."""
    place = tmp_path_factory.mktemp("exported")
    run(place, "export", "reader", "reader", "--archive", str(nest))
    return place / "reader"


def keys_of(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.html"))


def kinds_of(folder: Path) -> list[str]:
    """A page of each kind."""
    keys = keys_of(folder)
    firsts = [next((key for key in keys if re.fullmatch(pattern, key)), None) for pattern in KINDS]
    assert all(firsts)
    return [key for key in firsts if key]


KINDS = (
    *(r"index\.html", POST.replace(".", r"\."), rf"{CHANGED}index\.html", rf"{CHANGED}versions\.html"),
    *(rf"{CHANGED}v0001\.html", rf"{CHANGED}v0001-v0003\.html", r"search\.html"),
    *(rf"{kind}/index\.html" for kind in ("sites", "categories", "tags", "authors", "months", "runs")),
    *(rf"{kind}/(?!index).*\.html" for kind in ("sites", "categories", "tags", "authors", "months")),
    r"runs/.*/.*\.html",
)


# -- a browser, and what it noticed ------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Visit:
    """Pages of one context, and everything in them that should not have happened."""

    context: BrowserContext
    origin: str
    quiet: bool = False  # what is blocked may be asked for, and said on the console
    page: Page = field(init=False)
    trouble: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page = self.context.new_page()
        self.context.on("page", lambda page: self.trouble.append(f"another page was opened: {page.url}"))
        self.page.on("pageerror", lambda error: self._say(f"error: {error}"))
        self.page.on("dialog", self._asked_back)
        if not self.quiet:
            self.page.on("console", lambda message: self._say(f"{message.type}: {message.text}"))
            self.context.on("request", self._asked)
        self.page.on("response", self._answered)

    def _say(self, what: str) -> None:
        self.trouble.append(f"{self.page.url}: {what}")

    def _asked_back(self, dialog: Dialog) -> None:
        self._say(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Request) -> None:
        if not request.url.startswith(self.origin):
            self._say(f"asked for {request.url}")

    def _answered(self, answer: Response) -> None:
        if answer.status >= 400:
            self._say(f"{answer.status} {answer.url}")

    def open(self, key: str) -> Page:
        self.page.goto(self.origin + key)
        return self.page


@pytest.fixture(scope="module")
def chromium(need: Need) -> Iterator[Browser]:
    program = shutil.which("chromium")
    need("Chromium", found=program is not None, how="apt-get install chromium")
    with sync_playwright() as playwright:
        # The superuser's Chromium has no sandbox; what it shows here is our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


Visitor = Callable[..., Visit]


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true. Playwright's own way of waiting is `eval`, which the pages forbid."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{page.url}: never came true: {expression}")


@pytest.fixture
def visit(chromium: Browser, site: str) -> Iterator[Visitor]:
    """Visits of the reader; at the end of the test nothing may have gone wrong in any."""
    visits: list[Visit] = []

    def begin(*, origin: str = site, width: int = 1440, quiet: bool = False, **options: Any) -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        visits.append(Visit(context=context, origin=origin, quiet=quiet))
        return visits[-1]

    yield begin
    for each in visits:
        each.context.close()
    assert [line for each in visits for line in each.trouble] == []


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [360, 1440])
def test_every_page_is_clean_and_no_wider_than_the_screen(visit: Visitor, folder: Path, width: int) -> None:
    visiting = visit(width=width)
    keys = keys_of(folder)
    assert len(keys) > 100
    for key in keys if width < 400 else kinds_of(folder):
        page = visiting.open(key)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, key
        assert page.locator("h1").count() == 1, key


def test_nothing_moves_while_a_page_is_read_to_its_end(visit: Visitor, folder: Path) -> None:
    for width in (360, 1440):
        visiting = visit(width=width)
        visiting.context.add_init_script(SHIFTS)
        for key in [key for key in keys_of(folder) if key.endswith("/index.html") or key == "index.html"]:
            page = visiting.open(key)
            assert page.evaluate(TO_THE_END) == [], key
            assert page.evaluate("window.shifts") == [], (key, width)


def test_dark_is_dark_and_light_is_light(visit: Visitor, folder: Path) -> None:
    for scheme, least, most in (("dark", 0, 80), ("light", 200, 255)):
        visiting = visit(color_scheme=scheme)
        for key in kinds_of(folder):
            colour = visiting.open(key).evaluate("getComputedStyle(document.documentElement).backgroundColor")
            assert all(least <= int(part) <= most for part in re.findall(r"\d+", colour)[:3]), key


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visit: Visitor, folder: Path, axe: str, scheme: str) -> None:
    for width in (360, 1440):
        visiting = visit(width=width, color_scheme=scheme)
        for key in [*kinds_of(folder), "search.html?q=小程序", "search.html?q=没有的词"]:
            page = visiting.open(key)
            if key.startswith("search"):
                page.wait_for_timeout(600)
            page.evaluate(axe)
            found = page.evaluate("axe.run()")
            serious = [
                (each["id"], [node["html"] for node in each["nodes"]][:3])
                for each in found["violations"]
                if each["impact"] in ("serious", "critical")
            ]
            assert serious == [], (key, width)
            assert len(found["passes"]) > 10, key


@pytest.fixture(scope="module")
def axe(need: Need) -> str:
    """The source of axe-core, installed once."""
    need("npm", found=shutil.which("npm") is not None, how="apt-get install nodejs npm")
    folder = user_cache_path("birdnest-tests") / AXE
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private": true}')
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--no-progress", AXE]
        done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        (folder / "installed").touch()
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def test_a_post_s_page_is_under_100_kb_without_its_pictures(folder: Path) -> None:
    sizes = {file: file.stat().st_size for file in (folder / "posts").rglob("*.html")}
    assert len(sizes) > 60
    assert max(sizes.values()) < 100_000


def test_all_can_be_read_without_javascript(visit: Visitor, folder: Path) -> None:
    visiting = visit(java_script_enabled=False)
    for key in kinds_of(folder):
        main = visiting.open(key).locator("main")
        assert len(main.inner_text().strip()) > 20 or key.startswith("runs/"), key
    assert "在今天召开的支付宝2022年合作伙伴大会上" in visiting.open(POST).locator("main").inner_text()
    assert "需要 JavaScript" in visiting.open("search.html").locator("noscript p").inner_text()


def test_it_reads_from_a_disk_as_from_a_server(visit: Visitor, folder: Path) -> None:
    visiting = visit(origin=folder.as_uri() + "/")
    for key in kinds_of(folder):
        page = visiting.open(key)
        assert page.evaluate(TO_THE_END) == [], key
        assert page.evaluate("getComputedStyle(document.body).display") == "flex", key  # the stylesheet is there
    visiting.open("index.html").locator("h2 a").first.click()
    assert visiting.page.url.startswith(visiting.origin + "posts/")
    page = visiting.open("search.html?q=支付宝")
    assert "birdnest serve" in page.locator("#from-disk").inner_text()
    assert page.locator("#q").is_hidden()


def test_it_is_read_with_the_keyboard_alone(visit: Visitor) -> None:
    visiting = visit()
    page = visiting.open("index.html")
    focus = "document.activeElement"
    page.keyboard.press("Tab")
    assert page.evaluate(f"{focus}.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate(f"{focus}.id") == "main"
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate(f"{focus}.closest('h2') !== null"):
            break
    title = page.evaluate(f"{focus}.textContent.trim()")
    assert page.evaluate(f"getComputedStyle({focus}).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/posts/**")
    assert page.locator("h1").inner_text() == title

    page.locator("nav a", has_text="搜索").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html")
    until(page, "document.activeElement.id === 'q'")
    page.keyboard.type("支付宝")
    until(page, "document.getElementById('count').textContent !== ''")
    page.keyboard.press("Enter")
    until(page, f"{focus}.textContent.startsWith('刚刚！支付宝年度大会')")  # Enter searches once more
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{POST}")


def test_versions_lead_to_old_ones_and_to_what_changed(visit: Visitor) -> None:
    page = visit().open(f"{CHANGED}index.html")
    page.locator(".about a[href*='versions.html']").click()
    assert page.locator(".versions > li").count() == 3
    page.goto(page.url.replace("versions.html", "v0001-v0003.html"))
    assert "月活" in " ".join(page.locator("del").all_inner_texts())
    assert "retention" in " ".join(page.locator("ins").all_inner_texts())
    page.goto(page.url.replace("v0001-v0003.html", "v0001.html"))
    assert "第 1 版" in page.locator(".notice").inner_text()


# -- searching ---------------------------------------------------------------------------------------------------------


def search(visiting: Visit, query: str) -> list[str]:
    page = visiting.open("search.html?" + query)
    until(page, "document.getElementById('count').textContent !== ''")
    page.wait_for_load_state("networkidle")
    return [link.get_attribute("href") or "" for link in page.locator("#found h2 a").all()]


@pytest.mark.parametrize(
    ("query", "keys", "marked"),
    [
        ("支付宝", [POST], "支付宝"),
        ("小程序月活", [POST], "小程序月活"),
        ("月活", [POST], "月活"),
        ("付宝", [POST], "付宝"),
        ("支付宝 年度大会", [POST], "支付宝"),
        ("retention", [f"{CHANGED}index.html"], "retention"),
        ("RETEN", [f"{CHANGED}index.html"], "reten"),
        ('"年度大会讲了这些要点"', [POST], None),
        ("“留存与 retention”", [f"{CHANGED}index.html"], "留存与retention"),
        ("retentions", [f"{CHANGED}index.html"], "retention。"),
        ("没有这样的词", [], None),
        ("支付宝 archive", [], None),
        ("zebra", [], None),
        ("支付宝 2099", [], None),
        ("<b>没有</b>的词", [], None),
    ],
)
def test_words_words_inside_words_and_phrases_are_found(
    visit: Visitor, site: str, query: str, keys: list[str], marked: str | None
) -> None:
    visiting = visit()
    found = search(visiting, f"q={query}")

    assert found == [site + key for key in keys]
    if marked:
        assert marked in visiting.page.locator("#found mark").all_inner_texts()
    if not keys:
        assert query in visiting.page.locator("#count").inner_text()


def test_what_a_search_finds_is_what_the_posts_say(visit: Visitor, site: str, folder: Path) -> None:
    """Of pieces out of the posts, every one is found where it stands, punctuation apart, and nowhere else."""
    visiting = visit()
    page = visiting.open("search.html")
    until(page, "document.activeElement.id === 'q'")
    texts = {}
    for key in [key for key in keys_of(folder) if re.fullmatch(r"posts/.*/index\.html", key)]:
        other = visiting.open(key)
        texts[site + key] = other.evaluate(
            r"""() => { const post = document.querySelector('[data-pagefind-body]');
            post.querySelectorAll('.missing, [data-pagefind-ignore]').forEach((each) => each.remove());
            return post.innerText.replace(/[\p{P}\p{S} ]/gu, ''); }"""
        )
    pieces = {
        match[0]
        for text in list(texts.values())[::6]
        for match in list(re.finditer(r"[\u4e00-\u9fff]{3}", text))[5:200:70]
    }
    assert len(pieces) > 12
    for piece in sorted(pieces):
        assert set(search(visiting, f"q={piece}")) == {url for url, text in texts.items() if piece in text}, piece


def test_a_site_is_chosen_and_the_address_tells_the_search(visit: Visitor, site: str) -> None:
    visiting = visit()
    both = search(visiting, "q=的")
    page = visiting.page
    assert len(both) == 20
    page.locator("#more").click()
    until(page, "document.querySelectorAll('#found li').length > 20")
    page.locator("#site").select_option("other-example")
    until(page, "document.querySelectorAll('#found li').length === 1")
    assert page.url == f"{site}search.html?q=%E7%9A%84&site=other-example"
    page.reload()
    until(page, "document.querySelectorAll('#found li').length === 1")
    assert page.locator("#q").input_value() == "的"
    assert page.locator("#count").inner_text() == "找到 1 篇"
    assert page.locator("#count").get_attribute("aria-live") == "polite"


def test_a_query_is_no_markup_and_no_pattern(visit: Visitor) -> None:
    visiting = visit()
    page = visiting.open("search.html")
    until(page, "document.activeElement.id === 'q'")
    for query in (
        "(",
        "[a",
        "\\",
        "支付宝(",
        "*",
        '"',
        '""',
        "<img src=x onerror=alert(1)>",
        "。",
        "a" * 200,
        "支" * 200,
    ):
        page.locator("#q").fill(query)
        page.wait_for_timeout(350)
    assert page.locator("img").count() == 0


# -- under attack ------------------------------------------------------------------------------------------------------

TOUCH_ALL = """() => {
  for (const each of document.querySelectorAll("*")) {
    for (const kind of ["mouseover", "focus", "load", "error", "toggle"]) each.dispatchEvent(new Event(kind));
  }
}"""
TRAP = "127.0.0.1:1"  # stands for the address of the trap
_RUN = f"alert(1);fetch('http://{TRAP}/fetched');document.title='owned'"
HOSTILE = (
    f"<script>{_RUN}</script>\n"
    f'<p onclick="{_RUN}" onmouseover="{_RUN}">正文 <img src="x" onerror="{_RUN}"></p>\n'
    f'<p><a href="javascript:{_RUN}">点这里</a> <a href="data:text/html,<script>{_RUN}</script>">或这里</a></p>\n'
    f'<svg onload="{_RUN}"><script>{_RUN}</script><a href="javascript:{_RUN}"><text y="20">svg</text></a></svg>\n'
    f'<iframe src="http://{TRAP}/frame" srcdoc="<script>parent.alert(1)</script>"></iframe>\n'
    f'<img src="http://{TRAP}/pixel.png"><link rel="stylesheet" href="http://{TRAP}/a.css">\n'
    f'<style>@import "http://{TRAP}/b.css"; body {{ background: url(http://{TRAP}/c.png) }}</style>\n'
    f'<meta http-equiv="refresh" content="0;url=http://{TRAP}/gone"><base href="http://{TRAP}/">\n'
    f'<form action="http://{TRAP}/form"><button>送出</button></form><object data="http://{TRAP}/o"></object>\n'
    f'<video src="http://{TRAP}/v.mp4" autoplay></video><p style="background:url(http://{TRAP}/d.png)">样式</p>\n'
    f'<math><mtext><table><mglyph><style><img src=x onerror="{_RUN}"></style></mglyph></table></mtext></math>\n'
)
BREAKING = f'</title></script><script>{_RUN}</script><img src=x onerror="{_RUN}">\'"><svg onload={_RUN}>'
DRAWING = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="{_RUN}"><script>{_RUN}</script>'
    f'<image href="http://{TRAP}/i.png"/></svg>'
)


@pytest.fixture(scope="module")
def trap() -> Iterator[Web]:
    """A server that nothing may ask for anything."""
    with trapping() as web:
        yield web


@pytest.fixture(scope="module")
def hostile(trap: Web, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive whose posts and reports were edited by hand; all its digests are right."""

    def aimed(text: str) -> str:
        return text.replace(f"http://{TRAP}", trap.url)

    breaking = aimed(BREAKING)
    store = FolderStore(tmp_path_factory.mktemp("hostile") / "nest")
    archive = Archive.open_or_create(store, now=make_post().fetched_at)
    archive.put_blob(aimed(DRAWING).encode(), "image/svg+xml")
    for version in ("", "<p>又一版</p>\n"):
        add(
            archive,
            body=aimed(HOSTILE) + version,
            title=breaking + version,
            author=breaking,
            tags=(breaking,),
            categories=("新媒体", breaking, breaking),
            section=breaking,
            description=breaking,
            boilerplate=(breaking,),
            url=aimed(f"javascript:{_RUN}"),
        )
    archive.add_report(make_report(run="20261122T080000Z-niaogebiji-3cb1a1", reasons=(breaking,), notes=(breaking,)))
    return store.root


def test_nothing_of_a_hostile_archive_runs(visit: Visitor, hostile: Path, trap: Web, tmp_path: Path) -> None:
    with serve(tmp_path, hostile) as origin:
        made = next((tmp_path / "home").rglob("index.html")).parent
        while not (made / "reader.css").exists():
            made = made.parent
        keys = keys_of(made)
        assert len([key for key in keys if key.startswith("posts/")]) == 4
        visiting = visit(origin=origin)
        for key in [*keys, "search.html?q=正文", "search.html?q=onerror"]:
            page = visiting.open(key)
            page.wait_for_timeout(150)
            assert page.evaluate("document.title") != "owned", key
            assert page.locator("script:not([src='search/search.js']), iframe, object, embed, form").count() == 0, key
            for link in page.locator("main a").all():
                assert not (link.get_attribute("href") or "").lower().startswith(("javascript:", "data:")), key
            page.evaluate(TOUCH_ALL)
            assert page.evaluate("document.title") != "owned", key
        drawings = [info.key for info in FolderStore(hostile).list("blobs/") if info.key.endswith(".svg")]
        assert drawings
        # Alone in a tab, where the browser says on the console what it has blocked.
        alone = visit(origin=origin, quiet=True)
        for key in drawings:
            alone.open(key.replace("blobs/sha256/", "images/"))
            alone.page.wait_for_timeout(300)
            assert alone.page.url.endswith(".svg")
    assert trap.asked == []
