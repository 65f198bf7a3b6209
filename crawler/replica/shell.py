"""The frame around every page: head, navigation, side column, footer, scripts."""

import html
from string import Template

_SHELL = Template("""<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="$charset">
<meta http-equiv="Content-Type" content="text/html; charset=$charset">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="renderer" content="webkit">
<title>$title</title>
<meta name="keywords" content="新媒体运营,用户增长,私域流量,营销案例">
<meta name="description" content="$description">
<link rel="shortcut icon" href="/favicon.ico">
<style>
body{margin:0;font:14px/1.8 "PingFang SC","Microsoft YaHei",sans-serif;color:#212629;background:#f6f7f9}
.wrap{width:1160px;margin:0 auto;display:flex;gap:24px}
.main{width:820px;background:#fff;padding:24px;box-sizing:border-box}
.side{width:316px}.head{background:#fff;margin-bottom:20px}.nav a{margin-right:18px;color:#333;text-decoration:none}
.articleBox{padding:18px 0;border-bottom:1px solid #eee}.articleTitle{font-size:18px;font-weight:600;color:#212629}
.article img{max-width:100%}.pcHide{display:none}
@media (max-width:760px){.mobileHide{display:none}.pcHide{display:block}}
</style>
<script>
var _hmt = _hmt || [];
var pageInfo = {site: "niaogebiji", channel: "pc"};
</script>
</head>
<body>
<div class="head"><div class="wrap">
<a class="logo" href="/">鸟哥笔记</a>
<div class="nav"><a href="/">首页</a><a href="/cat/101">私域流量</a><a href="/cat/103">案例分析</a>
<a href="/cat/136">内容运营</a><a href="/bulletin">今日事</a></div>
<form class="searchForm" action="/search" method="get">
<input name="keyword" placeholder="搜文章、搜作者"><button>搜索</button></form>
<div class="login"><a href="javascript:;">登录</a><a href="javascript:;">注册</a></div>
</div></div>
<div class="wrap">
<div class="main">
$main
</div>
<div class="side">
<div class="hotBox"><div class="hotHead">一周热门</div>
<ul class="hotList">
<li><i>1</i><span class="hotTitle">社群活跃率跌到3%之后，我们做了什么</span><em>1.2万阅读</em></li>
<li><i>2</i><span class="hotTitle">一张会员日排期表，适用于大多数门店</span><em>9870阅读</em></li>
<li><i>3</i><span class="hotTitle">写给新人的投放术语手册</span><em>8415阅读</em></li>
<li><i>4</i><span class="hotTitle">短视频脚本的五种开头</span><em>7206阅读</em></li>
</ul></div>
<div class="adBox"><div class="hotHead">热门活动</div><p>运营人线下交流会·杭州站 报名中</p></div>
<div class="tagBox"><div class="hotHead">热门标签</div><a href="/tag/%E7%A7%81%E5%9F%9F">私域</a>
<a href="/tag/%E6%94%AF%E4%BB%98%E5%AE%9D">支付宝</a><a href="/tag/%E5%A2%9E%E9%95%BF">增长</a></div>
</div>
</div>
<div class="footer"><div class="wrap">
<p>关于我们 | 联系我们 | 投稿须知 | 用户协议 | 隐私政策</p>
<p>本站文章由作者投稿或授权发布，内容仅代表作者观点。</p>
</div></div>
<div class="backTop" style="display: none"><a href="#">返回顶部</a></div>
<script>
$script
document.addEventListener("DOMContentLoaded", function () { document.body.className = "ready"; });
</script>
</body>
</html>
""")


def page(*, title: str, description: str, main: str, script: str = "", charset: str = "utf-8") -> str:
    """A page of the site; `main` and `script` are markup, the rest is text."""
    return _SHELL.substitute(
        title=html.escape(title),
        description=html.escape(description),
        main=main,
        script=script,
        charset=charset,
    )
