"""Articles of sites that no profile knows."""

from crawler.generic.article import MIN_CONFIDENCE, FoundArticle, find_article

__all__ = ["MIN_CONFIDENCE", "FoundArticle", "find_article"]
