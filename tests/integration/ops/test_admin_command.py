"""`holdfast admin`, from an installation that nobody can sign in to on."""

from __future__ import annotations

import io
import json
import secrets
from pathlib import Path

import pytest

from ops.cli import main
from tests.support.clients.callers import bearer, browser
from tests.support.processes.servers import stack_environment
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


def use(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def give(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    """As standard input, which is no terminal."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed.encode())))


@pytest.fixture
def empty(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without any account."""
    use(monkeypatch, stack_environment(database_url, redis_url))


@pytest.fixture
def running(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    use(monkeypatch, stack.full_environment())
    return stack


@pytest.mark.usefixtures("empty")
def test_the_first_superuser_is_made_and_the_second_only_if_meant(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["admin", "list"]) == 0
    assert "holdfast admin create makes the first" in capsys.readouterr().err

    kept = tmp_path / "password"
    kept.write_text("a long password\n")
    kept.chmod(0o644)
    assert main(["admin", "create", "ada@example.com", "--password-file", str(kept)]) == 1
    assert capsys.readouterr().err == f"holdfast: Others can read {kept}: chmod 600 it first.\n"
    kept.chmod(0o600)
    assert main(["admin", "create", "ada@example.com", "--password-file", str(kept)]) == 0
    assert capsys.readouterr().out.startswith("ada@example.com (user 1) is a superuser.\n")

    assert main(["admin", "create", "bob"]) == 1, "before it asks for anything"
    assert "There is already a superuser: ada@example.com. Use --another" in capsys.readouterr().err
    give(monkeypatch, "another long one")
    assert main(["admin", "create", "bob", "--another", "--password-stdin"]) == 0
    capsys.readouterr()
    assert main(["admin", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(one["username"], one["email"], one["is_active"]) for one in listed] == [
        ("ada@example.com", "ada@example.com", True),
        ("bob", "", True),
    ]


@pytest.mark.usefixtures("empty")
def test_the_audit_log_tells_of_it_without_the_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, "the first password")
    assert main(["admin", "create", "ada", "--password-stdin"]) == 0
    give(monkeypatch, "the second password")
    assert main(["admin", "reset-password", "ada", "--password-stdin"]) == 0
    capsys.readouterr()
    assert main(["audit", "--json"]) == 0
    told = capsys.readouterr().out
    assert '"user.created"' in told
    assert '"user.password_reset"' in told
    assert "command_line:" in told
    assert "the first" not in told
    assert "the second" not in told


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("words", "password", "sentence"),
    [
        (["ada"], "short", "A password needs at least 8 characters."),
        (["ada lovelace"], "Ada Lovelace", "A password cannot be the account's own name."),
        (["a<b"], "a long password", "username must not contain < or >."),
        (["ada", "--email", "ada"], "a long password", "Enter a valid email address, such as name@example.com."),
        (["ada"], "", "Standard input holds no password."),
    ],
)
def test_the_rules_are_those_of_every_account(
    words: list[str], password: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, password)
    assert main(["admin", "create", *words, "--password-stdin"]) == 1
    assert capsys.readouterr() == ("", f"holdfast: {sentence}\n")


@pytest.mark.usefixtures("empty")
def test_nobody_waits_for_an_answer_where_nobody_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    give(monkeypatch, "")
    assert main(["admin", "create"]) == 1
    assert "There is no terminal to ask for the username" in capsys.readouterr().err
    assert main(["admin", "create", "ada"]) == 1
    assert "There is no terminal to ask for the password" in capsys.readouterr().err
    assert main(["admin", "create", "ada", "--password-stdin", "--password-file", "x"]) == 2


def test_a_new_superuser_signs_in_as_was_said_and_a_new_password_ends_it(
    running: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"root {secrets.token_hex(4)}"
    give(monkeypatch, "the first password")
    assert main(["admin", "create", name, "--another", "--password-stdin"]) == 0
    assert f'{running.api_url}/api/login/ -H \'Content-Type: application/json\' -d \'{{"username": "{name}"' in (
        capsys.readouterr().out
    )
    with browser(running) as client:

        def log_in(password: str) -> int:
            client.cookies.clear()
            answer = client.post("/api/login/", json={"username": name, "password": password})
            if answer.status_code == 200:
                client.headers.update(bearer(answer.json()["access"]))
                client.cookies.clear()
            return answer.status_code

        assert log_in("the first password") == 200
        assert client.get("/api/admin/users/").status_code == 200

        give(monkeypatch, name.upper())
        assert main(["admin", "reset-password", name, "--password-stdin"]) == 1
        assert "cannot be the account's own name" in capsys.readouterr().err
        give(monkeypatch, "the second password")
        assert main(["admin", "reset-password", name.upper(), "--password-stdin"]) == 0
        wait_until(lambda: client.get("/api/admin/users/").status_code == 401, "the old login is ended")
        client.headers.pop("Authorization")
        assert log_in("the first password") == 401
        assert log_in("the second password") == 200


@pytest.mark.usefixtures("running")
def test_an_account_that_does_not_exist_has_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["admin", "reset-password", "nobody-has-this-name", "--password-stdin"]) == 1
    assert "There is no account named nobody-has-this-name" in capsys.readouterr().err


def test_a_database_that_does_not_answer_is_said_in_a_sentence(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, stack_environment("postgresql://holdfast:secret@127.0.0.1:9/holdfast", redis_url))
    assert main(["admin", "list"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("holdfast: PostgreSQL does not answer as it should: ")
    assert "secret" not in said
    assert len(said.splitlines()) == 1
