"""What Prometheus is told of the sites: as a file for node_exporter's textfile collector, and by the scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, write_to_textfile
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from archive.errors import ConfigError
from crawler.status import SiteStatus

_NAMES: Mapping[str, str] = {
    "birdnest_last_run_timestamp_seconds": "When the last whole run ended.",
    "birdnest_last_good_run_timestamp_seconds": "When the last whole run ended that was fine.",
    "birdnest_last_run_duration_seconds": "How long the last whole run took.",
    "birdnest_last_run_exit_code": "The exit code of the last whole run; 0 is fine.",
    "birdnest_last_run_requests": "HTTP requests of the last whole run.",
    "birdnest_last_run_fetched_bytes": "Bytes that the last whole run fetched.",
    "birdnest_in_trouble": "1 while an alert stands for the site.",
    "birdnest_next_due_timestamp_seconds": "When the schedule names the next run.",
    "birdnest_newest_post_timestamp_seconds": "The latest publish time that was seen.",
}
_POSTS = ("found", "new", "changed", "unchanged", "known", "failed")
_STATES = ("open", "archived", "failed", "gone")


class SiteMetrics(Collector):
    """The metrics of sites, from what `status` tells of them."""

    def __init__(self, statuses: Iterable[SiteStatus]) -> None:
        self._statuses = list(statuses)

    def collect(self) -> Iterator[Metric]:
        gauges = {name: GaugeMetricFamily(name, text, labels=["site"]) for name, text in _NAMES.items()}
        posts = GaugeMetricFamily("birdnest_last_run_posts", "Posts of the last whole run.", labels=["site", "status"])
        images = GaugeMetricFamily("birdnest_last_run_images", "Its images.", labels=["site", "status"])
        urls = GaugeMetricFamily("birdnest_urls", "URLs that are known, by state.", labels=["site", "state"])
        for status in self._statuses:
            for name, value in _values(status).items():
                if value is not None:
                    gauges[name].add_metric([status.site], value)
            for state in _STATES:
                urls.add_metric([status.site, state], status.urls.get(state, 0))
            if status.last is not None:
                for name in _POSTS:
                    posts.add_metric([status.site, name], getattr(status.last, name))
                images.add_metric([status.site, "kept"], status.last.images_kept)
                images.add_metric([status.site, "missing"], status.last.images_missing)
        yield from (*gauges.values(), posts, images, urls)


def _values(status: SiteStatus) -> dict[str, float | None]:
    last, good = status.last, status.last_good
    return {
        "birdnest_last_run_timestamp_seconds": last.finished_at.timestamp() if last else None,
        "birdnest_last_good_run_timestamp_seconds": good.finished_at.timestamp() if good else None,
        "birdnest_last_run_duration_seconds": last.seconds if last else None,
        "birdnest_last_run_exit_code": last.exit_code if last else None,
        "birdnest_last_run_requests": last.requests if last else None,
        "birdnest_last_run_fetched_bytes": last.bytes_fetched if last else None,
        "birdnest_in_trouble": float(status.trouble is not None),
        "birdnest_next_due_timestamp_seconds": status.next_due.timestamp() if status.next_due else None,
        "birdnest_newest_post_timestamp_seconds": status.newest_at.timestamp() if status.newest_at else None,
    }


def registry_of(statuses: Iterable[SiteStatus], *more: Collector) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    for collector in (SiteMetrics(statuses), *more):
        registry.register(collector)
    return registry


def exposition(statuses: Iterable[SiteStatus], *more: Collector) -> bytes:
    """The text format, version 0.0.4."""
    return generate_latest(registry_of(statuses, *more))


def write_file(file: Path, statuses: Iterable[SiteStatus]) -> None:
    """Replace a textfile collector's file at once. Raises ConfigError where it cannot be written."""
    try:
        write_to_textfile(str(file), registry_of(statuses))
        file.chmod(0o644)  # node_exporter is another user
    except OSError as error:
        raise ConfigError(f"metrics_file {file}: {error.strerror}: name another file, or let it be written") from error
