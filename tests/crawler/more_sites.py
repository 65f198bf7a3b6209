"""The command with more sites than it comes with: modules in the folder that MORE_SITES names, found by being there.

Each is one list of the replica's site under a slug of its own: small, so that its runs are short.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from crawler.demo import replica_site
from tests.support import Birdnest

MODULE = '''"""One list of the replica's site, as a site of its own."""

from dataclasses import replace

from crawler.sites.niaogebiji import SITE as WHOLE

SITE = replace(
    WHOLE,
    slug="{slug}",
    title="{slug}",
    listings=tuple(each for each in WHOLE.listings if each.url.endswith("{list_}")),
    templates={{}},
    expectations=replace(WHOLE.expectations, max_newest_age_days=None),
)
'''
BULLETINS = "/pc/bulletin/index"  # eight posts, none of them in trouble
TABLE = {name: value for name, value in replica_site().items() if name not in ("lists", "expectations")}


def command_with(folder: Path, *slugs: str, list_: str = BULLETINS) -> Birdnest:
    """The command in a folder, with sites that are each the list of the replica whose URL ends so."""
    (folder / "sites").mkdir()
    for slug in slugs:
        (folder / "sites" / f"{slug}.py").write_text(MODULE.format(slug=slug, list_=list_))
    command = (sys.executable, __file__)
    return Birdnest(folder=folder, environment={"MORE_SITES": str(folder / "sites")}, command=command)


if __name__ == "__main__":
    import crawler.sites
    from crawler.cli import main

    crawler.sites.__path__.append(os.environ["MORE_SITES"])
    main()
