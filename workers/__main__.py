"""`python -m workers worker|beat OPTIONS`: Celery's own commands, without the `celery` program around them.

That one imports every command there is, Flower's and a shell's with them: 0.4 s of processor time and 26 MB of each
process. It works as well: `celery -A workers.app worker`.
"""

from __future__ import annotations

import sys
from importlib import import_module

from workers.app import app  # before Celery's commands, so that `core` comes before what it patches

COMMANDS = ("worker", "beat")
"""Each is the name of its module and of the function in it."""


def main() -> None:
    from celery.bin.base import CLIContext  # noqa: PLC0415 - as above

    name = next(iter(sys.argv[1:]), "")
    if name not in COMMANDS:
        sys.exit("holdfast: say what to start: python -m workers worker|beat OPTIONS")
    command = getattr(import_module(f"celery.bin.{name}"), name)
    context = CLIContext(app=app, no_color=False, workdir=None, quiet=True)
    command.main(sys.argv[2:], prog_name=f"workers {name}", obj=context)


if __name__ == "__main__":
    main()
