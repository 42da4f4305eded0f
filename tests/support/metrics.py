"""Metrics as Prometheus reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from msgspec import Struct
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from core.metrics.definitions import ALL, COUNTER, HISTOGRAM, Metric
from ops.probes import PROXYLESS
from tests.support.pages import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(holdfast_\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_SAMPLES = ("_bucket", "_sum", "_count")


class Described(Struct, frozen=True):
    """A row of the page's table."""

    name: str
    kind: str
    labels: frozenset[str]
    served_by: tuple[str, ...]
    what: str


def rules() -> list[dict[str, Any]]:
    """The alert rules of ops/prometheus/alerts.yml."""
    groups = yaml.safe_load((ROOT / "ops" / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def described() -> list[Described]:
    return [
        Described(name, kind, frozenset(re.findall(r"`(\w+)`", labels)), tuple(served.split(", ")), what)
        for name, kind, labels, served, what in ROW.findall(PAGE)
    ]


def scrape(url: str) -> dict[str, Family]:
    """By the name as it is served: of a counter with its `_total`."""
    with PROXYLESS.open(url, timeout=20.0) as answer:
        text = answer.read().decode()
    return {served_name(family): family for family in text_string_to_metric_families(text)}


def served_name(family: Family) -> str:
    return f"{family.name}_total" if family.type == COUNTER else family.name


def label_names(family: Family) -> set[frozenset[str]]:
    """Of its samples; a histogram's own `le` is none of ours."""
    return {frozenset(sample.labels) - {"le"} for sample in family.samples}


def values(families: Mapping[str, Family], name: str) -> dict[tuple[str, ...], float]:
    """The samples of a counter or gauge, or the counts of a histogram, by their labels' values in the definition's order."""
    metric = next(one for one in ALL if one.name == name)
    sample_name = f"{name}_count" if metric.kind == HISTOGRAM else name
    samples = families[name].samples if name in families else []
    return {_key(sample.labels, metric): sample.value for sample in samples if sample.name == sample_name}


def _key(labels: Mapping[str, str], metric: Metric) -> tuple[str, ...]:
    return tuple(labels[name] for name in metric.labels)


def names_in_expression(text: str) -> set[str]:
    """The metrics that a PromQL expression names, without what a histogram's samples add."""
    return {_base(name) for name in re.findall(r"\bholdfast_\w+", text)}


def _base(name: str) -> str:
    histograms: Iterable[str] = (one.name for one in ALL if one.kind == HISTOGRAM)
    return next((one for one in histograms if name in {f"{one}{end}" for end in _SAMPLES}), name)
