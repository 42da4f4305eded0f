"""Celery's connection to Redis: found again within seconds, however long it was away."""

from __future__ import annotations

from typing import Any

import pytest
from kombu.exceptions import OperationalError
from kombu.utils import functional

from core.wakeup.broker import celery_app
from ops.ports import free_ports

TRIES = 20


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A connection to a port where nobody listens, and no time to wait."""
    monkeypatch.setattr(functional, "sleep", lambda _: None)
    return celery_app(f"redis://127.0.0.1:{free_ports(1)[0]}/0").connection_for_read()


def pauses(connection: Any, *given: float) -> list[float]:
    """How long it waits before each of many tries; `given` are the first, the step and the longest."""
    found: list[float] = []

    def note(problem: Exception, pause_s: float) -> None:
        found.append(pause_s)
        if len(found) == TRIES:
            raise problem

    with pytest.raises(OperationalError):
        connection.ensure_connection(note, None, *given)
    return found


def test_a_lost_broker_is_looked_for_every_two_seconds_however_long_it_is_away(away: Any) -> None:
    found = pauses(away)
    assert found[:4] == [0.5, 1.0, 1.5, 2.0]
    assert max(found) == 2.0


def test_a_practitioner_with_pauses_of_their_own_keeps_them(away: Any) -> None:
    """As kombu does for senders."""
    assert pauses(away, 0.1, 0.1, 0.2)[:3] == [0.1, 0.2, 0.2]


@pytest.mark.parametrize("host", ["[::1]", "localhost", "127.0.0.1"])
def test_an_address_that_is_shown_can_be_read_again(host: str) -> None:
    url = f"redis://holdfast:secret@{host}:6379/2"
    assert celery_app(url).connection().as_uri(include_password=True) == url


@pytest.mark.parametrize(
    ("query", "checked"),
    [("", "required"), ("?ssl_cert_reqs=none", "none"), ("?ssl_check_hostname=false", "required")],
)
def test_certificates_are_checked_unless_the_address_says_not(query: str, checked: str) -> None:
    """kombu's own default is not to."""
    ssl = celery_app(f"rediss://localhost:6379/0{query}").connection().ssl
    assert ssl["ssl_cert_reqs"] == checked
    assert ssl["ssl_check_hostname"] == (query == "")


def test_without_tls_nothing_is_said_of_it() -> None:
    assert not celery_app("redis://localhost:6379/0").connection().ssl
