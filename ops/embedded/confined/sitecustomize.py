"""Confines a program to loopback and to one folder; it has no options for where to listen and write.

Python runs a module of this name by itself before the program (documentation of `site`). Only
`ops.embedded.localstripe` puts this folder on a process's PYTHONPATH: localstripe 1.15 listens on
all addresses of the machine, and keeps what it knows in /tmp/localstripe.pickle, for everybody to
read, to replace, and to share with the next one. Nothing of it is imported or changed here.
"""

from __future__ import annotations

import builtins
import os
import socket
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["HOLDFAST_CONFINED_TO"])
EVERYWHERE, LOOPBACK = "::", "::ffff:127.0.0.1"
"""The second is 127.0.0.1 to a socket that speaks both IPv6 and IPv4."""
SHARED = "/tmp/"  # noqa: S108 - what is kept out of it

_open, _bind = builtins.open, socket.socket.bind


def _open_here(file: Any, *args: Any, **kwargs: Any) -> Any:
    here = FOLDER / file.removeprefix(SHARED) if isinstance(file, str) and file.startswith(SHARED) else file
    return _open(here, *args, **kwargs)


def _bind_here(one: socket.socket, address: Any) -> None:
    host, *rest = address
    _bind(one, (LOOPBACK if host == EVERYWHERE else host, *rest))


setattr(builtins, "open", _open_here)  # noqa: B010 - names that type checkers hold to be fixed
setattr(socket.socket, "bind", _bind_here)  # noqa: B010 - as above
