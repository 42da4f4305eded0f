"""Celery's connection to Redis: found again within seconds, however long it was away."""

from __future__ import annotations

import pytest
from kombu.exceptions import OperationalError
from kombu.utils import functional

from core.broker import celery_app
from ops.ports import free_ports

TRIES = 20


def test_a_lost_broker_is_looked_for_every_two_seconds_however_long_it_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functional, "sleep", lambda _: None)
    pauses: list[float] = []

    def note(problem: Exception, pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == TRIES:
            raise problem

    connection = celery_app(f"redis://127.0.0.1:{free_ports(1)[0]}/0").connection_for_read()
    with pytest.raises(OperationalError):
        connection.ensure_connection(note)
    assert pauses[:4] == [0.5, 1.0, 1.5, 2.0]
    assert max(pauses) == 2.0
