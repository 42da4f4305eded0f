"""What really goes wrong before each alert fires: one cause a rule, undone at its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from uuid import uuid4

import httpx
import psycopg

from core.domain.versions import SCHEMA_VERSION
from core.store.maintenance.retention import SQL_ALONE
from tests.alerts.scene import Scene
from tests.support.clients.callers import ADMIN, access_for, bearer, browser, new_person
from tests.support.clients.http_client import agent_booking
from tests.support.payments.payer import Payer
from tests.support.wait import wait_until

Cause = Callable[[Scene], AbstractContextManager[None]]
CALLERS = 40
WEBHOOKS = "/api/admin/webhooks/"


@contextmanager
def a_process_is_killed(scene: Scene) -> Iterator[None]:
    scene.stack.process("notifier").kill()
    yield
    scene.stack.mend()


@contextmanager
def postgresql_is_killed(scene: Scene) -> Iterator[None]:
    """While people go on asking."""
    scene.postgres.kill()
    with asking(lambda: httpx.get(f"{scene.stack.api_url}/api/services/", timeout=10.0), callers=2):
        yield
    scene.postgres.start()
    scene.stack.wait_ready()


@contextmanager
def redis_is_killed(scene: Scene) -> Iterator[None]:
    scene.stack.valkey.kill()
    yield
    scene.stack.mend()


@contextmanager
def beat_hangs(scene: Scene) -> Iterator[None]:
    scene.stack.process("beat").freeze()
    yield
    scene.stack.process("beat").thaw()
    scene.stack.wait_ready()


@contextmanager
def the_lane_workers_hang(scene: Scene) -> Iterator[None]:
    with scene.no_lanes():
        scene.accept()
        yield
    scene.stack.wait_ready()


@contextmanager
def the_lane_workers_hang_for_a_moment(scene: Scene) -> Iterator[None]:
    """Long enough that those who booked meanwhile notice."""
    with scene.no_lanes():
        ids = [scene.accept() for _ in range(5)]
        waiting = "SELECT count(*) FROM inbox WHERE id = ANY(%s) AND accepted_at < clock_timestamp() - interval '4 s'"
        with scene.stack.database() as connection:
            wait_until(lambda: connection.execute(waiting, (ids,)).fetchone() == (5,), "they have waited")
    yield


@contextmanager
def the_synchronous_standby_is_gone(scene: Scene) -> Iterator[None]:
    with scene.superuser("postgres") as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
        connection.execute("SELECT pg_reload_conf()")
        with asking(lambda: httpx.post(_create(scene), json=agent_booking(), timeout=40.0), callers=2):
            yield
        connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
        connection.execute("SELECT pg_reload_conf()")
    scene.stack.wait_ready()


@contextmanager
def somebody_locks_a_table(scene: Scene) -> Iterator[None]:
    """And forty people want what is in it."""
    with scene.superuser() as connection, connection.transaction():
        connection.execute("LOCK TABLE canary IN ACCESS EXCLUSIVE MODE")
        with asking(lambda: httpx.get(f"{scene.stack.api_url}/readyz", timeout=10.0), callers=CALLERS):
            yield
    scene.stack.wait_ready()


@contextmanager
def a_command_is_malformed(scene: Scene) -> Iterator[None]:
    with scene.no_lanes():
        id_ = scene.accept()
        with scene.stack.database() as connection:
            connection.execute("UPDATE inbox SET body = '[]' WHERE id = %s", (id_,))
    yield


@contextmanager
def a_trigger_refuses_some(scene: Scene) -> Iterator[None]:
    """While others are booked."""
    with scene.stack.database() as connection:
        connection.execute("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '42501'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT ON booking FOR EACH ROW WHEN (NEW.notes = 'refused')
            EXECUTE FUNCTION refuse()""")
        scene.accept(notes="refused")
        with asking(scene.accept, callers=1):
            yield
        connection.execute("DROP FUNCTION refuse() CASCADE")
        wait_until(lambda: _is_0(connection, "inbox WHERE put_offs > 0"), "it is decided after all", 90.0)


@contextmanager
def the_workers_are_older_than_the_api(scene: Scene) -> Iterator[None]:
    with scene.stack.database() as connection:
        with scene.no_lanes():
            id_ = scene.accept()
            connection.execute("UPDATE inbox SET version = %s WHERE id = %s", (SCHEMA_VERSION + 1, id_))
        yield
        connection.execute("UPDATE inbox SET version = 1 WHERE id = %s", (id_,))


@contextmanager
def stripe_is_gone(scene: Scene) -> Iterator[None]:
    with Payer(scene.stack, scene.stripe) as payer:
        bookings = [payer.hold(start_time=f"{hour:02}:00", end_time=f"{hour + 1:02}:00") for hour in (9, 10, 11)]
        scene.stripe.fault("down", times=1000)
        for booking in bookings:
            payer.ask(booking, headers={"Prefer": "respond-async"})
        yield
        scene.stripe.mend()


@contextmanager
def the_payments_worker_hangs(scene: Scene) -> Iterator[None]:
    with Payer(scene.stack, scene.stripe) as payer:
        booking = payer.hold()
        scene.stack.process("payments").freeze()
        payer.ask(booking, headers={"Prefer": "respond-async"})
        yield
        scene.stack.process("payments").thaw()


@contextmanager
def the_deliveries_worker_hangs(scene: Scene) -> Iterator[None]:
    staff = bearer(access_for(scene.stack, ADMIN))
    scene.stack.process("deliveries").freeze()
    with browser(scene.stack) as client:
        made = client.post(WEBHOOKS, json={"url": "http://127.0.0.1:65535/"}, headers=staff).raise_for_status()
        endpoint = f"{WEBHOOKS}{made.json()['data']['id']}/"
        client.post(f"{endpoint}test/", headers=staff).raise_for_status()
        with scene.superuser() as connection:
            connection.execute("UPDATE delivery SET due_at = due_at - interval '10 minutes'")
            connection.execute("UPDATE delivery_receiver SET due_at = due_at - interval '10 minutes'")
        yield
        client.delete(endpoint, headers=staff).raise_for_status()
    scene.stack.process("deliveries").thaw()


@contextmanager
def a_refund_fails(scene: Scene) -> Iterator[None]:
    with Payer(scene.stack, scene.stripe) as payer:
        booking = payer.hold()
        payer.pay(booking)
        payer.wait_stands(booking, "confirmed", "succeeded", within_s=60.0)
        assert payer.cancel(booking).status_code in {200, 202, 204}
        wait_until(lambda: bool(scene.stripe.books()["refunds"]), "the refund is asked for")
        scene.stripe.fail_refund(scene.stripe.books()["refunds"][-1]["id"])
        yield


@contextmanager
def somebody_holds_the_feed(scene: Scene) -> Iterator[None]:
    with scene.superuser() as connection, connection.transaction():
        connection.execute("SELECT FROM feed FOR UPDATE")
        scene.accept()
        yield


@contextmanager
def a_sweep_never_ends(scene: Scene) -> Iterator[None]:
    """It has the lock that lets one delete at a time, and rows grow old."""
    with scene.superuser() as connection:
        wait_until(lambda: connection.execute(SQL_ALONE).fetchone() == (True,), "no other sweep runs")
        headers = {"Idempotency-Key": str(uuid4())}
        httpx.post(_create(scene), json=agent_booking(), headers=headers, timeout=30.0).raise_for_status()
        connection.execute("UPDATE idempotency_key SET created_at = created_at - interval '3 days'")
        yield


@contextmanager
def the_mail_server_is_gone(scene: Scene) -> Iterator[None]:
    email = new_person(scene.stack)
    with browser(scene.stack) as client:
        assert client.post("/api/auth/password/reset/", json={"email": email}).status_code == 200
    yield


@contextmanager
def somebody_forgets_a_transaction(scene: Scene) -> Iterator[None]:
    with psycopg.connect(scene.stack.database_url) as connection:
        connection.execute("SELECT 1")
        yield


@contextmanager
def somebody_takes_all_connections(scene: Scene) -> Iterator[None]:
    with ExitStack() as opened:
        with suppress(psycopg.OperationalError):
            for _ in range(150):
                opened.enter_context(scene.superuser("postgres"))
        yield


CAUSES: tuple[tuple[tuple[str, ...], Cause], ...] = (
    (("HoldfastProcessDown",), a_process_is_killed),
    (("HoldfastMailsFail",), the_mail_server_is_gone),
    (("HoldfastCommandsParked",), a_command_is_malformed),
    (("HoldfastSlow",), the_lane_workers_hang_for_a_moment),
    (("HoldfastCommandsForNewerWorkers",), the_workers_are_older_than_the_api),
    (("HoldfastCommandsPutOff",), a_trigger_refuses_some),
    (("HoldfastPoolExhausted",), somebody_locks_a_table),
    (("HoldfastConnectionsNearMax",), somebody_takes_all_connections),
    (("HoldfastRetentionLate",), a_sweep_never_ends),
    (("HoldfastRelayLate",), somebody_holds_the_feed),
    (("HoldfastLaneLate",), the_lane_workers_hang),
    (("HoldfastCanaryLate",), beat_hangs),
    (("HoldfastPaymentsNeedAPerson",), a_refund_fails),
    (("HoldfastPaymentsLate",), the_payments_worker_hangs),
    (("HoldfastDeliveriesLate",), the_deliveries_worker_hangs),
    (("HoldfastPaymentsCircuitOpen",), stripe_is_gone),
    (("HoldfastCommitsHang",), the_synchronous_standby_is_gone),
    (("HoldfastOldTransaction",), somebody_forgets_a_transaction),
    (("HoldfastRedisDown",), redis_is_killed),
    (("HoldfastDatabaseDown", "HoldfastErrors"), postgresql_is_killed),
)
"""By the alerts that each makes fire. Whatever else fires meanwhile is right to do so."""


@contextmanager
def asking(ask: Callable[[], object], callers: int) -> Iterator[None]:
    """Requests one after another, by so many at once, whatever is answered."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(0.05):
            with suppress(httpx.HTTPError, AssertionError):
                ask()

    threads = [threading.Thread(target=go_on) for _ in range(callers)]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        over.set()
        for one in threads:
            one.join()


def _create(scene: Scene) -> str:
    return f"{scene.stack.api_url}/api/agent/booking/create/"


def _is_0(connection: psycopg.Connection[tuple[object, ...]], rows: str) -> bool:
    return connection.execute(f"SELECT count(*) FROM {rows}".encode()).fetchone() == (0,)
