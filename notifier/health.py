"""What the notifier answers to its health checks (`core/health_socket.py`)."""

from __future__ import annotations

import asyncio
import concurrent.futures

from core.health_socket import Checks, answer_checks, pulse_problem
from core.settings import Settings
from core.store.pulse import Pulse

TURN_TIMEOUT_S = 3.0


def answer(settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
    """Alive while its event loop turns, ready while it hears canaries too. Asked on a thread beside the loop."""

    def alive() -> str | None:
        turn = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop)
        try:
            turn.result(TURN_TIMEOUT_S)
        except concurrent.futures.TimeoutError:
            turn.cancel()  # so that they do not pile up until it turns again
            return f"its event loop has not turned for {TURN_TIMEOUT_S:g} s"
        return None

    def ready() -> str | None:
        return alive() or pulse_problem(settings, Pulse.notifier_problem)

    answer_checks(settings, Checks(alive=alive, ready=ready))
