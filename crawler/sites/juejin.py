"""稀土掘金, juejin.cn: articles of programmers. Its pages are a script's challenge; its API tells posts as JSON.

Most posts are Markdown (`mark_content`); those of its other editor are HTML (`content`).
"""

from __future__ import annotations

from crawler.profile import (
    TAKEN_DOWN,
    ApiRequest,
    Expectations,
    JsonList,
    Listing,
    Marks,
    PostKind,
    Provenance,
    SiteProfile,
)

_ORIGIN = "https://juejin.cn"
_API = "https://api.juejin.cn"
_ARTICLE = "data.article_info"

_NEWEST = JsonList(
    items="data",
    ok=("err_no", "0"),
    link=f"{_ORIGIN}/post/{{article_info.article_id}}",
    title="article_info.title",
    author="author_user_info.user_name",
    published="article_info.ctime",
    description="article_info.brief_content",
)

_POST = PostKind(
    name="post",
    url=r"/post/(?P<id>\d{15,20})",
    canonical=f"{_ORIGIN}/post/{{id}}",
    fetch=ApiRequest(url=f"{_API}/content_api/v1/article/detail", body='{"article_id": "{id}"}'),
    fields={
        "title": (f"json:{_ARTICLE}.title",),
        "author": ("json:data.author_user_info.user_name",),
        "published": (f"json:{_ARTICLE}.ctime",),
        "updated": (f"json:{_ARTICLE}.mtime",),
        "section": ("json:data.category.category_name",),
        "tags": ("json:data.tags.*.tag_name",),
        "description": (f"json:{_ARTICLE}.brief_content",),
        "head_image": (f"json:{_ARTICLE}.cover_image",),
        "body": (f"markdown:{_ARTICLE}.mark_content", f"json:{_ARTICLE}.content"),
    },
)

_CATEGORIES = {
    "6809637769959178254": "后端",
    "6809637767543259144": "前端",
    "6809635626879549454": "Android",
    "6809635626661445640": "iOS",
    "6809637773935378440": "人工智能",
    "6809637771511070734": "开发工具",
    "6809637776263217160": "代码人生",
}

SITE = SiteProfile(
    slug="juejin",
    title="稀土掘金",
    group="新媒体",
    hosts=("juejin.cn", "www.juejin.cn", "juejin.im"),
    timezone="Asia/Shanghai",
    lang="zh-CN",
    kinds=(_POST,),
    listings=tuple(
        Listing(
            channel=name,
            url=f"{_API}/recommend_api/v1/article/recommend_cate_feed",
            shape=_NEWEST,
            body=f'{{"id_type": 2, "sort_type": 300, "cate_id": "{category}", "cursor": "0", "limit": 20}}',
        )
        for category, name in _CATEGORIES.items()
    ),
    marks=Marks(
        gone=(r'"err_msg": "[^"]*(?:不存在|已删除|文章不可见)',),
        blocked=(r"安全验证", r"请求过于频繁", r"source:_wafchallengeid|_waftokenid"),
    ),
    expectations=Expectations(min_found=5, failures=TAKEN_DOWN),
    facts=Provenance(
        sources=(
            "RSSHub lib/routes/juejin",
            "public readers of the same API, 2021 to 2026 (numbers of the categories)",
        ),
        dated="2026-01",
        note="the API, as others read it from 2021 to 2026",
    ),
)
