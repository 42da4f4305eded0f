"""Which account runs PostgreSQL: it refuses to run as root.

As root, `setpriv` changes to an account without rights but keeps one capability: to pass
through folders it does not own. So a checkout and a data folder below a closed home still work.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

ACCOUNTS = ("postgres", "nobody")
CAPABILITY = "+dac_override"


class AccountError(Exception):
    """PostgreSQL cannot be run from this account; the message is for the person at the terminal."""


def command(argv: Sequence[str], *, death_signal: signal.Signals, data: Path | None = None) -> tuple[str, ...]:
    """`argv` as the account that may run PostgreSQL: the owner of `data`, if that exists. A package that was installed
    since may have added an account that would now come first. Raises `AccountError`.

    A change of account forgets the parent-death signal, so `setpriv` sets it again.
    """
    if os.geteuid() != 0:
        return tuple(argv)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise AccountError(
            "PostgreSQL does not run as root, and setpriv is missing to change to another account. "
            "Install it (apt-get install util-linux) or start as an ordinary user."
        )
    account = _owner(data) or _account()
    change = ("--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups")
    # Without no_setuid_fixup, access(2) would forget the capability, and initdb asks by it.
    keep = ("--inh-caps", CAPABILITY, "--ambient-caps", CAPABILITY, "--securebits", "+no_setuid_fixup")
    death = ("--pdeathsig", death_signal.name.removeprefix("SIG"))
    return (setpriv, *change, *keep, *death, "--", *argv)


def own(folder: Path) -> None:
    """Create a folder that belongs to the account that runs PostgreSQL."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if os.geteuid() == 0:
        account = _account()
        os.chown(folder, account.pw_uid, account.pw_gid)


def _owner(data: Path | None) -> pwd.struct_passwd | None:
    if data is None or not data.exists() or data.stat().st_uid == 0:
        return None
    try:
        return pwd.getpwuid(data.stat().st_uid)
    except KeyError:
        return None


def _account() -> pwd.struct_passwd:
    for name in ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AccountError(f"PostgreSQL does not run as root, and none of the accounts {', '.join(ACCOUNTS)} exists.")
