"""PostgreSQL goes on under the account that its data belongs to."""

from __future__ import annotations

import os
import pwd
import signal
from pathlib import Path

import pytest

from ops.embedded import system_account

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(
        system_account, "ACCOUNTS", (pwd.getpwuid(os.getuid()).pw_name,)
    )  # as a package brings one later


@pytest.mark.usefixtures("as_root")
def test_data_that_is_there_keeps_its_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "stat", lambda _, **__: os.stat_result((0, 0, 0, 0, NOBODY.pw_uid, 0, 0, 0, 0, 0)))
    words = system_account.command(("postgres",), death_signal=signal.SIGINT, data=tmp_path)
    assert words[words.index("--reuid") + 1] == str(NOBODY.pw_uid)


@pytest.mark.usefixtures("as_root")
def test_new_data_gets_the_first_account_that_there_is(tmp_path: Path) -> None:
    words = system_account.command(("postgres",), death_signal=signal.SIGINT, data=tmp_path / "none yet")
    assert words[words.index("--reuid") + 1] == str(os.getuid())
