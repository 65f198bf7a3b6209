"""Articles of sites that no profile knows: found in the page, each field with where it was read.

`find_article` reads a page once (`reading`), asks what the page says of itself (`claims`: JSON-LD, OpenGraph, meta
elements, microdata, variables of scripts), finds the title that both agree on (`titles`), the container of the text
(`locate`), names and times in the lines around it (`bylines`) and the next page of the same article (`paging`). The
container's HTML goes to the cleaner as fetched (`body`): extractors that write the text anew lose pictures, links and
tables. How sure the whole is stands in per cent (`confidence`); below `MIN_CONFIDENCE` a page is refused, because an
archive holds no guesses.

The rules are general ones, for layouts and not for sites: a site that needs its own gets a profile.
"""

from crawler.generic.article import FoundArticle, find_article
from crawler.generic.confidence import MIN_CONFIDENCE

__all__ = ["MIN_CONFIDENCE", "FoundArticle", "find_article"]
