"""One post as a page for a browser."""

from __future__ import annotations

from html import escape

from archive.document import Document

_POLICY = "default-src 'none'; img-src 'self' file: data:; style-src 'unsafe-inline'"
STYLE = (
    "body{max-width:42em;margin:2em auto;padding:0 1em;font:17px/1.8 system-ui,sans-serif;color:#222;background:#fff}"
    "img{max-width:100%;height:auto}figure{margin:1em 0}figcaption,.about{color:#666;font-size:.9em}"
    "pre{overflow:auto;background:#f5f5f5;padding:1em}table{border-collapse:collapse}td,th{border:1px solid #ccc;"
    "padding:.3em .6em}blockquote{border-left:3px solid #ccc;margin-left:0;padding-left:1em}"
)


def page(document: Document, base: str) -> str:
    """A whole HTML page of a document. base: the URL its relative links count from, that of the document itself.

    The page allows no script and no request but for images.
    """
    front = document.front
    day = (front.get("published_at") or front.get("fetched_at") or "")[:16].replace("T", " ")
    about = " · ".join(escape(value) for value in (front["author"], day, front["site"]))
    url = escape(front["url"], quote=True)
    address = f'<a href="{url}">{url}</a>' if url.startswith(("http://", "https://")) else url
    return f"""<!doctype html>
<html lang="{escape(front["lang"], quote=True)}">
<head>
<meta charset="utf-8">
<base href="{escape(base, quote=True)}">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width">
<title>{escape(front["title"])}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(front["title"])}</h1>
<p class="about">{about} · {address}</p>
{document.body}</body>
</html>
"""
