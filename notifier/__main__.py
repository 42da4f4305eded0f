"""`python -m notifier`: the notifier as a process, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

import uvloop

from core import garbage_collector
from core.configuration import secret_settings
from core.logs import configure
from core.metrics.meter import Meter
from core.metrics.scrape_server import serve_metrics
from core.settings import Settings, SettingsError, from_environment
from core.startup import refuse_unusable_stores
from core.tracing import process as tracing
from notifier.limits import Limits
from notifier.server import Notifier


async def serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wish in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wish, stop.set)
    meter = Meter()
    notifier = Notifier(settings, Limits(), meter)
    serve_metrics(settings, meter.registry)
    tracing.start(settings.traces, "notifier")
    await notifier.run(stop)
    tracing.stop()


def main() -> None:
    garbage_collector.end_quickly()
    try:
        settings = from_environment(asks=secret_settings.NOTIFIER)
    except SettingsError as problem:
        sys.stderr.write(f"holdfast: {problem}\n")
        sys.exit(2)
    configure(settings.log_level, "notifier")
    refuse_unusable_stores(settings)
    logging.getLogger("websockets").setLevel(logging.WARNING)  # we log sockets ourselves
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
