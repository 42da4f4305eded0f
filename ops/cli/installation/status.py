"""`holdfast status`."""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.console import console, print_json
from ops.cli.errors import expected
from ops.cli.help_texts import LOOK, examples
from ops.cli.store_access import folder_of, read_settings

if TYPE_CHECKING:
    from core.settings import Settings
    from ops.status.overview import Overview

commands = typer.Typer()

EVERY_S = 2
EVERY_MAX_S = 60
_TARGET = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})\Z")
_URL = re.compile(r"https?://[^\s/?#@]+\Z")
PORT_MAX = 65_535


def _target(raw: str) -> str:
    found = _TARGET.match(raw)
    if found is None or not 1 <= int(found[2]) <= PORT_MAX:
        raise typer.BadParameter("it is not HOST:PORT such as notifier:9464")
    return raw


def _url(raw: str) -> str:
    trimmed = raw.rstrip("/")
    if _URL.match(trimmed) is None:
        raise typer.BadParameter("it is not the beginning of a URL such as http://api:8001")
    return trimmed


@commands.command(
    rich_help_panel=LOOK,
    epilog=examples(
        "holdfast status",
        "holdfast status --once",
        "holdfast status --json",
        "holdfast status --api http://api:8001 --metrics notifier:9464",
        note="A part that did not answer within two seconds is unknown. Exit code 1: the API does not say that bookings "
        "get through. Ctrl-C ends the picture, with exit code 0.",
    ),
)
def status(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="One picture, as always where the output is no terminal.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Once, as one JSON object, for programs.")] = False,
    every: Annotated[
        int, typer.Option(min=1, max=EVERY_MAX_S, metavar="SECONDS", help="How often the picture is redrawn.")
    ] = EVERY_S,
    api: Annotated[
        str | None,
        typer.Option(parser=_url, metavar="URL", help="The API, if it is not where HOLDFAST_API_BIND says."),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            parser=_target, metavar="HOST:PORT", help="Where notifiers serve their metrics. Several times for several."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            show_default=False,
            help="The data folder of the holdfast run that is meant. Without it the parts are those that the settings "
            "name, or those of ./.data where DATABASE_URL is not set.",
        ),
    ] = None,
) -> int:
    """Show how Holdfast runs: its parts and processes, decisions, lanes, inbox, feed, deliveries, holds, payments and sockets.

    Each part is asked itself, and nothing is changed.
    """
    from ops.status.reader import StatusReader  # noqa: PLC0415 - the help needs none of it
    from ops.status.sources import own_api  # noqa: PLC0415 - as above

    settings, notifiers = _installation(data)
    reader = StatusReader(settings, api or own_api(settings), metrics or notifiers)
    if as_json or once or not sys.stdout.isatty():
        return _show_once(reader.read(), as_json=as_json)
    return _show_live(reader.read, every)


def _installation(data: Path | None) -> tuple[Settings, tuple[str, ...]]:
    """The settings, and where the notifiers' metrics are if the embedded stack knows."""
    from core.settings import SettingsError  # noqa: PLC0415 - as above
    from ops.status.embedded_stack import NotRunningError, running_stack  # noqa: PLC0415 - as above

    folder = folder_of(data)
    if folder is None:
        return read_settings(), ()
    with expected(NotRunningError, SettingsError):
        stack = running_stack(folder)
    return stack.settings, stack.notifiers


def _show_once(overview: Overview, *, as_json: bool) -> int:
    from ops.status.picture import picture  # noqa: PLC0415 - as above

    if as_json:
        print_json(overview)
    else:
        console().print(picture(overview))
    return 0 if overview.is_ready else 1


def _show_live(read: Callable[[], Overview], every_s: int) -> int:
    """Until Ctrl-C. The last picture stays on the terminal."""
    from rich.live import Live  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    from ops.status.picture import picture  # noqa: PLC0415 - as above

    shown, last = console(), None
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # else the terminal would stay in the state that the picture needs
    try:
        with Live(Text("Asking all parts ..."), console=shown, screen=True, auto_refresh=False) as live:
            while True:
                began = time.monotonic()
                found = read()
                last = picture(found)
                is_too_tall = len(shown.render_lines(last)) > shown.height
                live.update(picture(found, is_short=True) if is_too_tall else last, refresh=True)
                time.sleep(max(0.0, began + every_s - time.monotonic()))
    except KeyboardInterrupt:
        if last is not None:
            shown.print(last)
    return 0
