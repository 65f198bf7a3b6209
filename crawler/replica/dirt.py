r"""The kinds of dirty HTML that posts carry, numbered, each with the expression that finds it in a served body.

The header of every post lists its rows (`dirt: [1, 2, 43]`); together the posts carry all of them. The numbers are
those of a count over real posts. Two of its rows are missing here because no page can have them (`NOT_IN_PAGES`).

>>> DIRT[94].is_in("<p>看了文本**现</p>")
True
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

NOT_IN_PAGES: Mapping[int, str] = {
    39: "placeholder thumbnail: front matter of an aggregator's post",
    57: "`date: Invalid Date`: front matter of an aggregator's post",
}


@dataclass(frozen=True, kw_only=True)
class Dirt:
    name: str
    expression: re.Pattern[str]

    def is_in(self, body: str) -> bool:
        return bool(self.expression.search(body))


_EXPRESSIONS: Mapping[int, tuple[str, str]] = {
    1: ("class attribute", r'<\w[^>]*\sclass="'),
    2: ("inline style", r'<\w[^>]*\sstyle="'),
    3: ("img without alt, or with an empty one", r'<img(?![^>]*\salt="[^"])[^>]*>'),
    4: ("data-* attribute", r"<\w[^>]*\sdata-\w"),
    5: ("id attribute", r'<\w[^>]*\sid="'),
    6: ("referrerpolicy", r"<img[^>]*\sreferrerpolicy="),
    7: ("empty section or div", r"<(section|div)[^>]*>\s*</\1>"),
    8: ("target or rel on links", r'<a[^>]*\s(?:target|rel)="'),
    9: ("http: link or image", r'(?:href|src)="http://'),
    10: ("empty paragraph", r"<p[^>]*>(?:\s|&nbsp;|　)*</p>"),
    11: ("reward, copyright or editor line", r"打赏|责任编辑|版权归"),
    12: ("empty span, strong or em", r"<(span|strong|em)[^>]*></\1>"),
    13: ("style of text-indent or text-align only", r'style="\s*text-(?:indent|align):[^;"]+;?\s*"'),
    14: (
        "paragraph of one bold run",
        r"<p[^>]*>(?:<span[^>]*>)*<strong>(?:<span>)?[^<]+(?:</span>)?</strong>(?:</span>)*</p>",
    ),
    15: ("comment", r"<!--"),
    16: ("span in span", r"<span[^>]*>\s*<span"),
    17: ("section", r"<section"),
    18: ("link around an image", r"<a[^>]*>\s*<img"),
    19: ("obsolete img attribute", r"<img[^>]*\s(?:border|vspace|hspace|align|w|h|_width|aid)="),
    20: ("hidden by style", r"visibility:\s*hidden|opacity:\s*0|display:\s*none"),
    21: ("spacer paragraph", r"<p[^>]*>(?:<span[^>]*>)?\s*<br\s*/?>\s*(?:</span>)?</p>"),
    22: ("align attribute or font", r"<(?:p|div|td|h\d)[^>]*\salign=|<font\b"),
    23: ("bare span", r"<span>[^<]"),
    24: ("attribute without value", r"<img(?:\s+[\w-]+=\"[^\"]*\")*\s+(?:alt|title|hidden|data-[\w-]+)(?=[\s>])"),
    25: ("format forced by query", r"wx_fmt=|imageView2|tp=webp"),
    26: ("text directly in the container", r"(?:</p>|</div>|<div id=\"js_content\">|</h2>)\s*[\u4e00-\u9fff【「]"),
    27: ("bare & in a link", r"&(?:sn|chksm|mid|idx|t|copy|times)="),
    28: ("javascript:, # or empty link", r'href="(?:javascript:[^"]*|#)?"'),
    29: ("tracking pixel", r"/img/stat/pixel\.gif"),
    30: ("caption by class", r'class="(?:img-desc|image-caption|img_descr)"'),
    31: ("unknown attribute", r"\s(?:crossorigin|wah-hotarea|leaf|nodeleaf|powered-by|_src|cms-style|inpost)\b"),
    32: ("WeChat image metadata", r"\sdata-(?:ratio|w|type|backw)="),
    33: ("GIF", r"\.gif|wx_fmt=gif"),
    34: ("automatic tag link", r'href="https://www\.niaogebiji\.com/tag/'),
    35: ("root-relative address", r"(?:href|src)=\"/[^/]|url\([\"']?/[^/]"),
    36: ("alt is a file name", r'alt="[^"]+\.(?:jpe?g|png|gif)"'),
    37: ("custom element", r"<(?:mp[a-z-]+|[a-z]+-[a-z-]+)[\s>]"),
    38: ("spacer div", r'<div style="height:'),
    40: ("bold in heading, heading in bold", r"<h\d[^>]*>(?:<span[^>]*>)*<strong|<strong><h\d"),
    41: ("WeChat voice, vote, mini program", r"<(?:mpvoice|qqmusic|mp-miniprogram|mpvote|mp-style-type|mpcps)"),
    42: ("decorated heading", r"<h[1-3][^>]*background-image:\s*url"),
    43: ("label attribute", r'\slabel="(?:正文|[一二三]级标题|图片描述)"'),
    44: ("full-width indent", r">　　"),
    45: ("lazy image without src", r"<img(?![^>]*\ssrc=)[^>]*\sdata-(?:src|original|lazy)="),
    46: ("split bold", r"</strong><strong>"),
    47: ("h1 in the body", r"<h1"),
    48: ("script in the body", r"<script"),
    49: ("src and data-src", r"<img(?=[^>]*\ssrc=)[^>]*\sdata-(?:src|original-src|original)="),
    50: ("section three deep", r"(?:<section[^>]*>\s*){3}"),
    51: ("details, button, form, input", r"<(?:details|button|form|input)"),
    52: ("protocol-relative address", r'="//'),
    53: ("quotes inside a style", r'style="[^"]*url\("'),
    54: ("braces as entities", r"&#12[35];"),
    55: ("end line", r"-END-|THE END"),
    56: ("markup inside code", r"(?s)<(?:pre|code)[^>]*>(?:(?!</pre>).)*<(?:template|dependency|van-button|cmd)"),
    58: ("style element", r"<style"),
    59: ("QR code, follow us", r"二维码|关注我们"),
    60: ("SEO alt", r'alt="鸟哥笔记,'),
    61: ("pseudo tag in text", r"<[\u4e00-\u9fff]+>|<missing>|<avg"),
    62: ("affiliate link", r'c\.duomai\.com|pvxt\.net|data-link="1"'),
    63: ("unlinked address", r">[^<]*https?://[^<]+</p>"),
    64: ("highlighter span", r"(?s)<pre.*?<span class=\"hljs"),
    65: ("double br", r"<br\s*/?>\s*<br"),
    66: ("WeChat card", r"<(?:mpprofile|mp-common-profile)"),
    67: ("related articles", r"相关文章|相关阅读"),
    68: ("table", r"<table"),
    69: ("table with legacy attributes", r"<table[^>]*\s(?:cellspacing|cellpadding|border|bgcolor|width)="),
    70: ("block in a list item", r"<li[^>]*>\s*<(?:h\d|p|div|section)"),
    71: ("redirect wrapper", r"oschina\.net/action/GoToLink|links\.jianshu|link\.zhihu|link\.juejin"),
    72: ("iframe", r"<iframe"),
    73: ("run of nbsp", r"(?:&nbsp;|\xa0){2}"),
    74: ("background-image: none", r"background-image:\s*none"),
    75: ("dark-mode attribute", r"\s(?:data-darkmode-|mp-original-)"),
    76: ("code lines joined by br", r"(?s)<pre[^>]*>(?:(?!</pre>).)*<br"),
    77: ("bold in bold", r"<(strong|b)\b[^>]*>(?:(?!</\1>).)*<\1\b"),
    78: ("data: image", r'src="data:image/'),
    79: ("inline svg", r"<svg"),
    80: ("blockquote with bullet paragraphs", r"(?s)<blockquote[^>]*>(?:(?!</blockquote>).)*●"),
    81: ("video or audio", r"<(?:video|audio)"),
    82: ("caption by label", r'<p[^>]*\slabel="图片描述"[^>]*>(?!-END-)'),
    83: ("malformed data- attribute", r"\sdata- mp-original"),
    84: ("malformed tag", r"< p=|<="),
    85: ("code block of many code lines", r"(?s)<pre[^>]*>\s*<code>(?:(?!</pre>).)*</code>\s*<code>"),
    86: ("copy button in code", r"复制代码"),
    87: ("WeChat video channel", r"<mp(?:-common-)?videosnap"),
    88: ("proxy before an image", r"cors\.zfour\.workers\.dev/\?http"),
    89: ("picture only in CSS", r"<(?:section|div)[^>]*background-image:\s*url"),
    90: ("zero-width character", r"[\u200b-\u200d\ufeff]"),
    91: ("private-use character", r"[\ue000-\uf8ff]"),
    92: ("list of line numbers", r'class="(?:code-snippet__line-index|line-numbers)'),
    93: ("svg foreignObject, animation", r"<foreignObject|<animate"),
    94: ("profanity mask", r"[\u4e00-\u9fff]\*\*[\u4e00-\u9fff]"),
}

DIRT: Mapping[int, Dirt] = {
    number: Dirt(name=name, expression=re.compile(expression)) for number, (name, expression) in _EXPRESSIONS.items()
}
