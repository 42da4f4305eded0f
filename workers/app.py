"""The Celery application of every process that works; `workers/__main__.py` starts them."""

from __future__ import annotations

import sys
from typing import Any

from celery import signals

from core import garbage_collector
from core.configuration import secret_settings
from core.logs import configure
from core.settings import SettingsError, from_environment
from core.startup import refuse_unusable_stores
from core.wakeup.broker import celery_app
from workers import health

garbage_collector.end_quickly()
try:
    settings = from_environment(asks=secret_settings.of_worker(sys.argv))
except SettingsError as problem:
    sys.exit(f"holdfast: {problem}")

app = celery_app(settings.redis_url, settings.redis_keys.prefix)

if "beat" not in sys.argv:
    from workers import worker  # the servers and sweeps, of which beat sends but the names

    worker.set_up(app, settings)


@signals.celeryd_init.connect  # a worker warns before it sets up its logging
@signals.setup_logging.connect
def _log_as_json(**_: Any) -> None:
    configure(settings.log_level, "workers")


@signals.celeryd_init.connect
@signals.beat_init.connect
def _refuse_unusable_stores(**_: Any) -> None:
    refuse_unusable_stores(settings)


@signals.beat_init.connect
def _answer_checks_of_beat(**_: Any) -> None:
    health.of_beat(settings)
