"""Profiles of sites that nobody described: made from the host's name, so that every page of it may be a post."""

from __future__ import annotations

from archive.errors import UnsupportedUrlError
from crawler.canonical import host_of_slug, slug_of_host
from crawler.profile import Expectations, Marks, SiteProfile

MARKS = Marks(
    gone=(
        r"(?:文章|内容|页面|网页|帖子|信息|链接)(?:不存在|已?被?(?:作者|发布者)?删除|已下架|已失效|找不到|未找到)",
        r"不存在或已(?:被)?删除",
        r"(?:您|你)访问的(?:页面|内容|文章).{0,6}(?:不存在|找不到|已删除)",
        r"(?i:\b404\b.{0,40}(?:not found|找不到|不存在|未找到|error))",
        r"(?i:page (?:not found|can(?:no|['’])t be found|does(?:n['’]t| not) exist|no longer exists))",
        r"(?i:(?:article|post|story|content) (?:is|was|has been) (?:deleted|removed|no longer available))",
    ),
    blocked=(
        r"安全验证",
        r"(?:输入|填写|请完成).{0,6}验证码?",
        r"访问(?:过于|太)频繁",
        r"拖动(?:滑块|下方)",
        r"人机验证|环境异常",
        r"(?i:captcha)",
        r"(?i:verify(?:ing)? (?:that )?you are (?:a )?human)",
        r"(?i:are you a robot|not a robot|checking your browser|enable javascript and cookies)",
        r"(?i:unusual traffic|access denied|request blocked)",
    ),
)
"""What pages without an article say of themselves, in Chinese and in English."""


def unknown_site(slug: str) -> SiteProfile | None:
    """The profile of a host by its slug, or None where the slug names no host."""
    host = host_of_slug(slug)
    if host is None:
        return None
    return SiteProfile(
        slug=slug,
        title=host,
        group="",
        hosts=(host,),
        timezone="Asia/Shanghai",
        lang="zh-CN",
        kinds=(),
        listings=(),
        marks=MARKS,
        is_unknown=True,
        # A link that somebody gives may be anything: what is dead or no article is told, and fails the run.
        expectations=Expectations(),
    )


def slug_for(host: str, known: frozenset[str]) -> str:
    """The slug of a host that no profile knows. Raises UnsupportedUrlError for one that cannot have any."""
    slug = slug_of_host(host)
    if slug is None or slug in known:
        raise UnsupportedUrlError(f"{host}: no name that a site can have in an archive: letters, digits, . - and _")
    return slug
