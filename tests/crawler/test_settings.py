"""crawler/settings.py: every name means something to somebody, and every class it names is there."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings, default_settings
from scrapy.utils.misc import load_object

from crawler import settings as ours

NAMES = [name for name in vars(ours) if name.isupper()]


def class_paths(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(("crawler.", "pipelines.", "scrapy.")):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from class_paths(key)
            yield from class_paths(item)


@pytest.fixture
def settings() -> Settings:
    """The settings as a run has them."""
    made = Settings()
    made.setmodule("crawler.settings", priority="project")
    return made


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_scrapys_or_says_that_it_is_ours(name: str) -> None:
    assert hasattr(default_settings, name) or name.startswith("BIRDNEST_")


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_differs_from_scrapys_default(name: str) -> None:
    # ROBOTSTXT_OBEY is False either way, and stands there because `scrapy startproject` teaches otherwise.
    assert name == "ROBOTSTXT_OBEY" or getattr(default_settings, name, None) != getattr(ours, name)


@pytest.mark.parametrize("path", sorted({path for name in NAMES for path in class_paths(getattr(ours, name))}))
def test_every_class_that_a_setting_names_can_be_imported(path: str) -> None:
    assert isinstance(load_object(path), type)


def test_settings_name_classes_of_ours() -> None:
    paths = {path for name in NAMES for path in class_paths(getattr(ours, name))}
    assert len([path for path in paths if path.startswith(("crawler.", "pipelines."))]) > 10


@pytest.mark.parametrize("name", ["TELNETCONSOLE_ENABLED", "REMOTE_CONTROL_ENABLED", "COOKIES_ENABLED"])
def test_nothing_listens_and_nothing_tracks(settings: Settings, name: str) -> None:
    assert hasattr(default_settings, name)  # a new name of Scrapy's would leave the old one without effect
    assert settings.getbool(name) is False


def test_what_is_left_out_is_known_to_scrapy_and_not_even_imported() -> None:
    bases = {
        **default_settings.DOWNLOADER_MIDDLEWARES_BASE,
        **default_settings.SPIDER_MIDDLEWARES_BASE,
        **default_settings.EXTENSIONS_BASE,
    }
    assert set(bases) >= ours._left_out  # else Scrapy has renamed one, and starts it
    program = (
        "import sys; from scrapy.settings import Settings; from scrapy.utils.misc import load_object;"
        "s = Settings(); s.setmodule('crawler.settings'); names = 'EXTENSIONS', 'DOWNLOADER_MIDDLEWARES';"
        "[load_object(path) for name in names for path in s.get_component_priority_dict_with_base(name)];"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    assert "scrapy.downloadermiddlewares.retry" in modules
    assert {"scrapy.extensions.remote_control", "scrapy.extensions.telnet", "aiohttp"}.isdisjoint(modules)
    assert {"scrapy.downloadermiddlewares.cookies", "requests", "tldextract"}.isdisjoint(modules)


def test_what_is_done_for_each_page_is_no_more_than_is_needed(settings: Settings) -> None:
    paths = settings.get_component_priority_dict_with_base("SPIDER_MIDDLEWARES")
    assert [path.rpartition(".")[2] for path in paths] == ["HttpErrorMiddleware", "RefererMiddleware"]
    assert not ours._left_out & {*settings.get_component_priority_dict_with_base("DOWNLOADER_MIDDLEWARES")}


def test_certificates_are_verified(settings: Settings) -> None:
    assert hasattr(default_settings, "DOWNLOAD_VERIFY_CERTIFICATES")
    assert settings.getbool("DOWNLOAD_VERIFY_CERTIFICATES") is True


def test_only_the_web_is_fetched_and_only_through_the_map_of_origins(settings: Settings) -> None:
    handlers = settings.getwithbase("DOWNLOAD_HANDLERS")
    used = {scheme: handler for scheme, handler in handlers.items() if handler and scheme != "data"}
    assert used == dict.fromkeys(("http", "https"), "crawler.origins.OriginsDownloadHandler")


def test_a_post_passes_the_pipelines_in_the_order_the_package_tells(settings: Settings) -> None:
    named = sorted(settings.getdict("ITEM_PIPELINES").items(), key=lambda item: int(item[1]))
    order = [path.removeprefix("pipelines.") for path, _ in named]
    told = (Path(ours.__file__).parents[1] / "pipelines" / "__init__.py").read_text(encoding="utf-8")
    positions = [told.index(path) for path in order]
    assert positions == sorted(positions)
    assert told.count("Pipeline ") == len(order)
