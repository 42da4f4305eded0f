"""Who works at the command line, as the audit log names them."""

from __future__ import annotations

import getpass
import os
import socket

from core.store.audit import Author, AuthorKind


def operator() -> Author:
    """The account of the operating system, and the host. Whoever became root by `sudo` is named as who they were."""
    try:
        account = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # in a container, a number without a name
        account = str(os.getuid())
    return Author(AuthorKind.COMMAND_LINE, f"command_line:{account}", address=socket.gethostname())
