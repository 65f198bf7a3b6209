"""Request → response, and the state that the control endpoint changes."""

import hashlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from re import compile as pattern
from urllib.parse import parse_qs, unquote

from crawler.replica import content, generated, lists, pages, trouble
from crawler.replica.content import Bulletin, Post
from crawler.replica.gallery import IMAGE_HOSTS, SITE_HOST, Gallery, ServedImage, address
from crawler.replica.trouble import Breakage

HOSTS = (SITE_HOST, *IMAGE_HOSTS)
OPENED = datetime(2022, 7, 1, tzinfo=UTC).timestamp()
"""When everything that has no time of its own was last changed."""

REMOVALS = ("404", "410", "soft", "home", "template", "list", "notice")
"""What may answer for an article that is no more: two statuses, and five kinds of soft 404."""
STAND_INS = ("", "captcha", "login", "waf", "parked", "template")
"""What may answer for every article: a check, a login, a firewall, a domain for sale, or the articles in new markup."""

_ARTICLE = pattern(r"^/article-(\d+)-(\d+)\.html$")
_CATEGORY = pattern(r"^/cat/(\d+)$")
_TAG = pattern(r"^/tag/([^/]+)$")
_HTML = "text/html; charset=utf-8"
_JSON = "application/json; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_OK, _NOT_MODIFIED, _MISDIRECTED = 200, 304, 421

ROBOTS: Mapping[str, str] = {
    SITE_HOST: (f"User-agent: *\nDisallow: /article-{trouble.DISALLOWED_ID}-1.html\nDisallow: /search\nAllow: /\n"),
    "notecdn.yiban.io": "User-agent: *\nDisallow: /private/\n",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """`target` is the raw path and query, `headers` have lower-case names."""

    method: str
    host: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def url(self) -> str:
        """The canonical URL. Schemes are not told apart: all are https here."""
        return f"https://{self.host}{self.target}"


@dataclass(frozen=True, kw_only=True)
class Response:
    """`modified` (Unix seconds) brings Last-Modified, an ETag and answers to conditional requests."""

    status: int
    body: bytes = b""
    mime_type: str = _HTML
    modified: float | None = None
    location: str | None = None
    etag: str | None = None
    retry_after: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        found = {"Content-Type": self.mime_type}
        if self.modified is not None:
            found["Last-Modified"] = formatdate(self.modified, usegmt=True)
        if self.etag is not None:
            found["ETag"] = self.etag
        if self.location is not None:
            found["Location"] = self.location
        if self.retry_after is not None:
            found["Retry-After"] = self.retry_after
        return found


@dataclass
class State:
    """What tests change. `robots` maps a host to its text and status.

    removed: what answers for an article that is no more, one of `REMOVALS`. moved: the id an article's address leads
    to. unlisted: articles that no list names. stand_in: what answers for every article, one of `STAND_INS`. refusals:
    how many pages are still refused, with which status and Retry-After. Lists may stand in reverse, be cut off in the
    middle, or name nothing. The generated list shows `window` posts, and moves on by `step` with each answer; or stands
    in pages of `page_size`.
    listed: generated posts that it has named.
    """

    bodies: dict[int, str] = field(default_factory=dict)
    changed: dict[int, float] = field(default_factory=dict)
    broken: dict[str, Breakage] = field(
        default_factory=lambda: {address(url): how for url, how in trouble.BROKEN_IMAGES.items()}
    )
    robots: dict[str, tuple[str, int]] = field(default_factory=dict)
    is_down: bool = False
    removed: dict[int, str] = field(default_factory=dict)
    moved: dict[int, int] = field(default_factory=dict)
    unlisted: set[int] = field(default_factory=set)
    stand_in: str = ""
    refusals: int = 0
    refusal: tuple[int, str] = (429, "1")
    empty: bool = False
    in_reverse: bool = False
    cut_off: bool = False
    window: int = 0
    step: int = 0
    shown: int = 0
    page_size: int = 0
    listed: set[int] = field(default_factory=set)
    hits: Counter[str] = field(default_factory=Counter)
    log: deque[dict[str, object]] = field(default_factory=deque)


class Site:
    """The whole site and its image hosts, with `generated_posts` further posts on /cat/900."""

    def __init__(self, *, generated_posts: int = 0, slow_seconds: float = 2.0) -> None:
        self.posts = content.load_posts()
        self.bulletins = content.load_bulletins()
        self.generated_posts = generated_posts
        self.slow_seconds = slow_seconds
        self.state = State()
        self._lock = threading.Lock()
        bodies = [post.body for post in self.posts.values()]
        self._gallery = Gallery(bodies + [item.body for item in self.bulletins.values()])
        self._routes: Mapping[str, Callable[[Request], Response]] = {
            "/": lambda _: self._list(lists.home, "home"),
            "/bulletin": lambda _: _page(lists.bulletin()),
            "/pc/index/getMoreArticle": lambda _: self._more_articles(),
            "/pc/bulletin/index": self._bulletin_items,
            "/pc/bulletin/detail": self._bulletin_page,
            "/search": lambda _: _page(pages.search()),
        }

    def answer(self, request: Request) -> Response:
        """Answer and record a request to one of the `HOSTS`; any other host is 421."""
        response = self._conditional(request, _with_etag(self._answer(request)))
        self._record(request, response)
        return response

    def edit(self, article_id: int, old: str, new: str) -> None:
        """Replace `old` in an article's body; KeyError for no such article, ValueError where `old` is not in it."""
        with self._lock:
            body = self.body(self._post(article_id))
            if old not in body:
                raise ValueError(f"article {article_id} does not hold {old!r}")
            self.state.bodies[article_id] = body.replace(old, new)
            self._touch(article_id)

    def revert(self, article_id: int) -> None:
        """Give an article its first body back, as a new change."""
        with self._lock:
            if self.state.bodies.pop(self._post(article_id).id, None) is not None:
                self._touch(article_id)

    def reset(self) -> None:
        """Forget every change and all that was recorded."""
        with self._lock:
            self.state = State()

    def hits(self) -> dict[str, int]:
        """Requests per `METHOD canonical-url`."""
        with self._lock:
            return dict(self.state.hits)

    def log(self) -> list[dict[str, object]]:
        """All requests, in the order of their answers."""
        with self._lock:
            return list(self.state.log)

    def body(self, post: Post) -> str:
        """The body as it is now."""
        edited = self.state.bodies.get(post.id)
        if edited is not None:
            return edited
        return generated.body(post.id) if post.category == generated.CATEGORY else post.body

    def _touch(self, article_id: int) -> None:
        """Last-Modified counts whole seconds, so a second change within one gets the next."""
        earlier = self.state.changed.get(article_id, 0.0)
        self.state.changed[article_id] = max(float(int(time.time())), earlier + 1)

    def _post(self, article_id: int) -> Post:
        if generated.FIRST_ID <= article_id < generated.FIRST_ID + self.generated_posts:
            return generated.post(article_id)
        return self.posts[article_id]

    def _answer(self, request: Request) -> Response:
        if request.host not in HOSTS:
            return _text("Misdirected Request: no such host here\n", _MISDIRECTED)
        if self.state.is_down:
            return _text("Service Unavailable\n", 503)
        if request.path == "/robots.txt":
            return self._robots(request.host)
        if request.host == SITE_HOST:
            return self._site_page(request)
        return self._image(request)

    def _robots(self, host: str) -> Response:
        text, status = self.state.robots.get(host, (ROBOTS.get(host, ""), _OK if host in ROBOTS else 404))
        return Response(status=status, body=text.encode(), mime_type=_TEXT, modified=OPENED if status == _OK else None)

    def _site_page(self, request: Request) -> Response:
        if request.path.startswith("/img/"):
            return self._image(request)
        refused = self._refusal(request)
        if refused is not None:
            return refused
        if request.method == "POST" and request.path != "/pc/bulletin/index":
            return _text("Method Not Allowed\n", 405)
        if request.path in self._routes:
            return self._routes[request.path](request)
        if match := _ARTICLE.match(request.path):
            return self._article(int(match[1]), int(match[2]))
        if match := _CATEGORY.match(request.path):
            return self._category(int(match[1]), int(parse_qs(request.query).get("page", ["1"])[0]))
        if match := _TAG.match(request.path):
            return self._tag(unquote(match[1]))
        return _not_found()

    def _refusal(self, request: Request) -> Response | None:
        """Too many requests, while some are still to be refused; lists are left alone."""
        with self._lock:
            if not self.state.refusals or not _ARTICLE.match(request.path):
                return None
            self.state.refusals -= 1
        status, wait = self.state.refusal
        return replace(_text("Slow down\n", status), retry_after=wait)

    def _list(self, render: Callable[[list[Post]], str], name: str) -> Response:
        return self._page_of_list(render(self._listed(post for post in self.posts.values() if name in post.lists)))

    def _listed(self, posts: Iterable[Post]) -> list[Post]:
        found = [post for post in posts if post.id not in self.state.unlisted and not self.state.empty]
        return found[::-1] if self.state.in_reverse else found

    def _page_of_list(self, text: str) -> Response:
        return _page(text[: len(text) // 2] if self.state.cut_off else text)

    def _generated(self, number: int) -> Response:
        """The generated list, or a part of it: newest posts first, as the site has them."""
        with self._lock:
            last = generated.FIRST_ID + self.generated_posts - 1
            if self.state.page_size:
                newest = last - (number - 1) * self.state.page_size
                ids = range(newest, max(newest - self.state.page_size, generated.FIRST_ID - 1), -1)
                following = number + 1 if newest - self.state.page_size >= generated.FIRST_ID else None
            elif self.state.window:
                newest = min(generated.FIRST_ID + self.state.shown + self.state.window - 1, last)
                ids = range(newest, max(newest - self.state.window, generated.FIRST_ID - 1), -1)
                self.state.shown += self.state.step
                following = None
            else:
                return _page(_generated_list(self.generated_posts))
            posts = self._listed(map(generated.post, ids))
            self.state.listed.update(post.id for post in posts)
        return self._page_of_list(lists.category(content.CATEGORIES[generated.CATEGORY], posts, next_page=following))

    def _category(self, number: int, page: int) -> Response:
        name = content.CATEGORIES.get(number)
        if name is None or (number == generated.CATEGORY and not self.generated_posts):
            return _not_found()
        if number == generated.CATEGORY:
            return self._generated(page)
        found = self._listed(p for p in self.posts.values() if p.category == number and "cat" in p.lists)
        return self._page_of_list(lists.category(name, found))

    def _tag(self, name: str) -> Response:
        found = self._listed(post for post in self.posts.values() if name in post.tags)
        return self._page_of_list(lists.category(name, found)) if found else _not_found()

    def _more_articles(self) -> Response:
        found = self._listed(self._as_changed(post) for post in self.posts.values() if "json" in post.lists)
        return replace(self._page_of_list(lists.more_articles(found)), mime_type=_JSON)

    def _as_changed(self, post: Post) -> Post:
        """The post with the time of its last change, as a list tells it."""
        changed = self.state.changed.get(post.id)
        return post if changed is None else replace(post, updated=datetime.fromtimestamp(changed, UTC))

    def _bulletin_items(self, request: Request) -> Response:
        form = parse_qs(request.body.decode("latin-1"), keep_blank_values=True)
        if request.method != "POST" or not {"page", "pub_time", "isfromajax"} <= form.keys():
            return Response(status=400, body=lists.refusal("参数错误").encode(), mime_type=_JSON)
        found = self.bulletins.values() if form["page"] == ["1"] else ()
        return replace(_page(lists.bulletin_items(found)), mime_type=_JSON)

    def _bulletin_page(self, request: Request) -> Response:
        number = parse_qs(request.query).get("id", [""])[0]
        if not number.isdecimal():
            return Response(status=400, body="参数错误".encode(), mime_type=_TEXT)
        item = self.bulletins.get(int(number))
        return _not_found() if item is None else _page(pages.bulletin(item), _bulletin_time(item))

    def _article(self, article_id: int, number: int) -> Response:
        stand_in = self._stand_in(article_id)
        if stand_in is not None:
            return stand_in
        try:
            post = self._post(article_id)
        except KeyError:
            return _not_found()
        if article_id == trouble.SLOW_ID:
            time.sleep(self.slow_seconds)
        charset = "gbk" if article_id == trouble.GBK_ID else "utf-8"
        text = pages.article(post, self.body(post), number=number, charset=charset)
        if text is None:
            return _not_found()
        if self.state.stand_in == "template":
            text = text.replace('class="article"', 'class="post-v4"').replace("pc_content", "rich_text_v4")
        modified = self.state.changed.get(article_id) or (post.changed.timestamp() if post.changed else OPENED)
        body = text.encode(charset, "xmlcharrefreplace")
        return Response(status=_OK, body=body, mime_type=f"text/html; charset={charset}", modified=modified)

    def _stand_in(self, article_id: int) -> Response | None:
        """What answers in place of an article that is in trouble."""
        how = self.state.removed.get(article_id)
        if how is not None:
            return self._removed(how)
        if self.state.stand_in in pages.STAND_INS:
            return _page(pages.STAND_INS[self.state.stand_in])
        if article_id in self.state.moved:
            return Response(status=301, location=f"/article-{self.state.moved[article_id]}-1.html", modified=OPENED)
        if article_id == trouble.REDIRECT_OLD_ID:
            new = f"/article-{trouble.REDIRECT_NEW_ID}-1.html"
            return Response(status=301, location=new, body=b"", modified=OPENED)
        if article_id == trouble.DELETED_ID:
            return _not_found()
        if article_id == trouble.SOFT_404_ID:
            return _page(pages.deleted())
        if article_id == trouble.CAPTCHA_ID:
            return _page(pages.captcha())
        if article_id == trouble.NO_BODY_ID:
            return _page(pages.without_body(self.posts[article_id]))
        return None

    def _removed(self, how: str) -> Response:
        if how == "home":
            return Response(status=302, location="/", modified=OPENED)
        if how == "list":
            return self._category(136, 1)
        text = {"soft": pages.deleted, "template": pages.empty_template, "notice": pages.notice_in_template}.get(how)
        return _page(text()) if text is not None else replace(_not_found(), status=int(how))

    def _image(self, request: Request) -> Response:
        if not _may_link(request.headers.get("referer", "")):
            return _text("Forbidden: referer\n", 403)
        key = request.host + request.target
        how = self.state.broken.get(key) or self.state.broken.get(request.host + request.path)
        if how in {"404", "500", "403"}:
            return _text("image error\n", int(how))
        if key == address(trouble.IMAGE_REDIRECT):
            return Response(status=302, location=trouble.IMAGE_REDIRECT_TARGET, modified=OPENED)
        found = self._gallery.find(request.host, request.path, request.query)
        return _text("Not Found\n", 404) if found is None else _image_response(found, how)

    def _conditional(self, request: Request, response: Response) -> Response:
        if response.status != _OK or response.modified is None or request.method not in {"GET", "HEAD"}:
            return response
        if _is_fresh(request.headers, response):
            return replace(response, status=_NOT_MODIFIED, body=b"")
        return response

    def _record(self, request: Request, response: Response) -> None:
        entry: dict[str, object] = {
            "method": request.method,
            "url": request.url,
            "status": response.status,
            "referer": request.headers.get("referer"),
            "user_agent": request.headers.get("user-agent"),
            "time": time.time(),
        }
        with self._lock:
            self.state.hits[f"{request.method} {request.url}"] += 1
            self.state.log.append(entry)


@lru_cache(maxsize=1)
def _generated_list(count: int) -> str:
    ids = range(generated.FIRST_ID + count - 1, generated.FIRST_ID - 1, -1)
    return lists.category(content.CATEGORIES[generated.CATEGORY], map(generated.post, ids))


def _page(text: str, modified: float = OPENED) -> Response:
    return Response(status=_OK, body=text.encode(), modified=modified)


def _not_found() -> Response:
    return Response(status=404, body=pages.not_found().encode())


def _text(text: str, status: int) -> Response:
    return Response(status=status, body=text.encode(), mime_type=_TEXT)


def _bulletin_time(item: Bulletin) -> float:
    return (item.updated or item.published).timestamp()


def _image_response(found: ServedImage, how: Breakage | None) -> Response:
    if how == "html":
        return Response(status=_OK, body=pages.not_found().encode(), mime_type="image/jpeg", modified=OPENED)
    body = found.body[: len(found.body) * 6 // 10] if how == "truncated" else found.body
    return Response(status=_OK, body=body, mime_type=found.mime_type, modified=OPENED)


def _may_link(referer: str) -> bool:
    """The image hosts' hot-link rule: no Referer, or one of the site's own hosts."""
    host = address(referer).partition("/")[0].partition(":")[0]
    return not referer or host == "niaogebiji.com" or host.endswith(".niaogebiji.com")


def _with_etag(response: Response) -> Response:
    if response.status != _OK or response.modified is None:
        return response
    return replace(response, etag=f'"{hashlib.sha256(response.body).hexdigest()[:20]}"')


def _is_fresh(headers: Mapping[str, str], response: Response) -> bool:
    """RFC 9110, section 13.2.2: If-None-Match decides alone where it is present."""
    tags = headers.get("if-none-match")
    if tags is not None:
        return "*" in tags or response.etag in [tag.strip().removeprefix("W/") for tag in tags.split(",")]
    try:
        since = parsedate_to_datetime(headers["if-modified-since"])
    except (KeyError, ValueError):
        return False
    return response.modified is not None and response.modified <= since.timestamp()
