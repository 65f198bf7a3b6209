"""How pages look that are no posts: the words they use, their titles, and the parts they are made of.

Words are regular expressions over visible text, in Chinese and English. They are meant for short pages, and for titles:
what a whole article says proves nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from crawler.profile import Selectors


@dataclass(frozen=True, kw_only=True)
class Block:
    """How one kind of page that keeps readers away looks. `title` is what its own title may be.

    needs_both: words alone prove nothing, nor do parts, for the frame of any page may have one of them.
    """

    reason: str
    what: str
    words: tuple[str, ...]
    title: str
    parts: Selectors = ()
    needs_both: bool = False


BLOCKS = (
    Block(
        reason="captcha",
        what="the site asks for a verification",
        words=(
            r"(?:完成|进行|通过)(?:下方|以下)?(?:的)?(?:安全|人机|滑动|滑块|图形)?(?:验证|校验)",
            r"拖动(?:下方|左侧|滑块)|向右(?:拖动|滑动)|按住(?:左边)?滑块|点击图中|依次点击",
            r"(?:安全|人机|滑块|身份)验证",
            r"(?:verify|confirm|prove) (?:that )?you(?:'re| are)(?: a)? (?:human|not a robot)",
            r"complete the captcha|i'?m not a robot",
            r"checking (?:if the site connection is secure|your browser)|just a moment\.\.\.",
        ),
        title=(
            r"^\W*(?:安全|人机|滑块|身份)?验证(?:码|中心)?(?:\W|$)|captcha"
            r"|^just a moment|^attention required|^checking your"
        ),
        parts=(
            "iframe[src*=captcha], iframe[src*=recaptcha], iframe[src*=hcaptcha], iframe[src*=challenge]",
            ".geetest_panel, .geetest_captcha, #nc_1_wrapper, .nc-container, #tcaptcha_iframe, .yidun, .verifyBox",
            "#challenge-form, #challenge-stage, #cf-challenge-running, .cf-turnstile, .g-recaptcha, .h-captcha",
            "form[action*=captcha], form[action*=verify] input[type=hidden]",
        ),
    ),
    Block(
        reason="waf",
        what="the site, or a firewall before it, refuses us",
        words=(
            r"(?:访问|请求|操作)(?:过于|太|太过)?(?:频繁|频率过高)",
            r"(?:您|你)的?(?:访问|请求|IP).{0,12}(?:被(?:拒绝|拦截|阻断|禁止|封)|异常)",
            r"拒绝访问|禁止访问|访问被拒绝|没有权限访问",
            r"web应用防火墙|云防护|安全狗|云盾|护卫神|知道创宇|可能对网站造成安全威胁",
            r"(?:系统|网络)[检监]测到.{0,20}(?:异常|恶意|攻击|机器人)",
            r"access denied|request blocked|unusual traffic|you have been blocked|too many requests",
            r"attention required! \| cloudflare|incapsula incident|pardon our interruption|reference #[0-9a-f.]{8,}",
        ),
        title=(
            r"^\W*(?:40[35]\b|429\b|forbidden|access denied|request rejected"
            r"|拒绝访问|禁止访问|访问被(?:拒绝|拦截)|访问受限|访问频繁|访问异常)"
        ),
    ),
    Block(
        reason="login-wall",
        what="the site asks to log in",
        words=(
            r"(?:请|需要?|必须)(?:您)?(?:先)?(?:登[录陆]|注册)",
            r"(?:登[录陆]|注册)(?:账号)?(?:后|以|即可|才能?)(?:可以?)?(?:查看|阅读|继续|浏览|访问)",
            r"(?:扫码|微信|账号|密码|手机号?|验证码)登[录陆].{0,200}(?:忘记密码|注册账号|立即注册|登[录陆]即)",
            r"(?:log|sign) in to (?:continue|read|view|see)|you must be logged in",
        ),
        title=r"^\W*(?:用户|会员|账号|帐号|统一|扫码)?(?:登录|登陆|注册)|^\W*(?:log|sign) ?in\b",
        parts=("input[type=password]",),
        needs_both=True,
    ),
    Block(
        reason="parked-domain",
        what="the domain is parked, or its hosting has ended",
        words=(
            r"域名(?:正在|可)?(?:出售|转让|停放|购买|交易|抢注|已过期|未绑定|未备案)",
            r"(?:domain|site)(?: name)? (?:is|may be|has) (?:for sale|parked|expired)|buy this domain",
            r"(?:站点|网站|空间|主机)(?:已经?)?(?:被)?(?:暂停|关闭|过期|到期|停用|未开通)",
            r"welcome to nginx!|it works!",
        ),
        title=(
            r"域名.{0,6}(?:出售|转让|停放|过期)|(?:domain|site).{0,20}(?:for sale|parked|expired)"
            r"|^welcome to nginx|^apache2? .{0,20}default"
        ),
    ),
)

_THING = r"(?:文章|内容|页面|网页|帖子|信息|资讯|作品|链接|新闻)"
_WENT = (
    r"(?:不存在|找不到|违规|违反.{0,12}(?:规定|规范|法规)|(?:被)?(?:作者|管理员)(?:删除|撤回|屏蔽)"
    r"|已(?:经)?(?:被)?(?:作者|用户|发布者|管理员)?(?:自行)?(?:删除|移除|下架|下线|屏蔽|撤回|失效))"
)
_SORRY = r"(?:(?:非常|很|十分|真)?(?:抱歉|对不起|遗憾|哎呀|啊哦|sorry)[\s,，。.!！:：~]*)?"
_YOU_LOOK_FOR = r"(?:您|你)?(?:所|要|想|正在)?(?:访问|查看|浏览|查找|阅读|请求)?的?(?:该|此|本|这篇|这个|当前)?"
GONE_NOTICE = re.compile(
    rf"[\s(（【]*{_SORRY}{_YOU_LOOK_FOR}\s*{_THING}(?:已?经?(?:由于|因)?.{{0,12}})?"
    rf"{_WENT}(?:[\s,，、或者/]*{_WENT})*[\s,，。.!！)）】]*"
    r"(?:(?:请|点击|马上|立即)?(?:返回|回到|去)(?:首页|上一页|主页).{0,12})?"
    r"|\W*(?:(?:sorry|404|error)\W*)*(?:this|the|that)?\s*(?:page|post|article|content|story|requested url)s?"
    r"(?: you(?:'re| are)? (?:requested|looking for))?"
    r"(?: (?:was|is|has|have|been|could|can|cannot|does|doesn['’]t|not|be|no|longer))+"
    r" (?:found|removed|deleted|unavailable|exists?|available)\b.{0,40}",
    re.IGNORECASE | re.DOTALL,
)
"""All that a notice says that a post is gone."""
GONE_TITLE = re.compile(
    rf"^\W*(?:404\b|error 404|(?:page )?not found)|(?:您|你)(?:访问|查看|要找)的?{_THING}|{_THING}{_WENT}",
    re.IGNORECASE,
)

LOGIN_PLACE = re.compile(r"(?:^|[/.])(?:login|signin|sign-in|passport|sso|oauth)(?:[/.?]|$)", re.IGNORECASE)
CAPTCHA_PLACE = re.compile(
    r"captcha|(?:^|[/.])(?:verify|validate|challenge|antispider|waf|punish)(?:[/.?]|$)", re.IGNORECASE
)
GONE_PLACE = re.compile(r"(?:^|/)(?:404|error|notfound|not-found|deleted)(?:[/.?_-]|$)", re.IGNORECASE)
"""Addresses, host and path, to which sites send readers in place of a post."""

SCRIPTS = {
    "zh": r"[\u3400-\u9fff\uf900-\ufaff]",
    "ja": r"[\u3040-\u30ff\u3400-\u9fff]",
    "ko": r"[\uac00-\ud7af\u1100-\u11ff]",
    "ru": r"[\u0400-\u04ff]",
}
"""The letters that pages of a language cannot do without; languages in Latin letters are not told apart."""
