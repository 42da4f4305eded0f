"""The embedded stack takes a person's secrets from files too, and gives each process only its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.configuration.secret_settings import EVERY, OWNER
from core.settings import from_environment
from ops.embedded.data_folder import DataFolder
from ops.embedded.programs import Programs
from ops.processes import API, APPLICATION, LANES, Process, metrics_of

SECRET = "a-secret-of-the-tests-that-guards-nothing"
PARTS = ("postgres", "valkey", "api", "notifier", "flower", "stripe")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    for name in [name for name in os.environ if name.startswith(("HOLDFAST_", "STRIPE_"))]:
        monkeypatch.delenv(name)
    folder = DataFolder(tmp_path / "data")
    folder.prepare()
    instances = [metrics_of(one) for process in APPLICATION for one in process.instances()]
    return Programs(folder, 8000, {name: 5000 + number for number, name in enumerate((*PARTS, *instances))})


def _file(folder: Path, content: str) -> str:
    file = folder / "secret"
    file.write_text(f"{content}\n")
    return str(file)


def test_a_file_takes_the_place_of_what_the_stack_makes(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_SECRET_KEY_FILE", _file(tmp_path, SECRET))
    assert from_environment(programs.environment()).secret_key == SECRET
    api = programs.application(API, "api").environment
    assert "HOLDFAST_SECRET_KEY" not in api
    assert from_environment(api, API.secrets).secret_key == SECRET


def test_a_file_with_an_account_at_stripe_takes_localstripes_place(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET_FILE", _file(tmp_path, SECRET))
    assert programs.has_own_stripe
    assert from_environment(programs.environment()).stripe is not None, "localstripe's own secret goes with its key"
    monkeypatch.setenv("STRIPE_SECRET_KEY_FILE", _file(tmp_path, SECRET))
    assert not programs.has_own_stripe
    stripe = from_environment(programs.environment()).stripe
    assert stripe is not None
    assert stripe.secret_key == stripe.webhook_secret == SECRET


def test_a_path_means_the_same_file_in_every_process(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _file(tmp_path, SECRET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOLDFAST_SECRET_KEY_FILE", "secret")
    assert programs.application(API, "api").environment["HOLDFAST_SECRET_KEY_FILE"] == str(tmp_path / "secret")


@pytest.mark.parametrize("process", APPLICATION, ids=lambda process: process.name)
def test_each_process_is_given_its_own_secrets_alone(
    programs: Programs, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in EVERY:
        monkeypatch.setenv(name, SECRET)
    given = programs.application(process, process.instances()[0]).environment
    assert {name for name in EVERY if name in given} <= process.secrets
    assert "STRIPE_SECRET_KEY" in given or "STRIPE_SECRET_KEY" not in process.secrets


def test_only_the_migration_is_given_the_superuser(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OWNER}_FILE", "/nowhere")
    assert programs.migrate().environment[OWNER] == programs.postgres.url()
    assert f"{OWNER}_FILE" not in programs.migrate().environment
    assert not [one for one in programs.application(LANES, "lanes-1").environment if one.startswith(OWNER)]
