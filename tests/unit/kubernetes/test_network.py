"""Who may talk to whom in ops/kubernetes: nothing but what is listed here."""

from __future__ import annotations

import pytest

from core.configuration.secret_settings import TRACES
from ops.processes import APPLICATION, FLOWER, METRICS_PORT
from tests.support.processes.kubernetes import (
    MANAGED,
    OVERLAYS,
    TRIAL,
    of_kind,
    ways_by_namespace,
    ways_out,
    ways_within,
)

WITH_A_DATABASE = {process.name for process in APPLICATION} - {FLOWER.name} | {"migrate"}
WITH_REDIS = WITH_A_DATABASE | {FLOWER.name}
BEHIND_THE_FRONT_DOOR = {("front-door", process.name, process.port) for process in APPLICATION if process.port}
OUTSIDE = {(name, 443) for name in ("api", "payments", "deliveries", "migrate")} | {
    (n, port) for n in ("api", "deliveries", "migrate") for port in (465, 587)
}
STORES_WITHIN = {(name, "postgres", 5432) for name in WITH_A_DATABASE | {"backup"}} | {
    (name, "valkey", 6379) for name in WITH_REDIS
}
STORES_ELSEWHERE = {(name, 5432) for name in WITH_A_DATABASE} | {(name, 6379) for name in WITH_REDIS}
NAME_SERVER = 53
OTLP_PORT = 4318
"""Of OTLP over HTTP."""


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_open_by_default(overlay: str) -> None:
    denied = [one["spec"] for one in of_kind(overlay, "NetworkPolicy") if one["spec"]["podSelector"] == {}]
    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in denied


@pytest.mark.parametrize(("overlay", "stores"), [(MANAGED, set()), (TRIAL, STORES_WITHIN)])
def test_pods_reach_only_what_they_need(overlay: str, stores: set[tuple[str, str, int]]) -> None:
    assert ways_within(overlay) == BEHIND_THE_FRONT_DOOR | stores


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_the_ingress_and_prometheus_come_in(overlay: str) -> None:
    """The metrics have no password: whoever reaches the port reads them."""
    scraped = {("holdfast/metrics", process.name, METRICS_PORT) for process in APPLICATION if process.has_metrics}
    assert ways_by_namespace(overlay, "ingress") == {("holdfast/ingress", "front-door", 8000)} | scraped


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_only_name_servers_and_a_collector_of_traces_are_asked_elsewhere_in_the_cluster(overlay: str) -> None:
    traced = {("holdfast/traces", process.name, OTLP_PORT) for process in APPLICATION if TRACES & process.secrets}
    asked = {(label, name, port) for label, name, port in ways_by_namespace(overlay, "egress") if port != NAME_SERVER}
    assert asked == traced


@pytest.mark.parametrize(("overlay", "stores"), [(MANAGED, STORES_ELSEWHERE), (TRIAL, set())])
def test_only_what_asks_stripe_providers_and_mail_gets_out(overlay: str, stores: set[tuple[str, int]]) -> None:
    assert {(name, port) for name, port in ways_out(overlay) if port != NAME_SERVER} == OUTSIDE | stores


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_way_outside_is_none_to_the_cloud_s_metadata_nor_into_private_networks(overlay: str) -> None:
    (outside,) = [one for one in of_kind(overlay, "NetworkPolicy") if one["metadata"]["name"] == "outside"]
    (rule,) = outside["spec"]["egress"]
    excepted = {block for peer in rule["to"] for block in peer["ipBlock"]["except"]}
    assert {"169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"} <= excepted
