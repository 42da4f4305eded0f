"""`holdfast config` shows every setting, where it came from, what a start would say of it, and no secret."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from core.configuration.secret_settings import EVERY, STORES
from core.settings import SettingsError, from_environment, owner_database_url, readings
from ops.bounds import UNSET
from ops.cli import main
from ops.processes import APPLICATION, OPTIONAL

NAMES = sorted(one.name for one in readings({}))
SECRET = "s3cr3t"
SHAPES = {
    "alone": SECRET + "{n}",
    "of a database": "postgresql://somebody:" + SECRET + "{n}@host:5432/name",
    "of a database, with a slash": "postgresql://somebody:a/" + SECRET + "{n}@host/name",
    "of a database, with a percent sign": "postgresql://somebody:100%" + SECRET + "{n}@host/name",
    "of a database, with a blank": "postgresql://somebody:a " + SECRET + "{n}@host/name",
    "of a database, as its port": "postgresql://somebody:a@host:" + SECRET + "{n}/name",
    "of a database, as a parameter": "postgresql://host/name?user=somebody&password=" + SECRET + "{n}",
    "of redis": "redis://:" + SECRET + "{n}@host:6379/0",
    "of redis, with a hash": "redis://:a#" + SECRET + "{n}@host/0",
    "of redis, with a question mark": "redis://:a?" + SECRET + "{n}@host/0",
    "of redis, as a name": "rediss://" + SECRET + "{n}@host/0",
    "of mail": "smtp://somebody:" + SECRET + "{n}@host:587",
    "of a page": "https://somebody:" + SECRET + "{n}@host/path?key=" + SECRET + "{n}",
    "of a page, as a name": "https://" + SECRET + "{n}@host",
    "of a page, unreadable": "https://somebody:" + SECRET + "{n}\u2100@[host",
    "with a line break": "postgresql://somebody:" + SECRET + "{n}@host/name\nmore",
}
FREE_TEXT = {
    "HOLDFAST_API_BIND",
    "HOLDFAST_FLOWER_HOST",
    "HOLDFAST_FLOWER_USER",
    "HOLDFAST_GITHUB_CLIENT_ID",
    "OTEL_SERVICE_NAME",
    "HOLDFAST_GOOGLE_CLIENT_ID",
    "HOLDFAST_HEALTH_SOCKET",
    "HOLDFAST_MAIL_FROM",
    "HOLDFAST_METRICS_HOST",
    "HOLDFAST_NOTIFIER_HOST",
    "HOLDFAST_PAYMENT_METHOD_TYPES",
    "HOLDFAST_REDIS_PREFIX",
    "STRIPE_PUBLISHABLE_KEY",
}
"""Any words are a value of these, and nobody keeps a secret there: they are shown."""


def give(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    """As the whole environment that is Holdfast's, in a checkout without a data folder."""
    monkeypatch.setattr("ops.cli.store_access.EMBEDDED", Path("/dev/null/.data"))
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_no_secret_is_shown_wherever_it_stands(
    shape: str, options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, {name: shape.format(n=n) for n, name in enumerate(NAMES, 100) if name not in FREE_TEXT})
    assert main(["config", *options]) == 1
    said = capsys.readouterr()
    assert [name for name in NAMES if name not in said.out] == []
    assert SECRET not in said.out + said.err


@pytest.mark.parametrize("demo", ["0", "1"])
def test_no_secret_of_a_whole_installation_is_shown(
    demo: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = {one.name: f"{SECRET}{'x' * 40}" for one in readings({"HOLDFAST_DEMO": demo}) if one.is_secret}
    addresses = {
        "DATABASE_URL": f"postgresql://somebody:{SECRET}@host/name?sslmode=verify-full&sslpassword={SECRET}",
        "REDIS_URL": f"rediss://:{SECRET}@host/0?ssl_cert_reqs=none",
        "HOLDFAST_SMTP_URL": f"smtps://somebody:{SECRET}@host",
        "HOLDFAST_OWNER_DATABASE_URL": f"postgresql://postgres:{SECRET}@host/name",
    }
    on = {"HOLDFAST_DEMO": demo, "HOLDFAST_FLOWER": "1", "HOLDFAST_GOOGLE_CLIENT_ID": "we"}
    give(monkeypatch, {**secrets, **addresses, **on, "HOLDFAST_GITHUB_CLIENT_ID": "we"})
    assert main(["config", "--json"]) == 0
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err
    shown = {one["name"]: one["value"] for one in json.loads(said.out)["settings"]}
    assert shown["DATABASE_URL"] == "postgresql://somebody:***@host/name?sslmode=verify-full&***"
    assert shown["REDIS_URL"] == "rediss://:***@host/0?ssl_cert_reqs=none"
    assert [name for name in secrets if shown[name] is not None] == []


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_start_prints_a_secret_either(shape: str) -> None:
    said = [one.problem or "" for one in readings({name: shape.format(n=1) for name in NAMES})]
    assert any(said)
    assert SECRET not in " ".join(said)


def test_it_knows_every_setting_that_a_process_is_given() -> None:
    own = {name for process in APPLICATION for name in process.settings}
    assert {*OPTIONAL, *EVERY, *own} <= set(NAMES)


def sentence_of_a_start(given: dict[str, str]) -> str | None:
    """Of `migrate`, which reads all that there is."""
    try:
        from_environment(given)
        owner_database_url(given)
    except SettingsError as problem:
        return str(problem)
    return None


@pytest.mark.parametrize("value", ["\x07", "nonsense", "change-me"])
def test_a_setting_that_cannot_be_used_has_the_sentence_of_the_start(value: str) -> None:
    said = 0
    for name in NAMES:
        given = {**UNSET, "HOLDFAST_FLOWER": "1", name: value}
        stopping = [one.problem for one in readings(given) if one.stops_a_start]
        assert sentence_of_a_start(given) == (stopping[0] if stopping else None), name
        said += bool(stopping)
    assert said > len(NAMES) / 2


def test_a_setting_that_is_of_no_use_yet_says_with_what_and_stops_nothing() -> None:
    found = {one.name: one for one in readings({**UNSET, "STRIPE_API_BASE": "nonsense"})}
    assert found["STRIPE_API_BASE"].needs == "STRIPE_SECRET_KEY"
    assert not any(one.stops_a_start for one in found.values())
    found = {one.name: one for one in readings({**UNSET, "STRIPE_API_BASE": "nonsense", "STRIPE_SECRET_KEY": "x" * 9})}
    assert [name for name in found if found[name].stops_a_start] == ["STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE"]


def test_it_says_where_each_value_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {**UNSET, "HOLDFAST_LOG_LEVEL": "debug", "HOLDFAST_MAIL_FROM": "us", "HOLDFAST_HOLD_SECONDS": "60"}
    give(monkeypatch, {**given, "HOLDFAST_LANE": "3"})
    (tmp_path / ".env").write_text(
        '# ours\nHOLDFAST_LOG_LEVEL="debug"\nexport HOLDFAST_MAIL_FROM=us # and them\nHOLDFAST_HOLD_SECONDS=61\n'
        "HOLDFAST_LANES=3\nHOLDFAST_PHONE_REGION=\nno sign\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["config", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    by_name = {one["name"]: (one["value"], one["from"]) for one in told["settings"]}
    assert by_name["HOLDFAST_LOG_LEVEL"] == ("debug", ".env")
    assert by_name["HOLDFAST_MAIL_FROM"] == ("us", ".env")
    assert by_name["HOLDFAST_HOLD_SECONDS"] == ("60", "environment")
    assert by_name["HOLDFAST_OFFER_SECONDS"] == ("43200", "default")
    assert by_name["HOLDFAST_LANES"] == (None, None)
    assert told["only_in_dot_env"] == ["HOLDFAST_LANES"]
    assert told["other_in_dot_env"] == ["HOLDFAST_HOLD_SECONDS"]
    assert told["read_by_none"] == ["HOLDFAST_LANE"]
    assert main(["config"]) == 0
    said = capsys.readouterr().err
    assert "In .env, but not in this environment: HOLDFAST_LANES." in said
    assert "No process reads HOLDFAST_LANE. Are the names right?" in said


def test_it_needs_no_environment_at_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    give(monkeypatch, {})
    assert main(["config"]) == 1
    said = capsys.readouterr()
    assert "DATABASE_URL is not set. Set it in the environment or in .env and start again." in said.out
    assert said.err == "3 cannot be used: a start stops at the first of them.\n"
    assert not any(name in os.environ for name in NAMES)


def test_a_secret_from_a_file_is_said_to_come_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text(f"{SECRET}{'x' * 40}\n")
    (tmp_path / "stripe").write_text("")
    files = {"HOLDFAST_SECRET_KEY_FILE": str(tmp_path / "key"), "STRIPE_SECRET_KEY_FILE": str(tmp_path / "stripe")}
    give(monkeypatch, {**UNSET, "HOLDFAST_SECRET_KEY": "", **files})
    assert main(["config", "--json"]) == 1
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err
    told = json.loads(said.out)
    by_name = {one["name"]: (one["from"], one["problem"]) for one in told["settings"]}
    assert by_name["HOLDFAST_SECRET_KEY"] == ("file", None)
    source, problem = by_name["STRIPE_SECRET_KEY"]
    assert (
        source,
        str(problem).startswith(f"STRIPE_SECRET_KEY_FILE names {tmp_path / 'stripe'}, which is empty."),
    ) == (
        "file",
        True,
    )
    assert by_name["REDIS_URL"] == ("environment", None)
    assert told["read_by_none"] == []


def test_a_process_is_shown_without_the_secrets_that_others_are_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for process in APPLICATION:
        values = {name: "postgresql://host/name" if name == "DATABASE_URL" else "redis://host" for name in STORES}
        give(monkeypatch, {name: values.get(name, "x" * 40) for name in process.secrets - {"HOLDFAST_SMTP_URL"}})
        assert main(["config", "--json", "--process", process.name]) == 0, process.name
        shown = {one["name"] for one in json.loads(capsys.readouterr().out)["settings"]}
        assert shown & EVERY == process.secrets
        code, said = main(["config"]), capsys.readouterr()
        assert (code == 1) == ("a start stops" in said.err), "each would be needed by another process"
        assert not code or process.name in said.err.partition("started without: ")[2], said.err
    assert main(["config", "--process", "nobody"]) == 2
    assert "there is no 'nobody', only api, lanes," in capsys.readouterr().err


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///name?host=/run/postgresql",
        "postgresql://a,b:5433/name?sslmode=verify-full",
        "postgres://a:b#c@[::1]/d",
    ],
)
def test_what_libpq_reads_is_an_address_of_a_database(url: str) -> None:
    found = {one.name: one for one in readings({**UNSET, "DATABASE_URL": url})}
    assert found["DATABASE_URL"].problem is None
