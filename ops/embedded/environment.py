"""The environment and the command line that a process really gets on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout (or /app in the image)."""

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_KEPT_PREFIXES = ("HOLDFAST_", "STRIPE_", "OTEL_")


def inherited(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a child takes over from the person: our settings, but no PYTHONPATH, PG* or CELERY_*."""
    env = os.environ if environ is None else environ
    return {name: value for name, value in env.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}


def child_environment(settings: Mapping[str, str], environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """A child's whole environment; `settings` win over what is inherited."""
    python = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return {**inherited(environ), **python, **settings}


def installed(argv: Sequence[str]) -> tuple[str, ...]:
    """A definition's command with this very Python: `celery ...` becomes `.venv/bin/python -m celery ...`."""
    program, *rest = argv
    if program == "python":
        return (sys.executable, *rest)
    return (sys.executable, "-m", program, *rest)


def local_urls(port: int) -> tuple[str, ...]:
    """The origins under which a person reaches the front door of this machine."""
    return (f"http://localhost:{port}", f"http://127.0.0.1:{port}")
