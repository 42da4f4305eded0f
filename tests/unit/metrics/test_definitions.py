"""Names follow Prometheus' conventions, and docs/metrics.md tells of every metric what its definition says."""

from __future__ import annotations

import re
import subprocess

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from core.metrics.definitions import ALL, COUNTER, GAUGE, HISTOGRAM, Metric
from core.metrics.meter import Meter
from ops.processes import APPLICATION
from tests.support.metrics import described

EACH = pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
BY_NAME = {one.name: one for one in described()}


@EACH
def test_the_page_says_what_the_definition_says(metric: Metric) -> None:
    row = BY_NAME[metric.name]
    assert row.kind == metric.kind
    assert row.labels == set(metric.labels)
    assert row.served_by == tuple(metric.served_by)
    assert row.what == metric.what


def test_the_page_has_no_other_and_none_twice() -> None:
    assert sorted(one.name for one in described()) == sorted(metric.name for metric in ALL)


@EACH
def test_a_name_follows_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"holdfast_[a-z0-9_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == COUNTER)
    assert not re.search(r"_(ms|minutes|hours|kb|mb|count|sum|bucket)$", metric.name), "base units, no reserved ends"
    assert bool(metric.buckets) == (metric.kind == HISTOGRAM)
    assert list(metric.buckets) == sorted(metric.buckets)


@EACH
def test_labels_are_few_and_no_ids(metric: Metric) -> None:
    assert len(metric.labels) <= 3
    assert not any(re.search(r"(^|_)(id|key|user|booking|phone|email|address|path)$", label) for label in metric.labels)


def test_promtool_has_nothing_against_them() -> None:
    registry = CollectorRegistry()
    meter = Meter(registry)
    make = {COUNTER: meter.counter, GAUGE: meter.gauge, HISTOGRAM: meter.histogram}
    for metric in ALL:
        made = make[metric.kind](metric)
        if metric.labels:
            made.labels(*metric.labels)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=generate_latest(registry), capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout.decode(), checked.stderr.decode()) == (0, "", "")


def test_the_processes_that_serve_metrics_are_those_of_the_table() -> None:
    served = {process for metric in ALL for process in metric.served_by}
    assert served == {process.name for process in APPLICATION if process.has_metrics}
