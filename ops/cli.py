"""Holdfast's command line: `python -m ops.cli run | migrate | check PART | processes | import FILE | reset`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import psycopg
from sqlalchemy.exc import DBAPIError

from core.logs import configure
from core.settings import SettingsError, from_environment, owner_database_url
from core.startup import UnusableStoreError, check_database, check_demo
from core.store.migrate import upgrade
from ops.checks import PARTS, CheckError, check
from ops.database_roles import create_application_role
from ops.importing import command as importing
from ops.importing.api_client import ImportProblem
from ops.ports import listen_addresses
from ops.processes import APPLICATION

EXPECTED = (SettingsError, CheckError, ImportProblem, UnusableStoreError)


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 1 with one sentence on standard error; argparse's own is 2."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except EXPECTED as problem:
        print(f"holdfast: {problem}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="holdfast", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="start the whole stack on this machine and keep it running")
    run.add_argument("--port", type=_port, default=8000, help="of the front door (8000)")
    run.add_argument(
        "--host", type=_host, help="an address of this machine to listen on beside its loopback; 0.0.0.0: all"
    )
    run.add_argument("--data", type=Path, default=Path(".data"), help="folder for everything that lasts (./.data)")
    run.set_defaults(command=_run)
    migrate = commands.add_parser("migrate", help="bring the database to this release, set its lanes, load the demo")
    migrate.set_defaults(command=_migrate)
    checking = commands.add_parser("check", help="is this part healthy, end to end?")
    checking.add_argument("part", choices=PARTS)
    checking.add_argument("--node", help="Celery's name of the worker, if it is not PART@HOST")
    checking.set_defaults(command=_check)
    commands.add_parser("processes", help="print the table of processes").set_defaults(command=_processes)
    importing.add_parser(commands)
    reset = commands.add_parser("reset", help="remove the data folder")
    reset.add_argument("--data", type=Path, default=Path(".data"))
    reset.set_defaults(command=_reset)
    return parser


DIGITS_MAX = 5
"""Of a port."""


def _port(raw: str) -> int:
    number = int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= DIGITS_MAX else 0
    if not 1 <= number <= 65_535:  # noqa: PLR2004 - TCP's range
        raise argparse.ArgumentTypeError("it is not a whole number from 1 to 65535")
    return number


def _host(raw: str) -> IPv4Address | IPv6Address | None:
    if raw in {"", "localhost"}:
        return None
    try:
        return ip_address(raw)
    except ValueError:
        raise argparse.ArgumentTypeError("it is not an IP address such as 0.0.0.0") from None


def _run(arguments: argparse.Namespace) -> int:
    # Imported here: the image has none of the embedded servers' packages.
    from ops.embedded.data_folder import DataFolder, DataFolderError  # noqa: PLC0415
    from ops.embedded.postgres import PostgresError  # noqa: PLC0415
    from ops.embedded.stack import EmbeddedStack, StartError  # noqa: PLC0415
    from ops.embedded.system_account import AccountError  # noqa: PLC0415

    try:
        return EmbeddedStack(
            DataFolder(arguments.data.resolve()), arguments.port, listen_addresses(arguments.host)
        ).run()
    except (AccountError, DataFolderError, PostgresError, StartError) as problem:
        print(f"holdfast: {problem}", file=sys.stderr)
        return 1


def _migrate(_arguments: argparse.Namespace) -> int:
    settings = from_environment()
    configure(settings.log_level, "migrate")
    owner_url = owner_database_url()
    try:
        if owner_url is not None:
            create_application_role(owner_url, settings.database_url)
        check_database(settings.database_url)
        check_demo(settings)
        upgrade(settings)
        if settings.demo:
            from ops import demo  # noqa: PLC0415 - loaded only where it may be used

            demo.load(settings)
    except (DBAPIError, psycopg.Error) as problem:
        reason = str(problem.orig if isinstance(problem, DBAPIError) else problem).strip()
        print(f"holdfast: the database cannot be migrated: {reason}", file=sys.stderr)
        return 1
    return 0


def _check(arguments: argparse.Namespace) -> int:
    check(arguments.part, from_environment(), arguments.node)
    return 0


def _processes(_arguments: argparse.Namespace) -> int:
    for process in APPLICATION:
        queues = ",".join(process.queues) or "-"
        print(f"{process.name:<9} x{process.count}  {process.port or '-':<5} {queues:<13} {' '.join(process.argv)}")
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    from ops.embedded.data_folder import DataFolder, DataFolderError  # noqa: PLC0415 - as in _run

    folder = arguments.data.resolve()
    try:
        DataFolder(folder).remove()
    except DataFolderError as problem:
        print(f"holdfast: {problem}", file=sys.stderr)
        return 1
    print(f"{folder} is empty: the next make run starts from nothing.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
