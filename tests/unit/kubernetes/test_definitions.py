"""ops/kubernetes renders, is valid by the published schemas, and says the same as the one definition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from core.configuration.secret_settings import EVERY, FILE, OWNER
from core.configuration.values import PLACEHOLDER
from core.release import VERSION
from core.settings import SettingsError, from_environment
from ops.bounds import UNSET
from ops.processes import (
    API,
    APPLICATION,
    BACKUP,
    BACKUP_ONCE,
    BACKUPS_FOLDER,
    LANES,
    METRICS_PORT,
    MIGRATE,
    MIGRATE_SECRETS,
    NOTIFIER,
    OPTIONAL,
    REQUIRED,
    Process,
)
from ops.store_settings import postgres_options, valkey_options
from tests.support.pages import ROOT
from tests.support.processes import compose
from tests.support.processes.deployed import differences
from tests.support.processes.kubernetes import (
    COMPONENT,
    FOLDER,
    MANAGED,
    OVERLAYS,
    TRIAL,
    WITH_FLOWER,
    Object,
    config_map,
    container_of,
    containers,
    deployed,
    environment_of,
    labels_of,
    named,
    of_kind,
    pod_of,
    rendered,
    replicas_of,
    secret_files,
    secret_variables,
    secrets_of,
    workloads,
)

OLDEST, NEWEST = "1.31", "1.37"
"""Of Kubernetes: what docs/operations.md asks for, and what is newest among the schemas."""
EACH = pytest.mark.parametrize("process", APPLICATION, ids=lambda process: process.name)
IN_EACH = pytest.mark.parametrize("overlay", OVERLAYS)
FOLDER_OF = {MANAGED: MANAGED, TRIAL: TRIAL, WITH_FLOWER: MANAGED}
OF_CERTIFICATES = {"HOLDFAST_HTTP_PORT", "HOLDFAST_HTTPS_PORT", "HOLDFAST_CERTIFICATES"}
"""What the front door reads where TLS ends at itself, and has a default for."""
STORES = {TRIAL: {"postgres", "valkey", "backup"}}
"""What an overlay has whose stores are ours."""
KEDA = {
    path.stem: yaml.safe_load(path.read_text())["spec"]
    for path in sorted((ROOT / "tests" / "fixtures" / "keda").glob("*.yaml"))
}


_schema = cache(kubernetes_validate.utils.schema_contents)


@pytest.fixture(autouse=True)
def schemas_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a megabyte of them for each object."""
    monkeypatch.setattr(kubernetes_validate.utils, "schema_contents", _schema)


def mistakes(one: Object, version: str) -> list[str]:
    """What the published schemas say against an object."""
    if one["apiVersion"].startswith("keda.sh/"):
        return [problem.message for problem in _keda(one["kind"]).iter_errors(one)]
    try:
        kubernetes_validate.validate(one, version, strict=True)
    except kubernetes_validate.ValidationError as problem:
        return [problem.message]
    return []


@cache
def _keda(kind: str) -> jsonschema.Draft202012Validator:
    """KEDA's own schema. The cluster drops a field that it does not know; here it is a mistake."""
    (spec,) = [one for one in KEDA.values() if one["names"]["kind"] == kind]
    (version,) = [one for one in spec["versions"] if one["name"] == "v1alpha1"]
    schema = deepcopy(version["schema"]["openAPIV3Schema"])
    _close(schema)
    schema["properties"]["metadata"] = {"type": "object"}
    return jsonschema.Draft202012Validator(schema)


def _close(schema: Any) -> None:
    if isinstance(schema, list):
        for one in schema:
            _close(one)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            schema.setdefault("additionalProperties", False)
        for one in schema.values():
            _close(one)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_validates_against_the_published_schemas(version: str) -> None:
    distinct = {repr(one): one for one in chain.from_iterable(map(rendered, OVERLAYS))}
    found = {f"{one['kind']} {one['metadata']['name']}": mistakes(one, version) for one in distinct.values()}
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize(
    ("kind", "name", "field"),
    [("Deployment", "api", "replica"), ("ScaledObject", "lanes", "minReplicas"), ("NetworkPolicy", "api", "from")],
)
def test_the_schemas_would_notice_a_mistake(kind: str, name: str, field: str) -> None:
    broken = deepcopy(named(MANAGED, kind, name))
    broken["spec"][field] = 1
    assert len(mistakes(broken, NEWEST)) == 1


@IN_EACH
def test_it_has_the_defined_processes_and_the_servers_they_need(overlay: str) -> None:
    names = {one["metadata"]["name"] for one in workloads(overlay)}
    assert names == {process.name for process in APPLICATION} | {"migrate", "front-door"} | STORES.get(overlay, set())


@EACH
@IN_EACH
def test_processes_are_the_definitions(overlay: str, process: Process) -> None:
    assert differences(process, deployed(overlay, process)) == []


@IN_EACH
def test_migrate_is_the_definitions(overlay: str) -> None:
    migrate = container_of(named(overlay, "Job", "migrate"))
    assert migrate["command"] == list(MIGRATE)
    job = named(overlay, "Job", "migrate")
    assert secrets_of(job) == MIGRATE_SECRETS - (set() if overlay == TRIAL else {OWNER})
    told = {name.removesuffix(FILE) for name in environment_of(overlay, migrate)}
    assert told == {*OPTIONAL, *secrets_of(job)}


def test_the_trials_stores_are_backed_up_each_night_by_the_definition() -> None:
    """Whoever manages the others' stores backs them up."""
    assert of_kind(MANAGED, "CronJob") == []
    backup = named(TRIAL, "CronJob", "backup")
    box = container_of(backup)
    assert box["command"] == list(BACKUP_ONCE)
    assert secrets_of(backup) == BACKUP.secrets
    assert (backup["spec"]["schedule"], backup["spec"]["timeZone"]) == ("0 3 * * *", "Etc/UTC")
    assert backup["spec"]["concurrencyPolicy"] == "Forbid", "a folder has one keeper"
    (mounted,) = [one["name"] for one in box["volumeMounts"] if one["mountPath"] == BACKUPS_FOLDER]
    (claim,) = [one["persistentVolumeClaim"] for one in pod_of(backup)["volumes"] if one["name"] == mounted]
    assert named(TRIAL, "PersistentVolumeClaim", claim["claimName"])
    told = environment_of(TRIAL, box)
    assert {name.removesuffix(FILE) for name in told} <= {*BACKUP.settings, *BACKUP.secrets}
    from_environment({**UNSET, **{name: value for name, value in told.items() if not name.endswith(FILE)}})


@EACH
def test_a_service_leads_to_the_port_that_clients_use(process: Process) -> None:
    services = {one["metadata"]["name"]: one["spec"] for one in of_kind(MANAGED, "Service")}
    if not process.port:
        assert process.name not in services
        return
    spec = services[process.name]
    assert spec["selector"].items() <= labels_of(named(MANAGED, "Deployment", process.name)).items()
    assert [one["port"] for one in spec["ports"]] == [process.port]
    wanted = {
        one["name"]: one["containerPort"] for one in container_of(named(MANAGED, "Deployment", process.name))["ports"]
    }
    assert [wanted[one["targetPort"]] for one in spec["ports"]] == [process.port]
    assert f"{process.name}:{process.port}" in _environment_of_the_front_door(MANAGED).values()


@EACH
def test_prometheus_is_told_where_the_metrics_are(process: Process) -> None:
    told = named(MANAGED, "Deployment", process.name)["spec"]["template"]["metadata"].get("annotations", {})
    port = {"prometheus.io/scrape": "true", "prometheus.io/port": str(METRICS_PORT)}
    assert told == (port if process.has_metrics else {})


@IN_EACH
def test_every_setting_that_is_no_secret_can_be_given(overlay: str) -> None:
    assert set(config_map(overlay, "settings")) == set(OPTIONAL)


@EACH
@IN_EACH
def test_each_process_is_given_its_own_secrets_alone(overlay: str, process: Process) -> None:
    workload = named(overlay, "Deployment", process.name)
    assert secrets_of(workload) == process.secrets
    environment = environment_of(overlay, container_of(workload))
    for path, key in secret_files(workload).items():
        assert environment[key + FILE] == path
    for name, key in secret_variables(workload).items():
        assert name == key


@EACH
@IN_EACH
def test_what_a_start_cannot_do_without_is_a_file(overlay: str, process: Process) -> None:
    """A Secret without it keeps the pod from starting, and says so; the rest may be missing or empty."""
    files = secret_files(named(overlay, "Deployment", process.name))
    assert set(files.values()) == process.secrets & set(REQUIRED)


@IN_EACH
def test_only_the_migration_is_given_the_superuser(overlay: str) -> None:
    """Everything else has a role that may do nothing beyond its database."""
    holders = {one["metadata"]["name"] for one in workloads(overlay) if OWNER in secrets_of(one)}
    assert holders == ({"migrate"} if overlay == TRIAL else set())


@IN_EACH
def test_no_secret_stands_in_plain_text(overlay: str) -> None:
    assert of_kind(overlay, "Secret") == []
    for one in workloads(overlay):
        for container in containers(one):
            given = environment_of(overlay, container)
            assert all(given[name] == name for name in set(given) & EVERY), "a reference"
            assert all(value.startswith("/run/secrets/") for name, value in given.items() if name.endswith(FILE))
            assert not re.search(r"//[^/@ ]+:[^/@ ]+@", " ".join([*given.values(), *container.get("command", [])]))


@pytest.mark.parametrize("overlay", [MANAGED, TRIAL])
def test_the_example_of_the_secret_has_all_that_is_mounted_and_no_more(overlay: str) -> None:
    mounted = set(chain.from_iterable(secrets_of(one) for one in workloads(overlay)))
    mounted |= {
        one["key"] for auth in of_kind(overlay, "TriggerAuthentication") for one in auth["spec"]["secretTargetRef"]
    }
    assert set(_example(overlay)) == mounted
    assert all(PLACEHOLDER in value or not value for value in _example(overlay).values())


def _example(overlay: str) -> dict[str, str]:
    text = (FOLDER / "overlays" / FOLDER_OF[overlay] / "secrets.env.example").read_text()
    return dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))


def _as_found(overlay: str, process: Process, folder: Path, password: str = "x" * 32) -> dict[str, str]:
    """The environment that a process finds in its pod, with the examples filled in, its files in a folder of ours."""
    workload = named(overlay, "Deployment", process.name)
    told = environment_of(overlay, container_of(workload))
    found = {name: value.replace(PLACEHOLDER, "10.244.0.0/16") for name, value in told.items()}
    secrets = {name: value.replace(PLACEHOLDER, password) for name, value in _example(overlay).items()}
    if overlay == WITH_FLOWER:
        secrets["HOLDFAST_FLOWER_PASSWORD"] = "x" * 12
    for path, key in secret_files(workload).items():
        file = folder / path.rpartition("/")[2]
        file.write_text(secrets[key])
        found[key + FILE] = str(file)
    return found | {name: secrets[key] for name, key in secret_variables(workload).items()}


@EACH
@IN_EACH
def test_a_filled_in_overlay_is_accepted_everywhere(overlay: str, process: Process, tmp_path: Path) -> None:
    settings = from_environment(_as_found(overlay, process, tmp_path), process.secrets)
    assert not settings.demo
    assert not settings.public_writes
    assert settings.flower == (overlay == WITH_FLOWER)
    assert settings.database_url.startswith(
        "postgresql://holdfast_app:xxxx" if "DATABASE_URL" in process.secrets else ""
    )


@EACH
def test_a_placeholder_left_in_the_settings_is_refused_by_name(process: Process, tmp_path: Path) -> None:
    environment = _as_found(WITH_FLOWER, process, tmp_path) | {"HOLDFAST_TRUSTED_PROXIES": PLACEHOLDER}
    with pytest.raises(SettingsError, match="HOLDFAST_TRUSTED_PROXIES"):
        from_environment(environment, process.secrets)
    told = (
        config_map(MANAGED, "settings")["HOLDFAST_TRUSTED_PROXIES"],
        config_map(MANAGED, "front-door")["HOLDFAST_TRUSTS"],
    )
    assert told == (PLACEHOLDER, PLACEHOLDER)


@EACH
def test_a_placeholder_left_in_the_secret_is_refused_by_name(process: Process, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"DATABASE_URL|REDIS_URL"):
        from_environment(_as_found(MANAGED, process, tmp_path, PLACEHOLDER), process.secrets)


@IN_EACH
def test_no_image_is_without_an_exact_tag(overlay: str) -> None:
    for one in workloads(overlay):
        for container in containers(one):
            name, _, tag = container["image"].rpartition(":")
            assert re.fullmatch(r"\d+(\.[0-9a-z]+)+", tag), container["image"]
            assert container["imagePullPolicy"] == "IfNotPresent"
            if name.endswith("holdfast"):
                assert tag == VERSION, "a release names itself in the overlays"


@IN_EACH
def test_images_of_others_are_those_of_compose(overlay: str) -> None:
    known = {service["image"] for service in compose.load()["services"].values()}
    used = {container["image"] for one in workloads(overlay) for container in containers(one)}
    assert {image for image in used if "holdfast" not in image} <= known


@IN_EACH
def test_everything_that_the_front_door_asks_for_is_told_it(overlay: str) -> None:
    asked = set(re.findall(r"\{\$([A-Z_]+)", (ROOT / "ops" / "Caddyfile").read_text()))
    told = _environment_of_the_front_door(overlay)
    assert told["HOLDFAST_SITE"].startswith("http://"), "so it asks nobody for a certificate"
    assert asked - OF_CERTIFICATES == set(told)


def _environment_of_the_front_door(overlay: str) -> dict[str, str]:
    return environment_of(overlay, container_of(named(overlay, "Deployment", "front-door")))


def test_the_front_door_has_the_caddyfile_of_its_release() -> None:
    """It is copied from the image of ours, which holds it."""
    door = named(MANAGED, "Deployment", "front-door")
    copies, publishes = door["spec"]["template"]["spec"]["initContainers"]
    assert copies["image"] == container_of(named(MANAGED, "Deployment", "api"))["image"]
    source, target = copies["command"][1:]
    assert (ROOT / source).is_file()
    assert re.search(r"^COPY ops ops$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert container_of(door)["command"][3] == target
    written, read = (
        {one["name"]: one["mountPath"] for one in box["volumeMounts"]} for box in (copies, container_of(door))
    )
    assert written["caddyfile"] == read["caddyfile"] == target.rpartition("/")[0]
    assert publishes["image"] == copies["image"]
    assert publishes["command"] == ["python", "-m", "ops.pages", read["pages"]]
    assert environment_of(MANAGED, container_of(door))["HOLDFAST_PAGES"] == read["pages"]


def test_only_the_front_door_is_open_to_the_outside() -> None:
    (ingress,) = of_kind(MANAGED, "Ingress")
    (rule,) = ingress["spec"]["rules"]
    assert [path["backend"]["service"]["name"] for path in rule["http"]["paths"]] == ["front-door"]
    for overlay in OVERLAYS:
        assert {one["spec"].get("type", "ClusterIP") for one in of_kind(overlay, "Service")} == {"ClusterIP"}
    assert of_kind(TRIAL, "Ingress") == []


def test_what_stands_before_the_front_door_speaks_tls_and_lets_as_much_through() -> None:
    (ingress,) = of_kind(MANAGED, "Ingress")
    (host,) = [rule["host"] for rule in ingress["spec"]["rules"]]
    assert [one["hosts"] for one in ingress["spec"]["tls"]] == [[host]]
    assert config_map(MANAGED, "settings")["HOLDFAST_PUBLIC_URL"] == f"https://{host}"
    (bound,) = re.findall(r"max_size (\d+)MB", (ROOT / "ops" / "Caddyfile").read_text())
    told = ingress["metadata"]["annotations"]
    assert told["nginx.ingress.kubernetes.io/proxy-body-size"] == f"{bound}m"
    assert told["nginx.ingress.kubernetes.io/proxy-next-upstream"] == "off", "a write is not sent twice"


def test_flower_is_off_unless_its_component_is_there() -> None:
    for overlay, count in ((MANAGED, "0"), (TRIAL, "0"), (WITH_FLOWER, "1")):
        assert str(named(overlay, "Deployment", "flower")["spec"]["replicas"]) == count
        assert _environment_of_the_front_door(overlay)["HOLDFAST_FLOWER_IS_ON"] == count
        assert config_map(overlay, "settings")["HOLDFAST_FLOWER"] == count.strip("0")


def test_api_and_notifiers_are_scaled_by_processor_time() -> None:
    scaled = {one["spec"]["scaleTargetRef"]["name"]: one["spec"] for one in of_kind(MANAGED, "HorizontalPodAutoscaler")}
    assert set(scaled) == {API.name, NOTIFIER.name}
    for spec in scaled.values():
        assert [one["resource"]["name"] for one in spec["metrics"]] == ["cpu"]
        assert 2 <= spec["minReplicas"] < spec["maxReplicas"]


def test_lanes_are_scaled_by_an_age_and_to_no_more_than_there_are_lanes() -> None:
    (scaled,) = of_kind(MANAGED, "ScaledObject")
    spec = scaled["spec"]
    assert spec["scaleTargetRef"] == {"kind": "Deployment", "name": LANES.name}
    lanes = int(config_map(MANAGED, "settings")["HOLDFAST_LANES"])
    assert LANES.count <= spec["minReplicaCount"] < spec["maxReplicaCount"] <= lanes
    (trigger,) = spec["triggers"]
    assert (trigger["type"], trigger["metricType"]) == ("postgresql", "Value")
    (auth,) = of_kind(MANAGED, "TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == auth["metadata"]["name"]
    assert "password" not in trigger["metadata"]
    assert "connection" not in trigger["metadata"]


def test_a_scaled_deployment_says_no_number_itself() -> None:
    """An `apply` would set it back."""
    for one in of_kind(MANAGED, "HorizontalPodAutoscaler", "ScaledObject"):
        target = named(MANAGED, "Deployment", one["spec"]["scaleTargetRef"]["name"])
        assert "replicas" not in target["spec"]


def test_what_fails_over_has_a_second_one() -> None:
    once = {name for name, count in _counts(MANAGED) if count == 1}
    assert once == {"beat", "migrate"}, "the clock is one, though two do no harm"
    assert {count for _, count in _counts(TRIAL)} == {0, 1}


def _counts(overlay: str) -> Iterator[tuple[str, int]]:
    for one in workloads(overlay):
        yield labels_of(one)[COMPONENT], replicas_of(overlay, one)


def test_the_trials_stores_are_set_up_as_everywhere() -> None:
    assert container_of(named(TRIAL, "StatefulSet", "postgres"))["args"] == ["postgres", *postgres_options()]
    assert container_of(named(TRIAL, "Deployment", "valkey"))["command"][-len(valkey_options()) :] == list(
        valkey_options()
    )
