"""`POST /__replica__/<action>` with a JSON object: how another process changes the site and reads what it was asked."""

import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

from crawler.replica.gallery import SITE_HOST, address
from crawler.replica.site import HOSTS, REMOVALS, STAND_INS, Response, Site
from crawler.replica.trouble import Breakage

PREFIX = "/__replica__/"

Action = Callable[[Site, dict[str, Any]], object]


def control(site: Site, path: str, body: bytes) -> Response:
    """Answer a control request: 200 with JSON, or 400 with `{"error": …}`."""
    action = ACTIONS.get(path.removeprefix(PREFIX))
    if action is None:
        return _json({"error": f"no such action: {path}"}, 400)
    try:
        return _json(action(site, json.loads(body or b"{}")))
    except (KeyError, TypeError, ValueError) as error:
        return _json({"error": f"{type(error).__name__}: {error}"}, 400)


def _json(value: object, status: int = 200) -> Response:
    return Response(status=status, body=json.dumps(value).encode(), mime_type="application/json")


def _break_image(site: Site, given: dict[str, Any]) -> None:
    if given["how"] not in get_args(Breakage):
        raise ValueError(f"how must be one of {get_args(Breakage)}, found {given['how']!r}")
    site.state.broken[address(given["url"])] = given["how"]


def _heal_image(site: Site, given: dict[str, Any]) -> None:
    site.state.broken.pop(address(given["url"]), None)


def _robots(site: Site, given: dict[str, Any]) -> None:
    host = given.get("host") or SITE_HOST
    if host not in HOSTS:
        raise ValueError(f"no such host: {host}")
    if given["text"] is None and given["status"] == 200:  # noqa: PLR2004 - HTTP's own number
        site.state.robots.pop(host, None)
    else:
        site.state.robots[host] = (given["text"] or "", given["status"])


def _set_down(site: Site, given: dict[str, Any]) -> None:
    site.state.is_down = bool(given["down"])


def _remove(site: Site, given: dict[str, Any]) -> None:
    if given["how"] not in REMOVALS:
        raise ValueError(f"how must be one of {REMOVALS}, found {given['how']!r}")
    site.state.removed[given["article_id"]] = given["how"]


def _restore(site: Site, given: dict[str, Any]) -> None:
    site.state.removed.pop(given["article_id"], None)
    site.state.unlisted.discard(given["article_id"])


def _lists(site: Site, given: dict[str, Any]) -> None:
    for name, value in given.items():
        if name not in ("in_reverse", "cut_off", "empty", "window", "step", "page_size"):
            raise ValueError(f"lists have no {name!r}")
        setattr(site.state, name, value)


def _stand_in(site: Site, given: dict[str, Any]) -> None:
    if given["how"] not in STAND_INS:
        raise ValueError(f"how must be one of {STAND_INS}, found {given['how']!r}")
    site.state.stand_in = given["how"]


def _refuse(site: Site, given: dict[str, Any]) -> None:
    site.state.refusals = int(given["count"])
    site.state.refusal = (int(given["status"]), str(given["retry_after"]))


ACTIONS: Mapping[str, Action] = {
    "edit": lambda site, given: site.edit(given["article_id"], given["old"], given["new"]),
    "revert": lambda site, given: site.revert(given["article_id"]),
    "remove": _remove,
    "restore": _restore,
    "unlist": lambda site, given: site.state.unlisted.add(given["article_id"]),
    "move": lambda site, given: site.state.moved.update({given["article_id"]: given["to"]}),
    "lists": _lists,
    "listed": lambda site, _: sorted(site.state.listed),
    "break_image": _break_image,
    "heal_image": _heal_image,
    "hits": lambda site, _: site.hits(),
    "log": lambda site, _: site.log(),
    "reset": lambda site, _: site.reset(),
    "down": _set_down,
    "robots": _robots,
    "stand_in": _stand_in,
    "refuse": _refuse,
}
