"""ops/kubernetes/ as values: rendered by kustomize as `kubectl apply -k` does it, and read."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ops.processes import Process
from tests.support.pages import ROOT
from tests.support.processes.deployed import Deployed

FOLDER = ROOT / "ops" / "kubernetes"
MANAGED = "managed-stores"
TRIAL = "trial"
WITH_FLOWER = "managed-stores, with Flower"
OVERLAYS = (MANAGED, TRIAL, WITH_FLOWER)
KUBECTL = Path(sys.executable).with_name("kubectl")
COMPONENT = "app.kubernetes.io/component"
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_REQUEST = ("python", "-I", "-S", "ops/health_probe.py")
"""How compose sends a request that Kubernetes sends by itself."""

Object = dict[str, Any]


@cache
def rendered(overlay: str) -> tuple[Object, ...]:
    """All objects of an overlay."""
    if overlay == WITH_FLOWER:
        return _with_component(MANAGED, "flower")
    return _kustomize(FOLDER / "overlays" / overlay)


def of_kind(overlay: str, *kinds: str) -> list[Object]:
    return [one for one in rendered(overlay) if one["kind"] in kinds]


def named(overlay: str, kind: str, name: str) -> Object:
    return next(one for one in of_kind(overlay, kind) if one["metadata"]["name"] == name)


def workloads(overlay: str) -> list[Object]:
    """What makes pods."""
    return of_kind(overlay, "Deployment", "StatefulSet", "Job", "CronJob")


def pod_of(workload: Object) -> Object:
    spec: Object = _template_of(workload)["spec"]
    return spec


def _template_of(workload: Object) -> Object:
    template: Object = workload["spec"].get("jobTemplate", workload)["spec"]["template"]
    return template


def container_of(workload: Object) -> Object:
    """The one that does the work."""
    (container,) = pod_of(workload)["containers"]
    one: Object = container
    return one


def containers(workload: Object) -> list[Object]:
    """Those that prepare it, too."""
    return [*pod_of(workload).get("initContainers", []), *pod_of(workload)["containers"]]


def replicas_of(overlay: str, workload: Object) -> int:
    """How many there are at least: as told, or by whatever scales it."""
    name = workload["metadata"]["name"]
    for one in of_kind(overlay, "HorizontalPodAutoscaler", "ScaledObject"):
        if one["spec"]["scaleTargetRef"]["name"] == name:
            least: int = one["spec"].get("minReplicas") or one["spec"]["minReplicaCount"]
            return least
    told: int = workload["spec"].get("replicas", 1)
    return told


def config_map(overlay: str, name: str) -> dict[str, str]:
    """A generated one, whose name ends in the hash of its content."""
    (found,) = [one for one in of_kind(overlay, "ConfigMap") if one["metadata"]["name"].startswith(f"{name}-")]
    data: dict[str, str] = found["data"]
    return data


def environment_of(overlay: str, container: Object) -> dict[str, str]:
    """What the container's process finds in its environment. For a secret stands the key that it comes from."""
    maps = {one["metadata"]["name"]: one["data"] for one in of_kind(overlay, "ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]
    for one in container.get("env", []):
        found[one["name"]] = one["value"] if "value" in one else _value(maps, one["valueFrom"])
    return found


def secret_files(workload: Object) -> dict[str, str]:
    """The files that hold a secret in its container, each with the key of the Secret that it comes from."""
    paths = {one["name"]: one["mountPath"] for one in container_of(workload).get("volumeMounts", [])}
    return {
        f"{paths[volume['name']]}/{item['path']}": item["key"]
        for volume in pod_of(workload)["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        for item in source["secret"]["items"]
    }


def secret_variables(workload: Object) -> dict[str, str]:
    """The variables that hold a secret, each with the key of the Secret that it comes from. It may be missing there."""
    found = {
        one["name"]: one["valueFrom"]["secretKeyRef"]
        for one in container_of(workload).get("env", [])
        if _is_secret(one)
    }
    assert all(reference["optional"] for reference in found.values())
    return {name: reference["key"] for name, reference in found.items()}


def secrets_of(workload: Object) -> set[str]:
    """The keys of the Secret that its container is given, however."""
    return {*secret_files(workload).values(), *secret_variables(workload).values()}


def _is_secret(variable: Object) -> bool:
    return "secretKeyRef" in variable.get("valueFrom", {})


def deployed(overlay: str, process: Process) -> Deployed:
    """A process of ours as its pod runs it."""
    workload = named(overlay, "Deployment", process.name)
    container = container_of(workload)
    return Deployed(
        command=tuple(container["command"]),
        environment=environment_of(overlay, container),
        ports=tuple(one["containerPort"] for one in container.get("ports", [])),
        checks=frozenset(check_of(container, container[probe]) for probe in PROBES),
        stop_timeout_s=pod_of(workload)["terminationGracePeriodSeconds"] - pause_before_stop_s(container),
    )


def pause_before_stop_s(container: Object) -> float:
    """How long a container waits before it is told to stop."""
    pause: float = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    return pause


def check_of(container: Object, probe: Object) -> tuple[str, ...]:
    """A probe as a command."""
    if "exec" in probe:
        return tuple(probe["exec"]["command"])
    if "tcpSocket" in probe:
        return ("connect", str(probe["tcpSocket"]["port"]))
    numbers = {one["name"]: one["containerPort"] for one in container["ports"]}
    asked = probe["httpGet"]
    return (*_REQUEST, f"http://127.0.0.1:{numbers[asked['port']]}{asked['path']}")


def _value(maps: Mapping[str, Mapping[str, str]], source: Mapping[str, Mapping[str, str]]) -> str:
    if "secretKeyRef" in source:
        return source["secretKeyRef"]["key"]
    reference = source["configMapKeyRef"]
    return maps[reference["name"]][reference["key"]]


def _kustomize(folder: Path) -> tuple[Object, ...]:
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


def _with_component(overlay: str, component: str) -> tuple[Object, ...]:
    """As the overlay is once the component's line is no comment any more."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "kubernetes"
        shutil.copytree(FOLDER, tree)
        file = tree / "overlays" / overlay / "kustomization.yaml"
        before = file.read_text()
        after = before.replace(f"# - ../../components/{component}", f"- ../../components/{component}")
        assert after != before
        file.write_text(after)
        return _kustomize(file.parent)


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector fits; an empty one fits everything."""
    exact = selector.get("matchLabels", {}).items() <= labels.items()
    return exact and all(_meets(one, labels) for one in selector.get("matchExpressions", []))


def _meets(requirement: Object, labels: Mapping[str, str]) -> bool:
    assert requirement["operator"] == "In", "the only one that is used"
    return labels.get(requirement["key"]) in requirement["values"]


def labels_of(workload: Object) -> dict[str, str]:
    labels: dict[str, str] = _template_of(workload)["metadata"]["labels"]
    return labels


def ways_within(overlay: str) -> set[tuple[str, str, int]]:
    """From which pods to which, on which port, the policies let a connection through: both sides must allow it."""
    pods = {labels_of(one)[COMPONENT]: labels_of(one) for one in workloads(overlay)}
    return {
        (source, target, port)
        for source, target in ((a, b) for a in pods for b in pods)
        for port in _open_to(overlay, "egress", pods[source], pods[target])
        & _open_to(overlay, "ingress", pods[target], pods[source])
    }


def ways_by_namespace(overlay: str, direction: str) -> set[tuple[str, str, int]]:
    """From the namespaces with which label to which pods, on which port; for `egress` the other way."""
    return {
        (label, labels_of(one)[COMPONENT], port)
        for one in workloads(overlay)
        for peers, ports in _rules(overlay, direction, labels_of(one))
        for peer in peers
        for label in peer.get("namespaceSelector", {}).get("matchLabels", {})
        for port in ports
    }


def ways_out(overlay: str) -> set[tuple[str, int]]:
    """From which pods, on which port, a connection may leave for addresses that are no pod's here."""
    return {
        (labels_of(one)[COMPONENT], port)
        for one in workloads(overlay)
        for peers, ports in _rules(overlay, "egress", labels_of(one))
        if not peers or any("ipBlock" in peer for peer in peers)
        for port in ports
    }


def _open_to(overlay: str, direction: str, subject: Mapping[str, str], other: Mapping[str, str]) -> set[int]:
    """An address block is for what lies outside: pods are let in and out by their labels."""
    return {
        port
        for peers, ports in _rules(overlay, direction, subject)
        if any(
            "namespaceSelector" not in peer and selects(peer["podSelector"], other)
            for peer in peers
            if "podSelector" in peer
        )
        for port in ports
    }


def _rules(overlay: str, direction: str, subject: Mapping[str, str]) -> Iterator[tuple[Sequence[Object], set[int]]]:
    """Of all policies that hold for a pod: whom a rule lets through, on which ports."""
    for policy in of_kind(overlay, "NetworkPolicy"):
        if direction.capitalize() in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], subject):
            for rule in policy["spec"].get(direction, []):
                peers = rule.get("from" if direction == "ingress" else "to", [])
                yield peers, {one["port"] for one in rule["ports"]}
