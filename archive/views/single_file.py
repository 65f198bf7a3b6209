"""One post as one file that needs nothing else: its pictures are in it, and it can fetch and run nothing."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from archive.body import images_of
from archive.document import Document, to_post
from archive.errors import UsageError
from archive.layout import MEDIA_TYPES
from archive.store import Store
from archive.views.links import head_image, repoint
from archive.views.page import STYLE


def single_file(store: Store, document: Document) -> str:
    """The page of a document, as HTML. Raises ObjectMissing for a picture that is not there, DamageError, UsageError.

    Its policy lets it show pictures that are in it and the style that it has, and forbids all else.
    """
    if document.is_takedown:
        raise UsageError(f"{document.front.get('site')}/{document.front.get('id')}: this post was taken down")
    post = to_post(document)
    pictures = {key: data_url(store.read(key), key) for key in set(images_of(post.body))}
    head = head_image(document.front)
    shown = ""
    if head and head not in pictures:
        shown = f'<p><img src="{data_url(store.read(head), head)}" alt=""></p>\n'
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "script-src 'none'; base-uri 'none'; form-action 'none'"
    )
    day = (document.front.get("published_at") or "")[:16].replace("T", " ")
    about = " · ".join(escape(text) for text in (post.author, day, post.site) if text)
    url = escape(post.url, quote=True)
    return f"""<!doctype html>
<html lang="{escape(post.lang, quote=True)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width">
<title>{escape(post.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(post.title)}</h1>
<p class="about">{about} · <a href="{url}">{url}</a></p>
{shown}{repoint(post.body, pictures.__getitem__)}</body>
</html>
"""


def data_url(data: bytes, key: str) -> str:
    """A blob as an address that holds it."""
    return f"data:{MEDIA_TYPES[key.rpartition('.')[2]]};base64,{base64.b64encode(data).decode()}"
