"""The command line as a whole: its exit codes and its helps."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from ops import checks
from ops.cli import application, console, errors, health, main, store_access
from tests.support.pages import ROOT


def commands(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for command in group.registered_commands:
        callback = command.callback
        assert callback is not None
        yield (*path, command.name or callback.__name__.replace("_", "-"))
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        name = inner.name or inner.typer_instance.info.name
        yield from commands(inner.typer_instance, (*path, name) if isinstance(name, str) else path)


COMMANDS = sorted(commands(application.application))
INTERRUPTED = """
import sys
class Interrupts:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt
from ops.cli import main
sys.meta_path.insert(0, Interrupts())
sys.exit(main(["status"]))
"""


def test_ctrl_c_while_it_is_still_importing_is_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "holdfast: stopped.\n")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_help_of_each_command_shows_examples_of_it(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path, "--help"]) == 0
    said = capsys.readouterr()
    shown = said.out.partition("Examples")[2]
    assert f"holdfast {' '.join(path)}" in shown
    assert "\x1b" not in said.out, "colours are for terminals"
    assert said.err == ""


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    shown = capsys.readouterr().out
    assert [path for path in COMMANDS if path[0] not in shown] == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    {
        "nonsense": "holdfast: No such command 'nonsense'. Try 'holdfast --help'.",
        "check": "holdfast check: Missing argument 'PART'. Try 'holdfast check --help'.",
        "check api more": "holdfast check: Got unexpected extra argument(s) (more). Try 'holdfast check --help'.",
        "check all": f"holdfast check: Invalid value for 'PART': there is no 'all', only {', '.join(health.PARTS)}. "
        "Try 'holdfast check --help'.",
        "run --port 65536": "holdfast run: Invalid value for '--port': it is not a whole number from 1 to 65535. "
        "Try 'holdfast run --help'.",
        "run --host all": "holdfast run: Invalid value for '--host': it is not an IP address such as 0.0.0.0. "
        "Try 'holdfast run --help'.",
    }.items(),
)
def test_wrong_usage_is_one_sentence_and_exit_code_two(
    words: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"{sentence}\n")


IN_ENV = "Set it in the environment or in .env and start again."
OR_DATA = "Set it in the environment, or name the data folder of holdfast run with --data."


@pytest.mark.parametrize(
    ("words", "remedy"),
    {
        "check api": IN_ENV,
        "check lanes --node lanes-1@host": IN_ENV,
        "migrate": OR_DATA,
        "doctor": OR_DATA,
        "admin list": OR_DATA,
    }.items(),
)
def test_a_setting_that_is_missing_is_one_sentence_and_exit_code_one(
    words: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # a checkout may have a data folder
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(words.split()) == 1
    assert capsys.readouterr().err == f"holdfast: DATABASE_URL is not set. {remedy}\n"


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_with_a_database_takes_the_embedded_stacks(
    path: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By `--data FOLDER`; the others do not understand it."""
    (tmp_path / "thesis.txt").touch()
    code = main([*path, *DATABASE_DOWN.get(path, ()), "--data", str(tmp_path)])
    said = capsys.readouterr().err
    if path in NEVER_DATA:
        assert (code, "No such option: --data" in said) == (2, True)
    else:
        assert (code, f"{tmp_path} " in said, said.count("\n")) == (1, True, 1)
    assert [one.name for one in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_parts_that_can_be_checked_are_those_that_checks_know() -> None:
    assert health.PARTS == checks.PARTS


def test_the_shell_learns_to_complete_parts_and_commands() -> None:
    def completed(typed: str) -> list[str]:
        words = typed.split(" ")
        env = {
            "_HOLDFAST_COMPLETE": "complete_bash",
            "COMP_WORDS": f"holdfast {typed}",
            "COMP_CWORD": str(len(words)),
        }
        done = subprocess.run(
            [sys.executable, "-m", "ops.cli"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    assert completed("migr") == ["migrate"]
    assert completed("check n") == ["notifier"]


def test_what_users_wrote_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(["name", "note"], [["[bold]Ada[/bold]", ":smile: \x1b[31mred"], ["[/nothing]", None]])
    header, _rule, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "note"]
    assert [row.split() for row in rows if row.strip()] == [
        ["[bold]Ada[/bold]", ":smile:", "[31mred"],
        ["[/nothing]", "-"],
    ]


def test_a_pipe_gets_each_row_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(["text"], [["word " * 100]])
    assert "word " * 100 in capsys.readouterr().out


def test_expected_errors_become_one_sentence() -> None:
    with pytest.raises(errors.CommandError, match=r"^It is so\.$"), errors.expected(KeyError, LookupError):
        raise LookupError("It is so.")
    assert errors.one_line(OSError("one\n  two")) == "one two"


ID = "2f0c7a52-9d0c-4a51-8b3e-0a8f5a1f9f3e"
DATABASE_DOWN: dict[tuple[str, ...], tuple[str, ...]] = {
    ("admin", "create"): ("root@example.org", "--password-stdin"),
    ("admin", "list"): (),
    ("admin", "reset-password"): ("root@example.org", "--password-stdin"),
    ("audit",): (),
    ("backup",): ("new.backup",),
    ("commands", "list"): (),
    ("commands", "replay"): (ID, "--yes"),
    ("commands", "show"): (ID,),
    ("commands", "withdraw"): (ID, "--yes"),
    ("maintenance", "off"): (),
    ("maintenance", "on"): (),
    ("events", "tail"): (),
    ("migrate",): (),
    ("parked", "drop"): ("payments", ID, "--yes"),
    ("parked", "list"): ("payments",),
    ("parked", "replay"): ("commands", ID, "--yes"),
    ("parked", "show"): ("commands", ID),
    ("export", "bookings"): ("--output", "new.csv"),
    ("people", "erase"): ("user:17", "--yes"),
    ("people", "export"): ("user:17", "--output", "new.json"),
    ("restore",): ("--findings",),
    ("time-zone", "set"): ("Europe/Berlin", "--yes"),
    ("time-zone", "show"): (),
}
WITHOUT_DATABASE = {
    ("check",): "asks the process",
    ("config",): "reads the environment",
    ("doctor",): "says it in its table",
    ("import",): "asks the API",
    ("keep-backups",): "tries again until it is there",
    ("processes",): "needs nothing",
    ("reset",): "removes a folder",
    ("run",): "brings its own",
    ("status",): "shows it as down",
    ("start",): "becomes a process that waits for it",
}
AUDITED: dict[tuple[str, ...], tuple[str, ...]] = {
    ("admin", "create"): ("user.created",),
    ("admin", "reset-password"): ("user.password_reset",),
    ("backup",): ("database.backed_up",),
    ("keep-backups",): ("database.backed_up",),
    ("commands", "replay"): ("command.replayed",),
    ("commands", "withdraw"): ("command.withdrawn",),
    ("maintenance", "off"): ("installation.maintenance_ended",),
    ("maintenance", "on"): ("installation.maintenance_began",),
    ("migrate",): ("installation.migrated",),
    ("parked", "drop"): ("command.dropped", "payment.dropped", "delivery.dropped"),
    ("parked", "replay"): ("command.replayed", "payment.replayed", "delivery.replayed"),
    ("export", "bookings"): ("booking.exported",),
    ("people", "erase"): ("user.deleted",),
    ("people", "export"): ("user.exported",),
    ("restore",): ("database.restored",),
    ("time-zone", "set"): ("installation.time_zone_changed",),
}
"""What commands that change something leave in the audit log: a command stands here or in `CHANGES_NOTHING`."""
CHANGES_NOTHING = {
    ("import",): "the API does, with the entry of the account that sends",
    ("reset",): "removes the database with its audit log",
    ("run",): "migrates as migrate does",
    ("start",): "becomes a process, whose entries are those of its callers",
} | dict.fromkeys(
    (
        ("admin", "list"),
        ("audit",),
        ("check",),
        ("commands", "list"),
        ("commands", "show"),
        ("config",),
        ("doctor",),
        ("events", "tail"),
        ("parked", "list"),
        ("parked", "show"),
        ("processes",),
        ("status",),
        ("time-zone", "show"),
    ),
    "looks",
)
NEVER_DATA = {(name,) for name in store_access.WITHOUT_STORES}


def test_every_command_is_tried_without_its_database_or_needs_none() -> None:
    assert sorted(DATABASE_DOWN.keys() | WITHOUT_DATABASE.keys()) == COMMANDS


def test_every_command_that_changes_something_is_in_the_audit_log() -> None:
    """Each entry is tested where its command is."""
    assert sorted(AUDITED.keys() | CHANGES_NOTHING.keys()) == COMMANDS
    assert AUDITED.keys() & CHANGES_NOTHING.keys() == set()
    sources = [path.read_text() for room in ("core", "ops") for path in (ROOT / room).rglob("*.py")]
    told = {action for actions in AUDITED.values() for action in actions}
    assert {action for action in told if not any(f'"{action}"' in text for text in sources)} == set()


@pytest.mark.parametrize(("path", "words"), DATABASE_DOWN.items(), ids=[" ".join(path) for path in DATABASE_DOWN])
def test_a_database_that_is_down_is_one_sentence_and_exit_code_one(
    path: tuple[str, ...],
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("a long enough password 1\n"))
    monkeypatch.setenv("DATABASE_URL", "postgresql://holdfast:s3cr3t@127.0.0.1:1/holdfast")
    monkeypatch.setenv("REDIS_URL", "redis://:s3cr3t@127.0.0.1:1/0")
    monkeypatch.setenv("HOLDFAST_SECRET_KEY", "s3cr3t" * 8)
    assert main([*path, *words]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("holdfast: ")
    assert "Connection refused" in said.err
    assert "s3cr3t" not in said.out + said.err
    assert list(tmp_path.iterdir()) == []
