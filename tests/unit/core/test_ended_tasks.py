"""Tasks end although a cancellation was lost."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest

from core import ended_tasks
from core.ended_tasks import end

ROOT = Path(__file__).parents[3]
NO_TASKS = {
    "api/commands/commands.py": "a timer",
    "api/commands/inbox_writer.py": "timers",
    "api/process_metrics.py": "nobody waits for it, and it waits for the clock alone",
    "core/outbound/client.py": "a timer of a thread",
    "core/store/reads/shared_reads.py": "a timer",
    "notifier/health.py": "what another thread asked the loop",
}
"""Where something is cancelled that cannot lose it."""


async def works_for_ever() -> None:
    """As redis-py does: a short wait with a bound, then a long one."""
    await asyncio.wait_for(asyncio.sleep(0), 60)
    await asyncio.Event().wait()


@pytest.mark.parametrize("turns", range(6))
def test_a_task_ends_whenever_it_is_cancelled(turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ended_tasks, "ASKED_EVERY_S", 0.01)

    async def scene() -> asyncio.Task[None]:
        task = asyncio.create_task(works_for_ever())
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.wait_for(end(task), 60)
        return task

    assert asyncio.run(scene()).cancelled()


def test_a_task_that_drops_a_cancellation_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ended_tasks, "ASKED_EVERY_S", 0.01)
    dropped = 0

    async def drops_two() -> None:
        nonlocal dropped
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if dropped == 2:
                    raise
                dropped += 1

    async def scene() -> None:
        task = asyncio.create_task(drops_two())
        await asyncio.sleep(0)
        await asyncio.wait_for(end(task), 60)

    asyncio.run(scene())
    assert dropped == 2


def test_several_end_and_what_they_raise_is_dropped() -> None:
    async def fails() -> None:
        raise OSError

    async def scene() -> None:
        tasks = [asyncio.create_task(fails()), asyncio.create_task(works_for_ever())]
        await asyncio.sleep(0)
        await end(*tasks, None)
        assert all(task.done() for task in tasks)

    asyncio.run(scene())


def test_tasks_are_ended_by_this_function_alone() -> None:
    """A plain `task.cancel()` whose end somebody waits for hangs once in a while."""
    cancelling = {
        str(path.relative_to(ROOT))
        for room in ("api", "core", "notifier", "ops", "workers")
        for path in (ROOT / room).rglob("*.py")
        if path.name != "ended_tasks.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr == "cancel" and not node.args
    }
    assert cancelling == set(NO_TASKS)
