"""docker-compose.yml is valid, and says the same as the one definition."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from core.release import VERSION
from core.secret_settings import ALL, asked
from core.settings import (
    DEMO_FLOWER_PASSWORD,
    DEMO_SECRET,
    DEMO_STRIPE_KEY,
    PLACEHOLDER,
    SettingsError,
    from_environment,
    owner_database_url,
)
from ops.processes import API, APPLICATION, LANES, METRICS_PORT, MIGRATE, OPTIONAL, REQUIRED, Process, Stage
from ops.store_settings import POSTGRES_MAJOR, postgres_options, valkey_options
from tests.support.processes.compose import FILLED, SECRETS, WITH_FLOWER, MissingVariable, environment_of, load

ROOT = Path(__file__).parents[3]
SCHEMA = Path(__file__).parents[2] / "fixtures" / "compose-spec.json"
SERVICES = load()["services"]
EACH = pytest.mark.parametrize("process", APPLICATION, ids=lambda process: process.name)


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
    servers = {"caddy", "migrate", "postgres", "valkey", "prometheus", "grafana"}
    assert set(SERVICES) == {process.name for process in APPLICATION} | servers


@EACH
def test_commands_are_the_definitions(process: Process) -> None:
    assert SERVICES[process.name]["command"] == list(process.argv)


def test_migrate_is_the_definitions_and_comes_first() -> None:
    assert SERVICES["migrate"]["command"] == list(MIGRATE)
    for process in APPLICATION:
        waited_for = SERVICES[process.name]["depends_on"]["migrate"]
        assert waited_for == {"condition": "service_completed_successfully"}


@EACH
def test_environments_are_the_definitions(process: Process) -> None:
    environment = environment_of(SERVICES[process.name])
    assert set(environment) == {*ALL, *OPTIONAL, *process.settings}
    for name, value in process.settings.items():
        assert environment[name] == value


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
    from_environment({**environment_of(SERVICES["api"]), **secrets, "HOLDFAST_SECRET_KEY_PREVIOUS": "x" * 32})
    own = {name for process in APPLICATION for name in process.settings}
    assert looked_for - {"HOLDFAST_DEMO"} == {*ALL, *OPTIONAL, *own}


def test_flower_is_off_unless_it_is_asked_for() -> None:
    """No container of it, no way to it, no password asked for; a password that is left out is then named."""
    assert SERVICES["flower"]["scale"] == environment_of(SERVICES["caddy"])["HOLDFAST_FLOWER_IS_ON"] == "0"
    assert not from_environment(environment_of(SERVICES["api"])).flower
    on = load(WITH_FLOWER)["services"]
    assert on["flower"]["scale"] == environment_of(on["caddy"])["HOLDFAST_FLOWER_IS_ON"] == "1"
    assert from_environment(environment_of(on["flower"])).flower
    with pytest.raises(SettingsError, match="HOLDFAST_FLOWER_PASSWORD"):
        from_environment({**environment_of(on["flower"]), "HOLDFAST_FLOWER_PASSWORD": ""})


def test_no_service_is_the_demo() -> None:
    assert not any("HOLDFAST_DEMO" in environment_of(service) for service in SERVICES.values())


def test_everything_that_the_front_door_asks_for_is_told_it() -> None:
    asked = set(re.findall(r"\{\$([A-Z_]+)", (ROOT / "ops" / "Caddyfile").read_text()))
    assert asked == set(environment_of(SERVICES["caddy"]))


@EACH
def test_queues_are_the_definitions(process: Process) -> None:
    command = SERVICES[process.name]["command"]
    queues = tuple(command[command.index("-Q") + 1].split(",")) if "-Q" in command else ()
    assert queues == process.queues


@EACH
def test_ports_are_the_definitions(process: Process) -> None:
    service = SERVICES[process.name]
    ports = [process.port, METRICS_PORT if process.has_metrics else None]
    assert service.get("expose", []) == [str(port) for port in ports if port]
    assert "ports" not in service, "only the front door is open to the outside"
    if process.port:
        assert f"{process.name}:{process.port}" in environment_of(SERVICES["caddy"]).values()


@EACH
def test_health_checks_and_stop_times_are_the_definitions(process: Process) -> None:
    service = SERVICES[process.name]
    assert service["healthcheck"]["test"] == ["CMD", *process.health]
    assert service.get("stop_signal", "SIGTERM") == process.stop_signal.name
    assert service["stop_grace_period"] == f"{process.stop_timeout_s:g}s"
    assert service["restart"] == "unless-stopped"


def test_lanes_can_be_scaled_without_other_changes() -> None:
    lanes = SERVICES["lanes"]
    assert not {"container_name", "hostname", "ports", "volumes"} & set(lanes)
    assert "lanes@%h" in lanes["command"], "every container has a host name, and so a node name, of its own"
    assert LANES.command("lanes-2") != LANES.command("lanes-1"), "two on one host need different names"


def test_the_stores_are_set_up_as_in_the_embedded_stack() -> None:
    assert SERVICES["postgres"]["image"] == f"postgres:{POSTGRES_MAJOR}"
    assert SERVICES["postgres"]["command"] == ["postgres", *postgres_options()]
    assert SERVICES["valkey"]["command"][-len(valkey_options()) :] == list(valkey_options())


def test_no_command_carries_a_secret() -> None:
    for service in SERVICES.values():
        check = service.get("healthcheck", {}).get("test", [])
        words = " ".join(map(str, [*service.get("command", []), *check]))
        assert not any(secret in words for secret in SECRETS.values())


def test_every_service_runs_with_few_rights() -> None:
    for service in SERVICES.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]


def test_nothing_runs_as_root() -> None:
    """PostgreSQL's entrypoint steps down by itself, once it has handed the volume over; ours is the image's user."""
    by_image = {process.name for process in APPLICATION} | {"migrate"}
    told = {name: service.get("user") for name, service in SERVICES.items() if name not in {*by_image, "postgres"}}
    assert told == {**dict.fromkeys(("caddy", "valkey", "prometheus"), "65534:65534"), "grafana": "472:472"}


def test_the_image_is_built_once_and_never_looked_for_elsewhere() -> None:
    """Compose builds services side by side: two that build one name end each other ("already exists")."""
    built = [name for name, service in SERVICES.items() if "build" in service]
    assert built == ["migrate"], "which all others wait for"
    for name in [*(process.name for process in APPLICATION), "migrate"]:
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
    assert set(dict(_example())) == {*FILLED, "PORT"}


def test_the_example_mentions_everything_that_compose_can_be_told() -> None:
    told = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    mentioned = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert mentioned == told


@pytest.mark.parametrize("name", FILLED)
def test_compose_names_what_is_missing(name: str) -> None:
    with pytest.raises(MissingVariable, match=name):
        load({**FILLED, name: ""})


@pytest.mark.parametrize("name", [name for name, value in _example() if value == PLACEHOLDER])
def test_a_placeholder_left_in_place_is_refused_by_name(name: str) -> None:
    environment = environment_of(load({**FILLED, name: PLACEHOLDER})["services"]["migrate"])
    in_urls = {
        "POSTGRES_PASSWORD": "HOLDFAST_OWNER_DATABASE_URL",
        "HOLDFAST_DATABASE_PASSWORD": "DATABASE_URL",
        "VALKEY_PASSWORD": "REDIS_URL",
    }
    read = owner_database_url if name == "POSTGRES_PASSWORD" else from_environment
    with pytest.raises(SettingsError, match=in_urls.get(name, name)):
        read(environment)


def test_only_the_migration_is_given_the_superuser() -> None:
    """Everything else has a role that may do nothing beyond its database."""
    for name, service in SERVICES.items():
        holds = [value for value in environment_of(service).values() if FILLED["POSTGRES_PASSWORD"] in value]
        assert bool(holds) == (name in {"migrate", "postgres"}), name
        assert "//holdfast:" not in environment_of(service).get("DATABASE_URL", "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "") for name in REQUIRED),
        ("HOLDFAST_SECRET_KEY", PLACEHOLDER),
        ("HOLDFAST_SECRET_KEY", DEMO_SECRET),
        ("HOLDFAST_FLOWER_PASSWORD", DEMO_FLOWER_PASSWORD),
        ("HOLDFAST_FLOWER_PASSWORD", PLACEHOLDER),
        ("HOLDFAST_FLOWER_PASSWORD", ""),
        ("STRIPE_SECRET_KEY", PLACEHOLDER),
        ("STRIPE_SECRET_KEY", DEMO_STRIPE_KEY),
        ("STRIPE_WEBHOOK_SECRET", PLACEHOLDER),
        ("STRIPE_WEBHOOK_SECRET", ""),
    ],
)
def test_every_default_or_missing_secret_is_refused_by_name_and_not_repeated(name: str, value: str) -> None:
    account = {"STRIPE_SECRET_KEY": "sk_live_of_the_tests", "STRIPE_WEBHOOK_SECRET": "whsec_of_the_tests"}
    account |= {"HOLDFAST_FLOWER": "1", "HOLDFAST_FLOWER_PASSWORD": WITH_FLOWER["HOLDFAST_FLOWER_PASSWORD"]}
    with pytest.raises(SettingsError, match=name) as refused:
        from_environment({**environment_of(SERVICES["migrate"]), **account, name: value})
    assert not value or value not in str(refused.value)


def test_a_filled_in_example_is_accepted_everywhere() -> None:
    for process in APPLICATION:
        settings = from_environment(environment_of(SERVICES[process.name]))
        assert not settings.demo
        assert not settings.public_writes


def test_required_settings_have_no_default() -> None:
    for name in REQUIRED:
        environment = environment_of(SERVICES["api"])
        del environment[name]
        with pytest.raises(SettingsError, match=name):
            from_environment(environment)


def test_the_api_starts_after_the_stores_and_stops_before_them() -> None:
    assert API.stage > LANES.stage > Stage.STORES


def test_the_front_door_stops_with_the_api_and_not_before_it() -> None:
    """Compose stops who depends on somebody first; then the API's last answers would reach nobody."""
    assert "depends_on" not in SERVICES["caddy"]
    assert all("caddy" not in service.get("depends_on", {}) for service in SERVICES.values())


def test_the_image_holds_no_secret_and_no_embedded_server() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "USER 10001" in dockerfile
    assert "requirements.lock" in dockerfile
    assert not re.search(r"requirements-(?!build|fast)|HOLDFAST_|PASSWORD|\.env", dockerfile)
    copied = re.findall(r"^COPY (?:--from=\S+ )?(.+) \S+$", dockerfile, re.MULTILINE)
    locks = "requirements.lock requirements-build.lock requirements-fast.lock"
    assert set(copied) == {locks, "/opt/venv", "core", "api", "workers", "notifier", "ops"}


def test_the_image_holds_no_compiler_but_what_it_built() -> None:
    """The first stage has one; only its virtual environment is copied."""
    stages = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert stages == ["python:3.11", "python:3.11-slim"]
