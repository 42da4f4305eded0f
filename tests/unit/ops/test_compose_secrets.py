"""Compose's secrets are files: made or moved by a script, mounted for whom they are meant, and refused by name."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from core.configuration.secret_settings import EVERY, FILE, ONLY_AS_A_FILE
from core.configuration.values import PLACEHOLDER
from core.settings import (
    DEMO_FLOWER_PASSWORD,
    DEMO_SECRET,
    DEMO_STRIPE_KEY,
    Settings,
    SettingsError,
    from_environment,
    owner_database_url,
)
from ops.processes import APPLICATION, BACKUP, MIGRATE_SECRETS, REQUIRED, Process
from ops.store_settings import APPLICATION_ROLE, ROLE
from tests.support.pages import ROOT
from tests.support.processes.compose import (
    FILLED,
    MOUNTED,
    PASSWORDS,
    WITH_FLOWER,
    environment_of,
    load,
    make_secrets,
    secrets_of,
)

COMPOSE = load()
OF_STORES = {
    "postgres": {"postgres_password"},
    "valkey": {"valkey_password"},
    "grafana": {"holdfast_grafana_password"},
}
GIVEN = {
    "HOLDFAST_SECRET_KEY_PREVIOUS": "b" * 40,
    "HOLDFAST_AGENT_INITIAL_PASSWORD": "a-password-of-agents",
    "HOLDFAST_SMTP_URL": "smtp://me:a-password@mail.example.com:587",
    "HOLDFAST_GOOGLE_CLIENT_SECRET": "a-secret-of-google",
    "HOLDFAST_GITHUB_CLIENT_SECRET": "a-secret-of-github",
    "STRIPE_SECRET_KEY": "sk_live_of_the_tests",
    "STRIPE_WEBHOOK_SECRET": "whsec_of_the_tests",
    "OTEL_EXPORTER_OTLP_HEADERS": "api-key=of-the-collector",
}
"""What others gave the operator; Holdfast makes the rest."""
IDS = {"HOLDFAST_GOOGLE_CLIENT_ID": "google", "HOLDFAST_GITHUB_CLIENT_ID": "github"}
NAMED = {name + FILE: f"./secrets/{name.lower()}" for name in GIVEN}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With all the secrets that there are: those of others by files that .env names."""
    folder = tmp_path_factory.mktemp("checkout")
    made = make_secrets(folder, _dot_env({**FILLED, **PASSWORDS, **GIVEN}))
    assert made.returncode == 0, made.stderr
    return folder


def _dot_env(variables: dict[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in variables.items())


def inside(checkout: Path, service: str, variables: dict[str, str]) -> dict[str, str]:
    """The environment of a container, with the paths of its secrets as they are outside."""
    compose = load(variables)
    one = compose["services"][service]
    mounted = secrets_of(one, compose["secrets"], checkout)
    return {name: str(mounted.get(value, value)) for name, value in environment_of(one).items()}


def read(checkout: Path, process: Process, variables: dict[str, str]) -> Settings:
    return from_environment(inside(checkout, process.name, variables), process.secrets)


@pytest.mark.parametrize("process", [*APPLICATION, BACKUP], ids=lambda process: process.name)
def test_each_service_is_given_its_own_secrets_alone(process: Process) -> None:
    service = COMPOSE["services"][process.name]
    assert {name.upper() for name in service["secrets"]} == process.secrets
    assert EVERY & set(environment_of(service)) == set(), "none stands in an environment"


def test_the_other_services_are_given_theirs() -> None:
    migrate = COMPOSE["services"]["migrate"]
    assert {name.upper() for name in migrate["secrets"]} == MIGRATE_SECRETS
    assert {name + FILE for name in MIGRATE_SECRETS} <= set(environment_of(migrate))
    ours = {process.name for process in (*APPLICATION, BACKUP)} | {"migrate"}
    others = {name: set(one["secrets"]) for name, one in COMPOSE["services"].items() if "secrets" in one}
    assert {name: one for name, one in others.items() if name not in ours} == OF_STORES


def test_every_setting_of_a_file_names_a_mounted_secret() -> None:
    """Where .env names a file; otherwise the setting is empty."""
    services = load({**FILLED, **NAMED})["services"]
    for name, service in services.items():
        mounted = {MOUNTED + secret for secret in service.get("secrets", [])}
        named = {value for setting, value in environment_of(service).items() if setting.endswith(FILE)}
        assert named == mounted, name
    empty = [value for name, value in environment_of(COMPOSE["services"]["api"]).items() if name in NAMED]
    assert empty == [""] * 7


def test_every_secret_has_a_file_whether_or_not_env_names_one(checkout: Path) -> None:
    """Compose mounts what is declared, and refuses to start without the file."""
    used = {name for service in COMPOSE["services"].values() for name in service.get("secrets", [])}
    assert set(COMPOSE["secrets"]) == used
    unnamed = {name for name, one in COMPOSE["secrets"].items() if one["file"] == "./ops/compose/no-secret"}
    assert unnamed == {name.lower() for name in GIVEN}
    assert (ROOT / "ops/compose/no-secret").is_file()
    for one in load({**FILLED, **NAMED})["secrets"].values():
        assert (checkout / one["file"]).is_file(), one


def test_every_process_starts_with_what_the_script_makes(checkout: Path) -> None:
    for process in (*APPLICATION, BACKUP):
        settings = read(checkout, process, {**WITH_FLOWER, **NAMED, **IDS})
        assert not settings.demo
        assert not settings.public_writes
        read(checkout, process, dict(FILLED))
    migrate = inside(checkout, "migrate", {**FILLED, **NAMED})
    assert owner_database_url(migrate) == f"postgresql://{ROLE}:{PASSWORDS['POSTGRES_PASSWORD']}@postgres:5432/holdfast"


def test_what_env_held_is_what_the_processes_get(checkout: Path) -> None:
    api = next(process for process in APPLICATION if process.name == "api")
    settings = read(checkout, api, {**FILLED, **NAMED, **IDS})
    assert (
        settings.database_url
        == f"postgresql://{APPLICATION_ROLE}:{PASSWORDS['HOLDFAST_DATABASE_PASSWORD']}@postgres:5432/holdfast"
    )
    assert settings.redis_url == f"redis://:{PASSWORDS['VALKEY_PASSWORD']}@valkey:6379/0"
    assert settings.secret_key == PASSWORDS["HOLDFAST_SECRET_KEY"]
    assert settings.secret_key_previous == GIVEN["HOLDFAST_SECRET_KEY_PREVIOUS"]
    assert settings.smtp_url == GIVEN["HOLDFAST_SMTP_URL"]
    assert settings.stripe is not None
    assert settings.stripe.webhook_secret == GIVEN["STRIPE_WEBHOOK_SECRET"]
    assert settings.google is not None
    assert settings.google.client_secret == GIVEN["HOLDFAST_GOOGLE_CLIENT_SECRET"]


def test_env_keeps_no_secret_but_names_the_files_of_those_of_others(checkout: Path) -> None:
    assert (checkout / ".env").read_text() == _dot_env({**FILLED, **NAMED})


def test_nobody_else_on_the_host_reaches_them_and_every_container_can_read_its_own(checkout: Path) -> None:
    folder = checkout / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o444}
    assert stat.S_IMODE((checkout / ".env").stat().st_mode) == 0o600


def test_the_script_can_run_again_and_changes_nothing(checkout: Path) -> None:
    before = _contents(checkout)
    again = make_secrets(checkout)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert _contents(checkout) == before


def _contents(checkout: Path) -> dict[str, str]:
    files = [checkout / ".env", *(checkout / "secrets").iterdir()]
    return {file.name: file.read_text() for file in files if file.exists()}


def test_without_an_env_all_are_random_and_fit_together(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    assert made.returncode == 0
    contents = _contents(tmp_path)
    assert set(contents) == {name for name, one in COMPOSE["secrets"].items() if one["file"] == f"./secrets/{name}"}
    passwords = [value.strip() for name, value in contents.items() if not name.endswith("_url")]
    application = contents["database_url"].split(":")[2].split("@")[0]
    for password in [*passwords, application]:
        assert re.fullmatch("[A-Za-z0-9]{43}", password)
        assert password not in made.stdout + made.stderr
    assert len({*passwords, application}) == len(passwords) + 1
    assert contents["postgres_password"].strip() in contents["holdfast_owner_database_url"]
    assert contents["valkey_password"].strip() in contents["redis_url"]
    for process in APPLICATION:
        read(tmp_path, process, dict(WITH_FLOWER))


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('STRIPE_SECRET_KEY="sk_live_x y"', "sk_live_x y"),
        ("STRIPE_SECRET_KEY='sk_live_x'", "sk_live_x"),
        ("STRIPE_SECRET_KEY=sk_live_x  ", "sk_live_x"),
        ("STRIPE_SECRET_KEY=sk_live_old\nSTRIPE_SECRET_KEY=sk|live&x", "sk|live&x"),
    ],
)
def test_a_value_is_moved_as_compose_reads_it(line: str, value: str, tmp_path: Path) -> None:
    assert make_secrets(tmp_path, f"{line}\n").returncode == 0
    assert (tmp_path / "secrets/stripe_secret_key").read_text() == f"{value}\n"
    assert set((tmp_path / ".env").read_text().split()) == {"STRIPE_SECRET_KEY_FILE=./secrets/stripe_secret_key"}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("STRIPE_SECRET_KEY=sk_$LIVE_x", "STRIPE_SECRET_KEY in .env holds $"),
        ("HOLDFAST_SMTP_URL=smtp://host # ours", "HOLDFAST_SMTP_URL in .env holds $"),
        ("VALKEY_PASSWORD=a/b-hidden", "VALKEY_PASSWORD in .env has other characters"),
    ],
)
def test_a_value_that_it_cannot_move_stops_it_before_it_writes_anything(
    line: str, sentence: str, tmp_path: Path
) -> None:
    stopped = make_secrets(tmp_path, f"{line}\n")
    assert stopped.returncode == 1
    assert stopped.stderr.startswith(f"holdfast: {sentence}")
    assert line.partition("=")[2] not in stopped.stderr
    assert list((tmp_path / "secrets").iterdir()) == []
    assert (tmp_path / ".env").read_text() == f"{line}\n"


def test_a_secret_that_is_there_twice_is_for_a_person_to_choose(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/stripe_secret_key").write_text("sk_live_new\n")
    stopped = make_secrets(tmp_path, "STRIPE_SECRET_KEY=sk_live_old\n")
    assert stopped.returncode == 1
    assert "STRIPE_SECRET_KEY stands in .env, and secrets/stripe_secret_key exists" in stopped.stderr
    assert (tmp_path / "secrets/stripe_secret_key").read_text() == "sk_live_new\n"


def test_a_placeholder_is_no_secret(tmp_path: Path) -> None:
    dot_env = _dot_env(dict.fromkeys([*PASSWORDS, *GIVEN], PLACEHOLDER))
    assert make_secrets(tmp_path, dot_env).returncode == 0
    assert not [name for name, value in _contents(tmp_path).items() if name != ".env" and PLACEHOLDER in value]


@pytest.mark.parametrize("name", sorted({*GIVEN, "HOLDFAST_SECRET_KEY", "HOLDFAST_FLOWER_PASSWORD"}))
def test_a_secret_left_in_env_stops_the_migration_by_its_name(name: str, checkout: Path) -> None:
    """It would reach no container, and payments, say, would be off without a word."""
    left = inside(checkout, "migrate", {**FILLED, name: "a-hidden-secret-of-the-tests-that-is-long-enough"})
    assert left[name] == ONLY_AS_A_FILE
    assert "hidden" not in str(left)
    with pytest.raises(SettingsError, match=f"^{name} stands in .env, but in compose secrets are files."):
        from_environment(left)


def test_no_command_and_no_environment_carries_a_secret() -> None:
    everything = {**WITH_FLOWER, **PASSWORDS, **GIVEN, **NAMED}
    shown = str(load(everything)["services"])
    assert [name for name, secret in {**PASSWORDS, **GIVEN}.items() if secret in shown] == []


def test_only_the_migration_and_the_server_are_given_the_superuser(checkout: Path) -> None:
    """Everything else has a role that may do nothing beyond its database."""
    password = PASSWORDS["POSTGRES_PASSWORD"]
    for name, service in COMPOSE["services"].items():
        files = secrets_of(service, COMPOSE["secrets"], checkout).values()
        holds = any(password in file.read_text() for file in files if file.exists())
        assert holds == (name in {"migrate", "postgres"}), name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, "") for name in REQUIRED),
        ("DATABASE_URL", f"postgresql://{APPLICATION_ROLE}:{PLACEHOLDER}@postgres:5432/holdfast"),
        ("REDIS_URL", f"redis://:{PLACEHOLDER}@valkey:6379/0"),
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
def test_every_default_or_missing_secret_is_refused_by_name_and_not_repeated(
    name: str, value: str, checkout: Path
) -> None:
    variables = {**WITH_FLOWER, **NAMED}
    asker = next(process for process in APPLICATION if name in process.secrets)
    given = {**inside(checkout, asker.name, variables), name + FILE: "", name: value}
    with pytest.raises(SettingsError, match=name) as refused:
        from_environment(given, asker.secrets)
    assert not value or value not in str(refused.value)


def test_valkeys_own_words_carry_no_password() -> None:
    valkey = COMPOSE["services"]["valkey"]
    words = " ".join([*valkey["command"], *valkey["healthcheck"]["test"]])
    assert words.count('$(cat "$VALKEY_PASSWORD_FILE")') == 2
    assert environment_of(valkey) == {"VALKEY_PASSWORD_FILE": MOUNTED + "valkey_password"}
