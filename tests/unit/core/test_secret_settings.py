"""Secrets by files: what `NAME_FILE` names is read, or refused in one sentence that never shows a secret."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from core.configuration.secret_settings import EVERY, OWNER, SECRET_FILE_MAX_BYTES, without_others
from core.settings import Settings, SettingsError, from_environment, owner_database_url
from ops.processes import APPLICATION, MIGRATE_SECRETS, Process
from tests.support.pages import ROOT

VALUES = {
    "DATABASE_URL": "postgresql://somebody:hidden-word@localhost/none",
    OWNER: "postgresql://owner:hidden-word@localhost/none",
    "REDIS_URL": "redis://:hidden-word@localhost/0",
    "HOLDFAST_SECRET_KEY": "hidden-word-of-the-tests-that-guards-nothing",
    "HOLDFAST_SECRET_KEY_PREVIOUS": "hidden-word-of-the-tests-that-guarded-nothing",
    "HOLDFAST_AGENT_INITIAL_PASSWORD": "hidden-word-of-agents",
    "HOLDFAST_FLOWER_PASSWORD": "hidden-word-of-flower",
    "HOLDFAST_SMTP_URL": "smtp://me:hidden-word@localhost:587",
    "HOLDFAST_GOOGLE_CLIENT_SECRET": "hidden-word-of-google",
    "HOLDFAST_GITHUB_CLIENT_SECRET": "hidden-word-of-github",
    "STRIPE_SECRET_KEY": "sk_test_hidden-word",
    "STRIPE_WEBHOOK_SECRET": "whsec_hidden-word",
    "OTEL_EXPORTER_OTLP_HEADERS": "api-key=hidden-word",
}
NO_SECRETS = {
    "HOLDFAST_FLOWER": "1",
    "HOLDFAST_GOOGLE_CLIENT_ID": "google",
    "HOLDFAST_GITHUB_CLIENT_ID": "github",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
}
EACH = pytest.mark.parametrize("name", sorted(EVERY))


def read(environment: Mapping[str, str]) -> tuple[Settings, str | None]:
    return from_environment(environment), owner_database_url(environment)


def file_of(folder: Path, name: str, content: str | bytes) -> dict[str, str]:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {f"{name}_FILE": str(file)}


def refusal(environment: Mapping[str, str]) -> str:
    with pytest.raises(SettingsError) as refused:
        read(environment)
    said = str(refused.value)
    assert "hidden-word" not in said
    assert "\n" not in said
    return said


def others(name: str) -> dict[str, str]:
    return {**NO_SECRETS, **{one: value for one, value in VALUES.items() if one != name}}


def test_the_secrets_are_those_that_the_security_page_tells_how_to_change() -> None:
    table = (ROOT / "SECURITY.md").read_text().partition("## Change a secret")[2]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)} == set(VALUES) == EVERY


@EACH
@pytest.mark.parametrize("ending", ["", "\n", "\r\n"], ids=["no newline", "newline", "windows"])
def test_a_file_says_the_same_as_the_value_itself(name: str, ending: str, tmp_path: Path) -> None:
    plain = read({**others(name), name: VALUES[name]})
    assert read({**others(name), **file_of(tmp_path, name, VALUES[name] + ending)}) == plain
    assert read({**others(name), **file_of(tmp_path, name, f"\ufeff{VALUES[name]}")}) == plain, "a byte order mark"
    assert read({**others(name), name: "", **file_of(tmp_path, name, VALUES[name])}) == plain, "compose sets empty ones"


def test_all_of_them_can_come_by_files(tmp_path: Path) -> None:
    files: dict[str, str] = {}
    for name, value in VALUES.items():
        files |= file_of(tmp_path, name, f"{value}\n")
    assert read({**NO_SECRETS, **files}) == read({**NO_SECRETS, **VALUES})


@EACH
def test_a_value_and_a_file_are_one_too_many(name: str, tmp_path: Path) -> None:
    said = refusal({**others(name), name: VALUES[name], **file_of(tmp_path, name, VALUES[name])})
    assert said == f"{name} and {name}_FILE are both set. Set one of them and start again."


@EACH
def test_a_file_that_cannot_be_used_is_one_sentence(name: str, tmp_path: Path) -> None:
    for content, problem in {
        b"": "which is empty",
        b"\n \n": "which is not one line of text",
        b"  \r\n": "which is empty",
        b"hidden-word\nhidden-word": "which is not one line of text",
        b"\xffhidden-word": "which is not one line of text",
        b"hidden-word\0": "which is not one line of text",
        b"x" * (SECRET_FILE_MAX_BYTES + 1): "which is larger than 65,536 bytes",
    }.items():
        said = refusal({**others(name), **file_of(tmp_path, name, content)})
        assert said.startswith(f"{name}_FILE names {tmp_path / name}, {problem}. "), said


@EACH
def test_a_file_that_is_not_there_or_is_none_is_one_sentence(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, problem in {
        tmp_path / "missing": "No such file or directory",
        tmp_path: "it is no file",
        tmp_path / "pipe": "it is no file",
    }.items():
        said = refusal({**others(name), f"{name}_FILE": str(path)})
        begins = f"{name}_FILE names {path}, which cannot be read: {problem}. Let user id {os.geteuid()} read it"
        assert said.startswith(begins), said


@EACH
def test_a_secret_that_stands_where_its_file_belongs_is_not_shown(name: str) -> None:
    said = refusal({**others(name), f"{name}_FILE": VALUES[name]})
    assert said.startswith(f"{name}_FILE names a file, which cannot be read"), said


@pytest.mark.parametrize("process", APPLICATION, ids=lambda process: process.name)
def test_each_process_reads_its_own_secrets_and_no_others(process: Process, tmp_path: Path) -> None:
    """What it is not given may be missing, or a file that it could not read."""
    own = {name: VALUES[name] for name in process.secrets}
    away = {f"{name}_FILE": "/nowhere" for name in EVERY - process.secrets}
    settings = from_environment({**NO_SECRETS, **own, **away}, asks=process.secrets)
    assert settings == from_environment({**NO_SECRETS, **own}, asks=process.secrets)
    shown = repr(settings)
    for name, value in VALUES.items():
        if name not in process.secrets:
            assert value not in shown, name


def test_somebody_elses_secrets_are_not_handed_on() -> None:
    files = {f"{name}_FILE": "/nowhere" for name in EVERY}
    assert without_others({**NO_SECRETS, **VALUES, **files}, {"REDIS_URL"}) == {
        **NO_SECRETS,
        "REDIS_URL": VALUES["REDIS_URL"],
        "REDIS_URL_FILE": "/nowhere",
    }


def test_only_the_migration_is_given_the_superuser() -> None:
    assert OWNER in MIGRATE_SECRETS
    assert not [process.name for process in APPLICATION if OWNER in process.secrets]
