"""Answers to the engine's own commands; nobody waits for them."""

from __future__ import annotations

from typing import Any

from core.domain.commands import Envelope
from core.domain.events import Event
from core.domain.state import State


def answer(_envelope: Envelope, _events: tuple[Event, ...], _state: State) -> tuple[int, dict[str, Any]]:
    return 200, {"success": True}
