"""`holdfast run` and `reset`: the whole stack on this machine; `start` and `processes`: its processes one by one."""

from __future__ import annotations

import os
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.errors import expected
from ops.cli.help_texts import SETUP, examples
from ops.processes import APPLICATION, Process

commands = typer.Typer()

DIGITS_MAX = 5
"""Of a port."""


def _port(given: str | int) -> int:
    """The default comes as a number, what a person gives as text."""
    raw = str(given)
    number = int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= DIGITS_MAX else 0
    if not 1 <= number <= 65_535:  # noqa: PLR2004 - TCP's range
        raise typer.BadParameter("it is not a whole number from 1 to 65535")
    return number


def _host(raw: str) -> IPv4Address | IPv6Address | None:
    if raw in {"", "localhost"}:
        return None
    try:
        return ip_address(raw)
    except ValueError:
        raise typer.BadParameter("it is not an IP address such as 0.0.0.0") from None


Data = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder for everything that lasts.")]


@commands.command(
    rich_help_panel=SETUP,
    epilog=examples(
        "holdfast run",
        "holdfast run --port 8080 --data /var/lib/holdfast-demo",
        note="It brings its own PostgreSQL, Valkey, Stripe stand-in and front door, and loads the demo; with "
        "HOLDFAST_DEMO=0 nothing but the tables. Ctrl-C stops it.",
    ),
)
def run(
    *,
    port: Annotated[int, typer.Option("--port", parser=_port, metavar="NUMBER", help="Of the front door.")] = 8000,
    host: Annotated[
        IPv4Address | None,
        typer.Option(
            parser=_host,
            metavar="ADDRESS",
            help="An address of this machine to listen on beside its loopback; 0.0.0.0: all.",
        ),
    ] = None,
    data: Data = Path(".data"),
) -> int:
    """Start the whole stack on this machine, as a rule with the demo, and keep it running."""
    # Imported here: the image has none of the embedded servers' packages.
    from core.settings import SettingsError  # noqa: PLC0415
    from ops.embedded.data_folder import DataFolder, DataFolderError  # noqa: PLC0415
    from ops.embedded.postgres import PostgresError  # noqa: PLC0415
    from ops.embedded.stack import EmbeddedStack, StartError  # noqa: PLC0415
    from ops.embedded.system_account import AccountError  # noqa: PLC0415
    from ops.ports import listen_addresses  # noqa: PLC0415

    with expected(AccountError, DataFolderError, PostgresError, SettingsError, StartError):
        return EmbeddedStack(DataFolder(data.resolve()), port, listen_addresses(host)).run()


@commands.command(rich_help_panel=SETUP, epilog=examples("holdfast reset", "holdfast reset --data /tmp/holdfast"))
def reset(*, data: Data = Path(".data")) -> None:
    """Remove the data folder of `holdfast run`."""
    from ops.embedded.data_folder import DataFolder, DataFolderError  # noqa: PLC0415 - as in run

    folder = data.resolve()
    with expected(DataFolderError):
        DataFolder(folder).remove()
    print(f"{folder} is empty: the next make run starts from nothing.")


def _process(raw: str) -> Process:
    found = {process.name: process for process in APPLICATION}
    if raw not in found:
        raise typer.BadParameter(f"there is no {raw!r}, only {', '.join(found)}")
    return found[raw]


def _names(incomplete: str) -> list[str]:
    return [process.name for process in APPLICATION if process.name.startswith(incomplete)]


@commands.command(
    rich_help_panel=SETUP,
    epilog=examples(
        "holdfast start api",
        "holdfast start lanes --number 2",
        note="It reads the settings from the environment, leaves out other processes' secrets, and becomes the process "
        "that holdfast processes names: so a supervisor such as systemd can run it. Run holdfast migrate before.",
    ),
)
def start(
    process: Annotated[
        Process,
        typer.Argument(
            parser=_process,
            autocompletion=_names,
            metavar="PROCESS",
            help=", ".join(process.name for process in APPLICATION),
        ),
    ],
    *,
    number: Annotated[int, typer.Option(min=1, max=1_000, help="Which of several on this machine.")] = 1,
) -> None:
    """Start one process beside a PostgreSQL and a Redis that run already."""
    from core.configuration.secret_settings import with_whole_paths, without_others  # noqa: PLC0415 - a command imports what it needs
    from ops.embedded.environment import ROOT, installed  # noqa: PLC0415 - as above

    environment = with_whole_paths(without_others(os.environ, process.secrets))
    instance = process.name if number == 1 else f"{process.name}-{number}"
    argv = installed(process.command(instance))
    os.chdir(ROOT)  # its configuration files are named from there
    os.execve(argv[0], argv, {**environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"})  # noqa: S606 - the definition's own


@commands.command(rich_help_panel=SETUP, epilog=examples("holdfast processes"))
def processes() -> None:
    """Print the table of processes: how many of each, their port, Celery queues and command line."""
    for process in APPLICATION:
        queues = ",".join(process.queues) or "-"
        print(f"{process.name:<9} x{process.count}  {process.port or '-':<5} {queues:<13} {' '.join(process.argv)}")
