"""Nothing executable survives, whatever it hides behind."""

import re

import pytest

from archive.body import TAGS
from pipelines.clean import clean, parse_clean
from pipelines.clean.gate import ATTRIBUTES

_BASE = "https://example.com/post/1.html"
_PAYLOADS = (
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x:x onerror=alert(1)//",
    '<img """><script>alert(1)</script>">',
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><script xlink:href=data:,alert(1) /></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text x=20 y=20>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><foreignObject><iframe srcdoc='<script>alert(1)</script>'></iframe></foreignObject></svg>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>",
    "<math href='javascript:alert(1)'>x</math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<template><script>alert(1)</script></template>",
    "<textarea><script>alert(1)</script></textarea><textarea></textarea><img src=x onerror=alert(1)>",
    "<title><img src=x onerror=alert(1)></title>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'></xmp>",
    "<noembed><img src=x onerror=alert(1)></noembed>",
    "<plaintext><img src=x onerror=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='java&#0;script:alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='javascript&colon;alert(1)'>x</a>",
    "<a href='java&Tab;script:alert(1)'>x</a>",
    "<a href='&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "<a href='blob:https://example.com/x'>x</a>",
    "<a href='view-source:javascript:1'>x</a>",
    "<a href='feed:javascript:alert(1)'>x</a>",
    "<a href='\u200bjavascript:alert(1)'>x</a>",
    "<a href='\u00a0javascript:alert(1)'>x</a>",
    "<a href='https://link.zhihu.com/?target=javascript%3Aalert(1)'>x</a>",
    "<a href='https://link.juejin.cn/?target=data%3Atext/html,x'>x</a>",
    "<a href='https://user\"onclick=alert(1)@example.com/'>x</a>",
    "<a href='https://example.com/\"onmouseover=alert(1) x=\"'>x</a>",
    "<a href='//\"><script>alert(1)</script>'>x</a>",
    "<a href='/x' style='x:expression(alert(1))' onclick=alert(1)>x</a>",
    "<a href='?javascript:alert(1)' ping='https://evil.example/' download>x</a>",
    "<a href='#x'>x</a><b id=x>y</b>",
    "<a href='#__proto__' id=cookie name=body>x</a><form id=document><input name=cookie></form>",
    "<img src='javascript:alert(1)'>",
    "<img src='data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+'>",
    "<img src='data:text/html;base64,PHNjcmlwdD4='>",
    "<img src='data:image/png,<script>alert(1)</script>'>",
    "<img src='data:image/png;base64,AAAA\" onerror=\"alert(1)'>",
    "<img data-src='javascript:alert(1)//.png'>",
    "<img data-src='x.png\" onerror=\"alert(1)'>",
    "<img srcset='x.png\" onerror=alert(1) 2x'>",
    "<img alt='\"><script>alert(1)</script>' src=x>",
    "<img alt='`onerror=alert(1)' src=x>",
    "<image src=x onerror=alert(1)>",
    "<picture><source srcset='javascript:alert(1)'><img></picture>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe src='data:text/html,<script>alert(1)</script>'></iframe>",
    "<iframe src='https://example.org/' title='\"><script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<object data='data:text/html;base64,PHNjcmlwdD4='></object>",
    "<embed src=javascript:alert(1)>",
    "<embed src='data:image/svg+xml;base64,PHN2Zz4='>",
    "<applet code=evil></applet>",
    "<video src=x onerror=alert(1) poster=javascript:alert(1)></video>",
    "<video><source onerror=alert(1) src=javascript:alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)><summary>x</summary>y</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<body onload=alert(1)>",
    "<body background=javascript:alert(1)>",
    "<table background=javascript:alert(1)><tr><td background=javascript:alert(1)>x</table>",
    "<div style='background:url(javascript:alert(1));height:300px'></div>",
    "<div style='background-image:url(data:text/html,x);height:300px'></div>",
    "<div style='width:expression(alert(1))'>x</div>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<base href=https://evil.example/><a href=x>x</a>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<input autofocus onfocus=alert(1)>",
    "<select onfocus=alert(1) autofocus><option>x</select>",
    "<isindex action=javascript:alert(1) type=image>",
    "<keygen autofocus onfocus=alert(1)>",
    "<p id=n-x onclick=alert(1)>x</p><a href='#n-x'>y</a>",
    "<x onclick=alert(1)>x</x>",
    "<custom-element onconnected=alert(1)>x</custom-element>",
    "<mpprofile data-nickname='<img src=x onerror=alert(1)>'></mpprofile>",
    "<mpvoice name='x' voice_encode_fileid='\"><script>alert(1)</script>'></mpvoice>",
    "<p label='一级标题' onclick=alert(1)><script>alert(1)</script>x</p>",
    "<pre class='language-\"onclick=alert(1)'>x</pre>",
    "<pre lang='js\" onclick=\"alert(1)'>x</pre>",
    "<pre><code class='language-x onclick=1'>&lt;script&gt;alert(1)&lt;/script&gt;</code></pre>",
    "<ol start='1\" onclick=\"alert(1)'><li>x</ol>",
    "<ol start='99999999999999999999'><li>x</ol>",
    "<td colspan='2\" onclick=\"x'>x</td><table><tr><td colspan='2\" onclick=\"alert(1)'>x<td>y</table>",
    "<table><tr><th scope='\"><script>alert(1)</script>'>x<td>y</table>",
    "<!--><script>alert(1)</script>-->",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<!ENTITY x SYSTEM 'file:///etc/passwd'>&x;",
    "<!DOCTYPE x [<!ENTITY y 'z'>]>&y;",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;lt;script&amp;gt;alert(1)",
    "<p>a<\x00script>alert(1)</script>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<img src=x o\x00nerror=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<img\x0csrc=x\x0conerror=alert(1)>",
    "\ufeff<script>alert(1)</script>",
    "<a href='https://example.com/`onclick=alert(1)`'>x</a>",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\x1b$B<script>alert(1)</script>",
)
_LIVE_ADDRESS = re.compile(r"(?:https?://|mailto:|#n-|data:image/(?:png|jpe?g|gif|webp|avif|bmp);base64,[\w+/=%-]+$)")


@pytest.mark.parametrize("payload", _PAYLOADS)
@pytest.mark.parametrize(
    "frame", ["{}", "<p>甲{}乙</p>", "<table><tr><td>{}</table>", "<svg>{}</svg>", "<pre>{}</pre>"]
)
def test_nothing_executable_survives(payload: str, frame: str) -> None:
    cleaned = clean(frame.format(payload), _BASE)
    for element in parse_clean(cleaned.html).iterdescendants():
        assert element.tag in TAGS
        assert set(element.attrib) <= ATTRIBUTES.get(str(element.tag), set()) | {"id"}
        for name in ("href", "src"):
            assert element.get(name) is None or _LIVE_ADDRESS.match(element.get(name, ""))
        assert element.get("id", "n-").startswith("n-")
    assert clean(cleaned.html, _BASE).html == cleaned.html
    assert "gate" not in {note.rule for note in cleaned.notes}
