"""The sites Birdnest knows: one module each, found by being here and listed nowhere."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import MappingProxyType

from crawler.profile import SiteProfile


@cache
def all_sites() -> MappingProxyType[str, SiteProfile]:
    """Every site's profile by slug, in the order of slugs.

    Raises TypeError for a module without a SITE, ValueError when two modules claim one slug.
    """
    found: dict[str, SiteProfile] = {}
    for module in pkgutil.iter_modules(__path__):
        site = getattr(importlib.import_module(f"{__name__}.{module.name}"), "SITE", None)
        if not isinstance(site, SiteProfile):
            raise TypeError(f"{__name__}.{module.name} has no SITE = SiteProfile(...)")
        if site.slug in found:
            raise ValueError(f"two modules of {__name__} have the slug {site.slug!r}")
        found[site.slug] = site
    return MappingProxyType(dict(sorted(found.items())))
