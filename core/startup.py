"""Refuse, in one sentence, to start on a database or Redis on which Holdfast cannot work, and log what else is wrong.

One that does not answer yet is no reason to refuse: the process starts and waits for it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import structlog
from msgspec.structs import asdict

from core import release
from core.doctor.findings import Examination
from core.doctor.stores import examine_stores
from core.settings import Settings

log = structlog.get_logger()


class UnusableStoreError(Exception):
    """A store that answers, but on which Holdfast cannot work; the message says what to do."""


def refuse_unusable_stores(settings: Settings, examine: Callable[[Settings], Examination] = examine_stores) -> None:
    """Called once before a process serves. Exits with one sentence on standard error.

    Flower has no database, and has Redis alone examined.
    """
    log_release()
    try:
        heed(examine(settings))
    except UnusableStoreError as problem:
        sys.stderr.write(f"holdfast: {problem}\n")
        sys.exit(1)


def log_release() -> None:
    """So that a log shows where another release begins."""
    log.info("this release starts", version=release.VERSION, commit=release.commit())


def refuse(examination: Examination) -> None:
    """Raises `UnusableStoreError` if no process may start."""
    if (refusal := examination.refusal) is not None:
        raise UnusableStoreError(refusal.text)


def heed(examination: Examination) -> None:
    """The same, and log what else was found."""
    refuse(examination)
    for one in examination.findings:
        log.warning("the doctor found", **asdict(one))
