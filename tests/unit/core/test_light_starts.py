"""What a process imports at its start is what it needs: each package costs processor time and memory wherever it runs.

What is imported later stands in a function, beside its reason.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection

import pytest

from core.settings import DEMO_SECRET
from tests.support.pages import ROOT

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "HOLDFAST_SECRET_KEY": f"{DEMO_SECRET}, and yet another one",
    "STRIPE_SECRET_KEY": "sk_test_nobody",
    "STRIPE_WEBHOOK_SECRET": "whsec_nobody",
}
SHOW = "; import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
API = "import gunicorn.app.wsgiapp; from api.app import from_environment; from_environment()"
WORKERS = "import workers.__main__, celery.bin.worker"
BEAT = "import sys; sys.argv.append('beat'); import workers.__main__, celery.bin.beat"
NOTIFIER = "import notifier.__main__"
COMMAND_LINE = "import ops.cli.application"

NOWHERE = {
    "aiohttp",
    "alembic",  # migrations
    "httpx",
    "opentelemetry",  # where an endpoint is configured
    "phonenumbers",  # the first number of a region
    "requests",  # the first call to Stripe
    "valkey",
    "flower",  # as is the next: what the `celery` program imports
    "prompt_toolkit",
}
MAILS = {"babel", "icalendar", "jinja2"}
SIGN_IN = {"authlib", "httpx2", "joserfc"}
"""Where a provider is configured."""


def loaded_by(start: str) -> Collection[str]:
    """The packages that a new process has after these statements."""
    found = subprocess.run(
        [sys.executable, "-c", start + SHOW], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return frozenset(found.stdout.split())


@pytest.mark.parametrize(
    ("start", "needed", "needless"),
    [
        (API, {"falcon", "psycopg", "sqlalchemy"}, NOWHERE | SIGN_IN | {"babel", "celery", "jinja2", "kombu", "rich"}),
        (WORKERS, {"celery", "psycopg"}, NOWHERE | SIGN_IN | MAILS | {"rich", "sqlalchemy", "stripe"}),
        (BEAT, {"celery"}, NOWHERE | SIGN_IN | MAILS | {"rich", "sqlalchemy", "stripe"}),
        (NOTIFIER, {"psycopg", "websockets"}, NOWHERE | SIGN_IN | MAILS | {"celery", "rich", "sqlalchemy", "stripe"}),
        (COMMAND_LINE, {"typer"}, NOWHERE | SIGN_IN | MAILS | {"celery", "psycopg", "redis", "sqlalchemy", "stripe"}),
    ],
    ids=["API", "workers", "beat", "notifier", "command line"],
)
def test_a_process_starts_without_what_it_does_not_need(
    start: str, needed: Collection[str], needless: Collection[str]
) -> None:
    loaded = loaded_by(start)
    assert set(needed) <= set(loaded), "this says nothing of the start"
    assert set(loaded) & set(needless) == set()
