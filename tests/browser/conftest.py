"""A real browser and the front door it comes in by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.processes.front_door import front_door as front_door_of
from tests.support.processes.stack import Stack
from tests.support.wait import READY_WITHIN_S

CHROMIUM = Path("/usr/bin/chromium")
"""Where Debian's package puts it."""
INSTALL = "apt-get install -y chromium"
OPTIONS = (
    "--no-sandbox",  # it runs as root in CI, where Chromium has no sandbox
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


WITHIN_MS = READY_WITHIN_S * 1000
DASHBOARD_PATH = "/flower/"
"""A page of our origin that the API does not serve (its own may fetch nothing): where Flower would be."""
DASHBOARD = b"<!doctype html><title>A dashboard</title><body></body>"


class Dashboard(BaseHTTPRequestHandler):
    """Somebody's own page, as a front-end developer would put it under our origin."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(DASHBOARD)))
        self.end_headers()
        self.wfile.write(DASHBOARD)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def dashboard_port() -> Iterator[int]:
    """Really served: Chromium lets no page of a made-up response reach this machine's ports."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Dashboard) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(5)


@pytest.fixture
def front_door(stack: Stack, dashboard_port: int, tmp_path: Path) -> Iterator[str]:
    """The one origin that browsers see, through Caddy."""
    with front_door_of(
        tmp_path / "caddy",
        api_port=stack.api_port,
        notifier_port=stack.notifier_port,
        flower_port=dashboard_port,
        site_host="localhost",
    ) as door:
        yield door.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a file: starting it takes seconds."""
    if not CHROMIUM.exists():
        pytest.fail(f"Browser tests need Chromium. Install it with: {INSTALL}", pytrace=False)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS), headless=True)
        yield opened
        opened.close()


@contextmanager
def fresh_page(browser: Browser, *, bypass_csp: bool = False) -> Iterator[Page]:
    """Of somebody who was never here: without cookies, storage or cache. `bypass_csp` for pages that have no policy of
    ours."""
    context = browser.new_context(bypass_csp=bypass_csp)
    context.set_default_timeout(WITHIN_MS)
    expect.set_options(timeout=WITHIN_MS)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with fresh_page(browser) as page:
        yield page


OF_OUTAGES = ("Failed to load resource", "WebSocket connection to ")
"""What Chromium itself says of answers and handshakes that fail: a page cannot keep it from doing so."""


@contextmanager
def watched(page: Page) -> Iterator[None]:
    """Fails at its end if the page complained: of what its policy refuses, of a script's error, of what is missing."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield
    assert [one for one in complaints if not any(words in one for words in OF_OUTAGES)] == []


@pytest.fixture
def checked_page(page: Page) -> Iterator[Page]:
    with watched(page):
        yield page
