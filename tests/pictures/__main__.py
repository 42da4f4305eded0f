"""`python -m tests.pictures`: takes pictures of the pages; then books, holds, pays and listens for a moment, and draws
what `holdfast status` says then."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from websockets.sync.client import connect

from ops.processes import DELIVERIES
from ops.status.overview import Overview
from ops.status.picture import picture
from ops.status.reader import StatusReader
from tests.pictures import pages
from tests.support.clients.callers import ADMIN, access_for, bearer
from tests.support.clients.http_client import agent_booking
from tests.support.pages import ROOT
from tests.support.payments.payer import Payer, stack_with_stripe, stripe_server
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.repeating import repeating
from tests.support.wait import wait_until

FILE = ROOT / "docs" / "status.svg"
TITLE = "holdfast status"
WIDTH = 122
HOLDS = 3
SOCKETS = {"/ws/admin/bookings/": 3, "/ws/calendar/": 2, "/ws/commands/": 2}
CLIENTS = 3
DECIDED_MIN = 30
"""Within the ten seconds that are counted, on whatever machine."""
_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)


def main() -> int:
    with TemporaryDirectory(prefix="holdfast-pictures-") as name:
        for file in pages.main(Path(name)):
            print(f"{file.relative_to(ROOT)} is taken anew")
    with TemporaryDirectory(prefix="holdfast-pictures-") as name, busy_stack(Path(name)) as stack:
        reader = StatusReader(stack.settings, stack.api_url, [stack.metrics_targets["notifier"]])
        found: list[Overview] = []

        def is_at_work() -> bool:
            found.append(reader.read())
            return _is_at_work(found[-1])

        wait_until(is_at_work, "bookings are decided, and every part answers", 90.0)
        FILE.write_text(drawn(found[-1]))
    print(f"{FILE.relative_to(ROOT)} is drawn anew")
    return 0


def _is_at_work(overview: Overview) -> bool:
    told = overview.decisions, overview.sockets, overview.holds
    if overview.is_ready is not True or None in told or not all(one.is_up for one in overview.parts):
        return False
    decided, sockets, holds = told
    assert decided is not None  # so says the line above
    assert sockets is not None
    assert holds is not None
    return decided.succeeded > DECIDED_MIN and sockets.open == sum(SOCKETS.values()) and holds.standing == HOLDS


def drawn(overview: Overview) -> str:
    """As SVG. Fonts are the reader's own: a page that shows it loads nothing from elsewhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False, markup=False)
    console.print(picture(overview))
    return console.export_svg(title=TITLE, code_format=_FONTS.sub("", CONSOLE_SVG_FORMAT), unique_id="status")


@contextmanager
def busy_stack(folder: Path) -> Iterator[Stack]:
    with ExitStack() as closing:
        postgres = PostgresServer(folder / "postgres")
        closing.callback(postgres.close)
        postgres.start()
        stripe = closing.enter_context(stripe_server(folder / "stripe"))
        stack = closing.enter_context(
            stack_with_stripe(postgres, stripe, folder / "stack", {"HOLDFAST_API_PROCESSES": "2"})
        )
        stack.add(DELIVERIES, "deliveries")
        payer = closing.enter_context(Payer(stack, stripe))
        for number in range(HOLDS):
            guest = closing.enter_context(payer.another())
            payer.intent(payer.hold(guest, booking_date=f"2100-01-{4 + number:02}"), guest)
        headers = bearer(access_for(stack, ADMIN))
        for path, count in SOCKETS.items():
            for _ in range(count):
                closing.enter_context(
                    connect(f"{stack.ws_url}{path}", additional_headers=headers, proxy=None, close_timeout=0.1)
                )
        closing.enter_context(_clients(stack))
        yield stack


@contextmanager
def _clients(stack: Stack) -> Iterator[None]:
    """People who book, now and then what somebody else has."""
    with ExitStack() as closing:
        clients = [closing.enter_context(httpx.Client(base_url=stack.api_url, timeout=30.0)) for _ in range(CLIENTS)]
        with repeating(*(partial(_book, client) for client in clients), pause_s=0.02):
            yield


def _book(client: httpx.Client) -> None:
    body = agent_booking()
    for _ in range(2 if body["booking_time"] == "09:00" else 1):
        client.post("/api/agent/booking/create/", json=body)


if __name__ == "__main__":
    sys.exit(main())
