"""The metrics that a process counts by itself, made from their definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from core.metrics.definitions import POOL_CONNECTIONS, POOL_WAITING, Metric


class Meter:
    """The metrics of one process, each made once. A process that serves none counts all the same."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more a counter, which only OpenMetrics knows what to do with
        self.registry = CollectorRegistry() if registry is None else registry

    def counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.what, metric.labels, registry=self.registry)

    def gauge(self, metric: Metric) -> Gauge:
        """The sum over the processes that share their files and still run."""
        return Gauge(metric.name, metric.what, metric.labels, registry=self.registry, multiprocess_mode="livesum")

    def histogram(self, metric: Metric) -> Histogram:
        return Histogram(metric.name, metric.what, metric.labels, registry=self.registry, buckets=metric.buckets)


class PoolGauges:
    """How full a process's pools of connections are."""

    def __init__(self, meter: Meter) -> None:
        self._connections = meter.gauge(POOL_CONNECTIONS)
        self._waiting = meter.gauge(POOL_WAITING)

    def set(self, pool: str, *, used: int, idle: int, waiting: int) -> None:
        self._connections.labels(pool, "used").set(used)
        self._connections.labels(pool, "idle").set(idle)
        self._waiting.labels(pool).set(waiting)

    def set_from(self, pool: str, stats: Mapping[str, int]) -> None:
        """Fields of `get_stats()` of psycopg's pool."""
        self.set(pool, used=_used(stats), idle=stats["pool_available"], waiting=stats["requests_waiting"])

    def follow(self, pool: str, stats: Callable[[], Mapping[str, int]]) -> None:
        """Asked at each scrape, in a process that shares no files."""
        self._connections.labels(pool, "used").set_function(lambda: _used(stats()))
        self._connections.labels(pool, "idle").set_function(lambda: stats()["pool_available"])
        self._waiting.labels(pool).set_function(lambda: stats()["requests_waiting"])


def _used(stats: Mapping[str, int]) -> int:
    return max(0, stats["pool_size"] - stats["pool_available"])
