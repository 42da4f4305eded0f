"""A provider that is away or hangs: comparisons leave threads to those who want to pay, and no refund is made twice."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from celery import Celery

from core.payments import stripe
from core.settings import from_environment
from core.store.payments.jobs import UNDER_WAY_S, close_circuit, open_circuit
from tests.support.engine.lanes import Pipeline
from tests.support.payments.by_hand import owe
from tests.support.processes.servers import stack_environment
from tests.support.wait import wait_until
from workers.payment_server import CALLS_AT_ONCE, COMPARED_AT_ONCE, FAILURES_MAX, PaymentServer

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


@pytest.mark.parametrize("sent", [True, False])
def test_a_refund_that_was_not_answered_in_time_is_not_asked_for_again_while_it_may_be_under_way(
    pipeline: Pipeline, redis_url: str, hanging: socket.socket, monkeypatch: pytest.MonkeyPatch, *, sent: bool
) -> None:
    """Also when the circuit closes meanwhile. Idempotency keys may be unknown or forgotten there."""
    monkeypatch.setattr(stripe, "READ_TIMEOUT_S", 0.2)
    (refund,) = owe(pipeline)
    paid = "state = 'refunding', intent_id = 'pi_1', received_minor = 100, returning_minor = 100, refund_number = 1"
    pipeline.connection.execute(f"UPDATE payment SET {paid} WHERE id = %s".encode(), (refund,))
    port = hanging.getsockname()[1]
    if not sent:
        hanging.close()
    with serving(pipeline, redis_url, port) as server:
        server._answer(RUNG)
    assert pipeline.row("SELECT tries, lease FROM payment") == (1, None)
    for _ in range(2):
        waits = "SELECT due_at > clock_timestamp() + %s * interval '1 second' FROM payment"
        assert pipeline.row(waits, UNDER_WAY_S / 2) == (sent,)
        open_circuit(pipeline.connection, "down")
        close_circuit(pipeline.connection)
