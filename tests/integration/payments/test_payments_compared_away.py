"""Comparisons with a provider that is away: they open the circuit, and leave threads to those who want to pay."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from celery import Celery

from core.settings import from_environment
from tests.engine import Pipeline
from tests.integration.payments.test_payments_dues import owe
from tests.servers import stack_environment
from tests.waiting import wait_until
from workers.payments import CALLS_AT_ONCE, COMPARED_AT_ONCE, FAILURES_MAX, PaymentServer

RUNG = ("holdfast:payments",)


@contextmanager
def a_door() -> Iterator[socket.socket]:
    """Takes connections in, and answers nobody."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as door:
        yield door


@pytest.fixture
def hanging() -> Iterator[socket.socket]:
    with a_door() as door:
        yield door


@contextmanager
def serving(pipeline: Pipeline, redis_url: str, port: int) -> Iterator[PaymentServer]:
    """A payments worker in this process, whose Stripe is at this port."""
    environment = {
        **stack_environment(pipeline.url, redis_url),
        "STRIPE_SECRET_KEY": "sk_test_tests",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_tests",
        "STRIPE_WEBHOOK_SECRET": "whsec_tests",
        "STRIPE_API_BASE": f"http://127.0.0.1:{port}",
        "HOLDFAST_STRIPE_BACKGROUND_PER_SECOND": "100",
    }
    server = PaymentServer(Celery(set_as_current=False), from_environment(environment))
    server._pool.open()
    try:
        yield server
    finally:
        server._threads.shutdown(wait=True)
        server._pool.close()
        server._redis.close()


def to_compare(pipeline: Pipeline, number: int) -> None:
    pipeline.connection.execute("UPDATE payments_gate SET compared_since = 'epoch'")
    quiet = "due_at = NULL, intent_id = 'pi_' || id, updated_at = now() - interval '1 hour'"
    ids = owe(pipeline, number, "closing")
    pipeline.connection.execute(f"UPDATE payment SET state = 'canceled', {quiet} WHERE id = ANY(%s)".encode(), (ids,))


def under_way(pipeline: Pipeline) -> int:
    (found,) = pipeline.row("SELECT count(*) FROM payment WHERE comparing_until > clock_timestamp()")
    return int(found)


def leased(pipeline: Pipeline) -> list[UUID]:
    return [row[0] for row in pipeline.rows("SELECT id FROM payment WHERE lease IS NOT NULL")]


def test_comparisons_that_nobody_answers_open_the_circuit(
    pipeline: Pipeline, redis_url: str, hanging: socket.socket
) -> None:
    port = hanging.getsockname()[1]
    hanging.close()  # refused at once
    to_compare(pipeline, FAILURES_MAX)
    with serving(pipeline, redis_url, port) as server:
        server._answer(RUNG)
    assert under_way(pipeline) == FAILURES_MAX
    assert pipeline.row("SELECT opened_at IS NOT NULL, problem FROM payments_gate") == (True, "APIConnectionError")


def test_comparisons_that_hang_leave_half_of_the_threads(
    pipeline: Pipeline, redis_url: str, hanging: socket.socket
) -> None:
    to_compare(pipeline, 2 * CALLS_AT_ONCE)
    with serving(pipeline, redis_url, hanging.getsockname()[1]) as server:
        for _ in range(3):
            server._answer(RUNG)
        assert under_way(pipeline) == COMPARED_AT_ONCE == CALLS_AT_ONCE / 2
        (wanted,) = owe(pipeline)
        server._answer(RUNG)
        assert leased(pipeline) == [wanted]
        hanging.close()
        wait_until(lambda: server._free == CALLS_AT_ONCE, "all have given up")
        assert server._comparing == 0
