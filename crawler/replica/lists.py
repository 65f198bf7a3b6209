"""The lists: home, /cat, /tag and /bulletin as HTML, the article list and the bulletin list as JSON."""

import html
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crawler.replica.content import Bulletin, Post
from crawler.replica.shell import page
from crawler.replica.trouble import REDIRECT_NEW_ID, REDIRECT_OLD_ID, SITE


def home(posts: Iterable[Post]) -> str:
    """`/`: the only list whose items stand in `.articleListBox`, and which has no h1."""
    items = "\n".join(_box(post) for post in posts)
    return page(
        title="鸟哥笔记_新媒体运营学习平台-鸟哥笔记",
        description="鸟哥笔记是面向运营、推广、新媒体从业者的学习平台，分享用户增长、内容营销与私域经营的方法。",
        main=f'<div class="articleListBox">\n{items}\n</div>',
    )


def category(name: str, posts: Iterable[Post], *, next_page: int | None = None) -> str:
    """`/cat/<id>` and `/tag/<name>`: the only h1 is the list's name."""
    items = "\n".join(_box(post) for post in posts)
    if next_page is not None:
        items += f'\n<div class="page_nav"><a class="next" href="?page={next_page}">下一页</a></div>'
    return page(
        title=f"{name}_{name}文章-鸟哥笔记",
        description=f"鸟哥笔记{name}栏目，汇集{name}相关的方法、案例与经验。",
        main=f'<div class="catHead"><h1>\n  {html.escape(name)}\n</h1></div>\n<div class="catList">\n{items}\n</div>',
    )


def bulletin() -> str:
    """`/bulletin`: a shell whose items its script fetches."""
    return page(
        title="今日事_互联网快讯-鸟哥笔记",
        description="今日事：互联网与营销行业的快讯。",
        main='<div class="bulletinHead"><h1>今日事</h1></div>\n<div id="bulletinList" data-page="1"></div>',
        script='var bulletinApi = "/pc/bulletin/index"; var bulletinForm = {page: 1, pub_time: "", isfromajax: 1};',
    )


def more_articles(posts: Sequence[Post]) -> str:
    """`GET /pc/index/getMoreArticle`."""
    return _envelope([_article_item(index, post) for index, post in enumerate(posts)])


def bulletin_items(bulletins: Iterable[Bulletin]) -> str:
    """`POST /pc/bulletin/index`."""
    return _envelope([_bulletin_item(item) for item in bulletins])


def refusal(message: str) -> str:
    """The envelope of a request that the site did not understand."""
    return json.dumps({"return_code": "400", "return_msg": message, "return_data": []}, ensure_ascii=False)


def _envelope(items: Sequence[dict[str, Any]]) -> str:
    return json.dumps({"return_code": "200", "return_msg": "success", "return_data": items}, ensure_ascii=False)


def _seconds(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp())


def _box(post: Post) -> str:
    seconds = _seconds(post.published)
    timepoint = "" if seconds is None else f' data-timepoint="{seconds}"'
    path = f"/article-{REDIRECT_OLD_ID}-1.html" if post.id == REDIRECT_NEW_ID else post.path
    tags = "\n".join(f'      <a class="art_tag" href="/tag/{quote(tag)}"> {html.escape(tag)} </a>' for tag in post.tags)
    return f"""<div class="articleBox clearfix"{timepoint}>
  <a class="articleLink" href="{path}" target="_blank">
    <div class="articleTitle elp">
      {html.escape(post.title)}
    </div>
  </a>
  <div class="articleContentInner">
    {html.escape(post.summary)}
  </div>
  <div class="articleInfo">
    <span class="author">
      {html.escape(post.author)}
    </span>
    <div class="tags">
{tags}
    </div>
  </div>
</div>"""


def _article_item(index: int, post: Post) -> dict[str, Any]:
    published, updated = _seconds(post.published), _seconds(post.changed)
    return {
        "title": post.title,
        "summary": post.summary,
        "author": post.author,
        "published_at": "" if published is None else str(published),
        "updated_at": "" if updated is None else str(updated),
        "catname": post.category_name,
        "tag_list": list(post.tags),
        "link": (SITE if index % 3 == 0 else "") + post.path,
    }


def _bulletin_item(item: Bulletin) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "content": item.text,
        "pub_time": _seconds(item.published),
        "updated_at": _seconds(item.updated or item.published),
        "url": item.path,
        "link": item.link,
        "seo_keywords": ",".join(item.keywords),
        "user_info": {"nickname": item.author},
        "note": "",
        "pic": "",
        "pic_type": "0",
        "comment_num": item.id % 7,
        "good_num": item.id % 41,
        "top": "0",
        "status": "1",
    }
