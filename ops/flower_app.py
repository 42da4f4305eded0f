"""The Celery application that Flower shows. It has the broker's address, and no other secret than its own password."""

from __future__ import annotations

import sys

from core.configuration import secret_settings
from core.settings import SettingsError, from_environment
from core.wakeup.broker import celery_app

try:
    settings = from_environment(asks=secret_settings.FLOWER)
except SettingsError as problem:
    sys.exit(f"holdfast: {problem}")

app = celery_app(settings.redis_url, settings.redis_keys.prefix)
