"""How pods of ops/kubernetes run: with few rights, within limits, checked, spread, and stopped with care."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.processes import API, APPLICATION, NOTIFIER, Process
from tests.support.processes.kubernetes import (
    COMPONENT,
    MANAGED,
    OVERLAYS,
    PROBES,
    TRIAL,
    Object,
    check_of,
    container_of,
    containers,
    labels_of,
    named,
    of_kind,
    pause_before_stop_s,
    pod_of,
    replicas_of,
    selects,
    workloads,
)

IN_EACH = pytest.mark.parametrize("overlay", OVERLAYS)
EACH = pytest.mark.parametrize("process", APPLICATION, ids=lambda process: process.name)
RESTRICTED_VOLUMES = {"configMap", "emptyDir", "projected", "persistentVolumeClaim"}
"""Of those that pod security "restricted" allows: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
ASK_NO_STORE = ("/healthz", "/flower/healthcheck", "alive", "connect")
"""How a check says that it asks the process itself and nothing behind it."""
PATIENT_S = 12 * 3600


def each_container(overlay: str) -> Iterator[Object]:
    for one in workloads(overlay):
        yield from containers(one)


@IN_EACH
def test_pods_may_do_nothing_that_restricted_forbids(overlay: str) -> None:
    (namespace,) = of_kind(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for one in workloads(overlay):
        pod = pod_of(one)
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
        assert kinds <= RESTRICTED_VOLUMES


@IN_EACH
def test_containers_gain_no_rights_and_write_nowhere_but_in_their_volumes(overlay: str) -> None:
    for container in each_container(overlay):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert "privileged" not in context
        assert context["capabilities"]["drop"] == ["ALL"]
        added = context["capabilities"].get("add", [])
        assert added == (["NET_BIND_SERVICE"] if container["name"] == "caddy" else [])


@IN_EACH
def test_pods_have_no_token_and_no_variables_of_the_clusters(overlay: str) -> None:
    """A Service named flower would set FLOWER_PORT, which Flower reads as its own."""
    for one in workloads(overlay):
        assert pod_of(one)["automountServiceAccountToken"] is False
        assert pod_of(one)["enableServiceLinks"] is False


@IN_EACH
def test_every_container_has_requests_and_limits(overlay: str) -> None:
    for container in each_container(overlay):
        for kind in ("requests", "limits"):
            assert set(container["resources"][kind]) == {"cpu", "memory", "ephemeral-storage"}


@IN_EACH
def test_what_lies_in_memory_fits_into_the_limit(overlay: str) -> None:
    for one in workloads(overlay):
        in_memory = [v["emptyDir"] for v in pod_of(one)["volumes"] if v.get("emptyDir", {}).get("medium") == "Memory"]
        limit = container_of(one)["resources"]["limits"]["memory"]
        assert 2 * sum(_mebibytes(volume["sizeLimit"]) for volume in in_memory) < _mebibytes(limit)
        assert all("sizeLimit" in v["emptyDir"] for v in pod_of(one)["volumes"] if "emptyDir" in v)


def _mebibytes(amount: str) -> int:
    assert amount.endswith("Mi")
    return int(amount.removesuffix("Mi"))


@IN_EACH
def test_every_server_has_all_three_probes(overlay: str) -> None:
    for one in of_kind(overlay, "Deployment", "StatefulSet"):
        assert set(PROBES) <= set(container_of(one)), one["metadata"]["name"]


@IN_EACH
def test_a_store_that_is_away_restarts_nobody(overlay: str) -> None:
    """Liveness asks the process alone. A start is waited for as long as a store may be away: a restart brings none back,
    and the pauses between restarts would last longer than the outage.
    """
    for one in of_kind(overlay, "Deployment"):
        container = container_of(one)
        assert (
            check_of(container, container["livenessProbe"])[-1].endswith(ASK_NO_STORE)
            or "tcpSocket" in container["livenessProbe"]
        )
        if container["name"] == "holdfast":
            start = container["startupProbe"]
            assert start["periodSeconds"] * start["failureThreshold"] >= PATIENT_S


@pytest.mark.parametrize("process", [API, NOTIFIER], ids=lambda process: process.name)
def test_clients_come_once_bookings_get_through_and_stay_through_an_outage(process: Process) -> None:
    """While Redis or the lanes are away the API still accepts and reads (docs/architecture.md, "When parts are down"): as
    many pods as there are would otherwise leave their Service at once.
    """
    container = container_of(named(MANAGED, "Deployment", process.name))
    assert check_of(container, container["startupProbe"]) == process.health
    assert check_of(container, container["readinessProbe"])[-1].endswith(ASK_NO_STORE)


@pytest.mark.parametrize("name", ["lanes", "payments", "deliveries", "sweeps", "beat"])
def test_workers_are_ready_while_work_gets_through(name: str) -> None:
    """No client is sent to them: it is for rollouts, which wait until the new pod works."""
    (process,) = [one for one in APPLICATION if one.name == name]
    container = container_of(named(MANAGED, "Deployment", name))
    assert check_of(container, container["readinessProbe"]) == process.health


@IN_EACH
def test_no_probe_is_given_up_before_what_it_asks(overlay: str) -> None:
    """A command of ours takes up to 15 s to say what is wrong (ops/health_probe.py)."""
    for one in of_kind(overlay, "Deployment", "StatefulSet"):
        for probe in (container_of(one)[name] for name in PROBES):
            if "ops/health_probe.py" in probe.get("exec", {}).get("command", []):
                assert probe["timeoutSeconds"] > 15


@pytest.mark.parametrize("overlay", [MANAGED, TRIAL])
def test_a_new_pod_works_before_the_old_one_goes(overlay: str) -> None:
    """Two of any kind at once do no harm, beat included (docs/operations.md, "Upgrade and rollback")."""
    for one in of_kind(overlay, "Deployment"):
        if one["metadata"]["name"] == "valkey":
            continue
        assert one["spec"]["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        }


@IN_EACH
def test_a_pod_that_serves_clients_goes_on_until_none_is_sent_any_more(overlay: str) -> None:
    for one in of_kind(overlay, "Deployment"):
        pause = pause_before_stop_s(container_of(one))
        assert (pause >= 5) == (one["metadata"]["name"] in {"api", "notifier", "front-door"})
        assert pod_of(one)["terminationGracePeriodSeconds"] > pause


@IN_EACH
def test_everything_may_be_moved_from_a_node_one_at_a_time(overlay: str) -> None:
    budgets = [one["spec"] for one in of_kind(overlay, "PodDisruptionBudget")]
    for one in of_kind(overlay, "Deployment", "StatefulSet"):
        (budget,) = [spec for spec in budgets if selects(spec["selector"], labels_of(one))]
        assert budget["maxUnavailable"] == 1, "what runs once must be movable"


@IN_EACH
def test_several_of_a_kind_are_spread_over_nodes_and_zones(overlay: str) -> None:
    for one in of_kind(overlay, "Deployment", "StatefulSet"):
        if replicas_of(overlay, one) > 1:
            spread = pod_of(one)["topologySpreadConstraints"]
            assert [rule["topologyKey"] for rule in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
            assert all(selects(rule["labelSelector"], labels_of(one)) for rule in spread)


@IN_EACH
def test_nothing_waits_five_minutes_for_a_lost_node(overlay: str) -> None:
    for one in of_kind(overlay, "Deployment"):
        if labels_of(one)[COMPONENT] != "valkey":
            assert {rule["tolerationSeconds"] for rule in pod_of(one)["tolerations"]} == {30}


@IN_EACH
def test_a_selector_finds_its_own_pods_alone(overlay: str) -> None:
    pods = [labels_of(one) for one in workloads(overlay)]
    for one in of_kind(overlay, "Deployment", "StatefulSet"):
        assert [labels for labels in pods if selects(one["spec"]["selector"], labels)] == [labels_of(one)]
