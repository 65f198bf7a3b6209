"""URLs without the user and password before their host: no secrets of ours to send, and none to write down. Pure."""

from __future__ import annotations

import re

_USERINFO = re.compile(r"^(\s*[a-zA-Z][a-zA-Z0-9+.-]*:)?(//)[^/?#\\]*@")


def without_userinfo(url: str) -> str:
    """A URL without user and password, whatever else is wrong with it.

    >>> without_userinfo("https://user:pw@www.example.com:8080/a@b?c=d@e")
    'https://www.example.com:8080/a@b?c=d@e'
    """
    return _USERINFO.sub(r"\1\2", url)
