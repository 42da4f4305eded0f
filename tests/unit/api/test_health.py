"""Which parts `/readyz` holds to be down, and why."""

from __future__ import annotations

import psycopg
import pytest
import redis
from psycopg_pool import PoolTimeout

from api.health import down_parts
from core.store.connections import reasons
from core.store.connections.bounded import NoAnswerError
from core.store.connections.reasons import PostgresReason
from core.store.pulse import CANARY_FRESH_S, LANE_LAG_MAX_S, Pulse
from core.wakeup import reasons as of_redis
from core.wakeup.reasons import RedisReason

YOUNG_S, OLD_S = 1.0, CANARY_FRESH_S + 1


@pytest.mark.parametrize(
    ("pulse", "down"),
    [
        pytest.param(Pulse(YOUNG_S, YOUNG_S, 0.0), [], id="all is well"),
        pytest.param(Pulse(OLD_S, OLD_S, OLD_S, canary_waits=True), ["lanes", "notifier"], id="nobody decides"),
        pytest.param(Pulse(OLD_S, OLD_S, 0.0, canary_waits=True), ["lanes", "notifier"], id="a canary is put off"),
        pytest.param(Pulse(YOUNG_S, YOUNG_S, LANE_LAG_MAX_S + 1), ["lanes"], id="one lane stands"),
        pytest.param(Pulse(YOUNG_S, OLD_S, 0.0), ["notifier"], id="nobody hears"),
        pytest.param(Pulse(OLD_S, OLD_S, 0.0), ["sweeps"], id="nobody sends canaries"),
        pytest.param(Pulse(None, None, 0.0), ["sweeps"], id="nobody has sent one yet"),
        pytest.param(Pulse(OLD_S, OLD_S, LANE_LAG_MAX_S + 1), ["sweeps", "lanes"], id="nobody sends, nobody decides"),
    ],
)
def test_it_names_the_parts_that_are_away_and_no_others_each_with_its_reason(pulse: Pulse, down: list[str]) -> None:
    found = down_parts(pulse)
    assert list(found) == down
    assert all(found.values())


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            psycopg.OperationalError('connection failed: FATAL:  password authentication failed for user "x"'),
            "PASSWORD_REFUSED",
        ),
        (psycopg.OperationalError('FATAL:  role "password" does not exist'), "PASSWORD_REFUSED"),
        (
            psycopg.OperationalError('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "x", SSL off'),
            "HOST_REFUSED",
        ),
        (psycopg.OperationalError('FATAL:  database "x" does not exist'), "NO_DATABASE"),
        (psycopg.OperationalError('FATAL:  permission denied for database "x"'), "RIGHTS"),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), "FULL"),
        (psycopg.OperationalError("FATAL:  the database system is starting up"), "STARTING"),
        (psycopg.OperationalError("SSL error: certificate verify failed"), "CERTIFICATE"),
        (psycopg.OperationalError("server does not support SSL, but SSL was required"), "CERTIFICATE"),
        (psycopg.OperationalError('could not translate host name "x" to address'), "UNKNOWN_HOST"),
        (psycopg.OperationalError("connection failed: Connection refused"), "NOT_RUNNING"),
        (psycopg.errors.ConnectionTimeout("connection timeout expired"), "NO_ANSWER"),
        (NoAnswerError("no answer within 6 s"), "NO_ANSWER"),
        (psycopg.errors.TooManyConnections("x"), "FULL"),
        (psycopg.errors.AdminShutdown("x"), "STARTING"),
        (psycopg.errors.InsufficientPrivilege("x"), "RIGHTS"),
        (psycopg.errors.ReadOnlySqlTransaction("x"), "READ_ONLY"),
        (PoolTimeout("x"), "BUSY"),
        (psycopg.OperationalError("server closed the connection unexpectedly"), "LOST"),
    ],
    ids=str,
)
def test_what_postgresql_says_of_itself_is_told_in_our_words(said: Exception, reason: str) -> None:
    assert reasons.reason_of(said) is PostgresReason[reason]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (redis.AuthenticationError("WRONGPASS invalid username-password pair"), "PASSWORD_REFUSED"),
        (redis.AuthenticationError("Authentication required."), "PASSWORD_REFUSED"),
        (redis.exceptions.NoPermissionError("this user has no permissions to run the 'get' command"), "RIGHTS"),
        (redis.ConnectionError("Error 111 connecting to h:1. Connection refused."), "NOT_RUNNING"),
        (redis.ConnectionError("Error -2 connecting to h:1. Name or service not known."), "UNKNOWN_HOST"),
        (redis.TimeoutError("Timeout reading from socket"), "NO_ANSWER"),
        (redis.ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), "CERTIFICATE"),
        (redis.BusyLoadingError("Redis is loading the dataset in memory"), "STARTING"),
        (redis.exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "FULL"),
        (redis.exceptions.MaxConnectionsError("max number of clients reached"), "FULL"),
        (redis.ReadOnlyError("You can't write against a read only replica."), "READ_ONLY"),
        (redis.ConnectionError("Connection closed by server."), "LOST"),
    ],
    ids=str,
)
def test_what_redis_says_of_itself_is_told_in_our_words(said: Exception, reason: str) -> None:
    assert of_redis.reason_of(said) is RedisReason[reason]
