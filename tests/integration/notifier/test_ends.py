"""A notifier ends, whatever its parts do."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core import ended_tasks
from core.wakeup.feed_hints import FeedHints
from notifier.limits import Limits
from notifier.server import Notifier
from notifier.source import Source
from ops.ports import free_ports
from tests.support.engine.lanes import Pipeline
from tests.support.processes.servers import settings_for


class PartError(Exception):
    pass


async def fails(_part: Source) -> None:
    raise PartError


async def loses_a_cancellation(_part: FeedHints) -> None:
    """As `asyncio.wait_for` does before Python 3.12."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()


def test_it_ends_when_a_part_fails_and_another_loses_its_cancellation(
    pipeline: Pipeline, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever started it then starts it anew; one that hung would be alive, and deliver nothing."""
    monkeypatch.setattr(ended_tasks, "ASKED_EVERY_S", 0.01)
    monkeypatch.setattr(Source, "run", fails)
    monkeypatch.setattr(FeedHints, "run", loses_a_cancellation)
    (port,) = free_ports(1)
    notifier = Notifier(replace(settings_for(pipeline.url, redis_url), notifier_port=port), Limits())

    async def scene() -> None:
        running = asyncio.create_task(notifier.run(asyncio.Event()))
        done, _ = await asyncio.wait([running], timeout=60)
        assert done, "it hangs"
        assert isinstance(running.exception(), BaseExceptionGroup)

    asyncio.run(scene())
