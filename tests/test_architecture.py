"""Imports go one way, crawler → pipelines → archive, and one package only starts a reactor.

Read off the syntax tree of every module: imports inside functions, relative ones and `import_module("…")` count too.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("archive", "crawler", "pipelines")
MODULES = sorted(path.relative_to(ROOT).as_posix() for package in OURS for path in (ROOT / package).rglob("*.py"))
STARTERS = ("crawler/run.py",)
REACTOR = (
    *("scrapy.crawler.AsyncCrawlerProcess", "scrapy.crawler.CrawlerProcess", "scrapy.crawler.CrawlerProcessBase"),
    *("scrapy.crawler.AsyncCrawlerRunner", "scrapy.crawler.CrawlerRunner", "scrapy.cmdline"),
    *("twisted.internet.reactor", "scrapy.utils.reactor.install_reactor"),
)
"""What starts a reactor, or what starting one needs."""


@dataclass(frozen=True, kw_only=True)
class Import:
    """One thing that a module imports: its whole dotted name, and the line that does it."""

    name: str
    line: int

    def is_of(self, *packages: str) -> bool:
        return any(self.name == package or self.name.startswith(f"{package}.") for package in packages)


def imports(source: str, path: str) -> Iterator[Import]:
    """Everything the module at `path` (below the root) imports, at its head or later."""
    for node in ast.walk(ast.parse(source, path)):
        match node:
            case ast.Import(names=names):
                yield from (Import(name=alias.name, line=node.lineno) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = (*_package(path, level), *((module,) if module else ()))
                yield from (Import(name=".".join((*base, alias.name)), line=node.lineno) for alias in names)
            case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if _imports_by_name(func):
                yield Import(name=name, line=node.lineno)
            case ast.Attribute() if ast.unparse(node) in REACTOR:  # after a mere `import scrapy.crawler`
                yield Import(name=ast.unparse(node), line=node.lineno)


def _package(path: str, level: int) -> tuple[str, ...]:
    """The package that so many leading dots of a relative import mean; none for an absolute import."""
    return Path(path).parts[:-level] if level else ()


def _imports_by_name(func: ast.expr) -> bool:
    return ast.unparse(func) in ("__import__", "import_module", "importlib.import_module")


def offences(source: str, path: str) -> list[str]:
    """What a module imports and may not, each as `path:line: name`."""
    return [f"{path}:{found.line}: {found.name}" for found in imports(source, path) if not _may(path, found)]


def _may(path: str, found: Import) -> bool:
    package = path.split("/", maxsplit=1)[0]
    if package == "archive" and found.is_of("scrapy", "twisted", "crawler", "pipelines"):
        return False
    if package == "pipelines" and found.is_of("crawler"):
        return False
    if _is_site(path):
        return not found.is_of(*OURS) or found.is_of("crawler.profile", "pipelines.clean.rules")
    return path in STARTERS or not found.is_of(*REACTOR)


def _is_site(path: str) -> bool:
    return path.startswith("crawler/sites/") and not path.endswith("/__init__.py")


@pytest.mark.parametrize("path", MODULES)
def test_a_module_imports_only_what_its_place_allows(path: str) -> None:
    assert offences((ROOT / path).read_text(), path) == []


def test_every_package_and_at_least_one_site_is_looked_at() -> None:
    assert {path.split("/")[0] for path in MODULES} == set(OURS)
    assert "crawler/sites/niaogebiji.py" in filter(_is_site, MODULES)
    assert {"archive/__init__.py", "archive/views/page.py", *STARTERS} <= set(MODULES)


@pytest.mark.parametrize("path", STARTERS)
def test_the_modules_that_may_start_a_reactor_do(path: str) -> None:
    assert any(found.is_of(*REACTOR) for found in imports((ROOT / path).read_text(), path))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("archive/x.py", "import scrapy"),
        ("archive/x.py", "import json, twisted.internet.defer as defer"),
        ("archive/x.py", "from scrapy import Request"),
        ("archive/x.py", "from crawler.profile import SiteProfile"),
        ("archive/x.py", "from pipelines import clean"),
        ("archive/x.py", "def f():\n    from crawler import cli"),
        ("archive/x.py", "if TYPE_CHECKING:\n    import pipelines.item"),
        ("archive/x.py", "from ..crawler import cli"),
        ("archive/views/x.py", "from ...pipelines.dates import parse"),
        ("archive/views/x.py", "import importlib\nimportlib.import_module('scrapy')"),
        ("archive/x.py", "__import__('crawler.cli')"),
        ("pipelines/x.py", "import crawler"),
        ("pipelines/clean/x.py", "async def f():\n    import crawler.sites.niaogebiji"),
        ("pipelines/clean/x.py", "from ... import crawler"),
        ("pipelines/x.py", "from twisted.internet import reactor"),
        ("crawler/x.py", "from scrapy.crawler import AsyncCrawlerProcess"),
        ("crawler/x.py", "from scrapy.crawler import AsyncCrawlerProcess as Process"),
        ("crawler/x.py", "import scrapy.crawler\nscrapy.crawler.CrawlerProcess()"),
        ("crawler/x.py", "def f():\n    from twisted.internet import reactor"),
        ("crawler/x.py", "from scrapy.cmdline import execute"),
        ("crawler/sites/x.py", "from crawler.config import Config"),
        ("crawler/sites/x.py", "from ..pages import texts"),
        ("crawler/sites/x.py", "from . import niaogebiji"),
        ("crawler/sites/x.py", "from pipelines.clean import clean"),
        ("crawler/sites/x.py", "def f():\n    import archive"),
        ("crawler/sites/x.py", "from crawler import profile_of_another"),
    ],
)
def test_the_check_fails_on_a_module_that_imports_what_it_may_not(path: str, source: str) -> None:
    line = source.count("\n") + 1

    assert [offence.split(": ")[0] for offence in offences(source, path)] == [f"{path}:{line}"]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("archive/x.py", "from . import layout\nfrom .model import Post\nimport boto3"),
        ("archive/views/x.py", "from ..layout import POSTS\nfrom archive import Archive"),
        ("archive/x.py", "import scrapyd_client, crawlers"),
        ("archive/x.py", "'import scrapy'  # import crawler"),
        ("pipelines/x.py", "import scrapy\nfrom archive import Archive"),
        ("crawler/x.py", "import pipelines, archive\nfrom scrapy.crawler import Crawler"),
        ("crawler/run.py", "from scrapy.crawler import AsyncCrawlerProcess"),
        ("crawler/sites/x.py", "import re\nfrom crawler.profile import SiteProfile\nfrom ..profile import HtmlList"),
        ("crawler/sites/x.py", "from pipelines.clean.rules import CleanRules"),
    ],
)
def test_the_check_passes_a_module_that_keeps_to_its_place(path: str, source: str) -> None:
    assert offences(source, path) == []
