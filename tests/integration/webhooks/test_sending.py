"""Webhooks from the feed to a receiver: signed, in order, tried again, given up on, and an endpoint disabled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from core.store.connections.database import Connection
from core.store.deliveries.values import DeliveryState
from core.store.feed import number_events, settle_origin
from core.webhooks.signature import new_secret
from core.wire.vocabulary import micros
from tests.support.deliveries.by_hand import pass_time
from tests.support.webhooks import BOX, ByHand, KeptMails, WebhookReceiver

DAY_S = 86_400.0


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebhookReceiver]:
    server = WebhookReceiver(tmp_path_factory.mktemp("receiver"))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def mails() -> KeptMails:
    return KeptMails()


@pytest.fixture
def webhooks(connection: Connection, mails: KeptMails) -> ByHand:
    connection.execute(
        """INSERT INTO user_account (username, username_key, email, email_key, is_staff, is_superuser, first_name)
           VALUES ('zoe', 'zoe', 'zoe@example.com', 'zoe@example.com', true, true, 'Zoe')"""
    )
    connection.execute(
        """INSERT INTO booking (public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date,
                                local_time, duration_minutes, status, payment_status, notes, version, created_at,
                                updated_at, command_id)
           SELECT gen_random_uuid(), 'appointments', u.id, 'Massage', r.id, now(), now() + interval '1 hour', '2030-01-07',
                  '10:00', 60, 'confirmed', 'none', 'Window seat', 1, now(), now(), gen_random_uuid()
           FROM user_account u, (SELECT id FROM resource ORDER BY id LIMIT 1) r, generate_series(1, 3)"""
    )
    settle_origin(connection)  # the database is a copy: its feed would begin anew at the first event
    return ByHand(connection, mails)


def add_endpoint(connection: Connection, url: str, *types: str, secret: str | None = None) -> int:
    connection.execute(
        "INSERT INTO delivery_cursor (sender, epoch, position) SELECT 'webhooks', epoch, last_position FROM feed "
        "ON CONFLICT DO NOTHING"
    )
    row = connection.execute(
        "INSERT INTO webhook_endpoint (url, event_types, sealed_secret) VALUES (%s, %s, %s) RETURNING id",
        (url, list(types) or ["booking_created", "booking_updated"], BOX.seal(secret or new_secret())),
    ).fetchone()
    assert row is not None
    return int(row[0])


def happen(connection: Connection, *events: tuple[str, int]) -> None:
    """(type, place of the booking) of events that are committed and numbered."""
    ids = [row[0] for row in connection.execute("SELECT id FROM booking ORDER BY id").fetchall()]
    for number, (type_, place) in enumerate(events):
        connection.execute(
            """WITH b AS (INSERT INTO event_batch (events, created_at) VALUES (1, clock_timestamp()) RETURNING id)
            INSERT INTO event (batch_id, n, type, version, command_id, is_final, booking_id, booking_version, actor,
                               contract, request_id)
            SELECT id, 0, %s, 1, gen_random_uuid(), true, %s, %s, 'engine', 'agent', 'r' FROM b""",
            (type_, ids[place], number),
        )
    number_events(connection)


def states(connection: Connection, endpoint: int) -> list[str]:
    found = connection.execute("SELECT state FROM delivery WHERE receiver = %s ORDER BY seq", (str(endpoint),))
    return [row[0] for row in found.fetchall()]


def bodies(heard: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """(type, booking) of what a receiver has heard."""
    return [(body["type"], body["data"]["id"]) for body in (json.loads(one["body"]) for one in heard)]


def disabled(connection: Connection, endpoint: int) -> str | None:
    row = connection.execute("SELECT disabled_why FROM webhook_endpoint WHERE id = %s", (endpoint,)).fetchone()
    return row[0] if row else None


def test_an_event_arrives_signed_with_the_booking_in_the_admin_shape(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand
) -> None:
    secret = new_secret()
    add_endpoint(connection, receiver.url("signed"), secret=secret)
    happen(connection, ("booking_created", 0))
    assert webhooks.plan() == 1
    ((delivery, state),) = webhooks.send_due()
    assert state is DeliveryState.SENT
    (heard,) = receiver.heard("signed")
    body = Webhook(secret).verify(heard["body"], heard["headers"])
    assert heard["headers"]["webhook-id"] == str(delivery.id)
    assert heard["headers"]["Content-Type"] == "application/json"
    happened = connection.execute("SELECT created_at FROM event_batch").fetchone()
    assert happened is not None
    assert (body["type"], body["timestamp"]) == ("booking_created", micros(happened[0]))
    assert (body["data"]["service_name"], body["data"]["user_details"]["first_name"]) == ("Massage", "Zoe")


def test_while_a_secret_is_replaced_either_verifies_and_then_only_the_new_one(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand
) -> None:
    old, new = new_secret(), new_secret()
    id_ = add_endpoint(connection, receiver.url("rotated"), secret=new)
    sealed = "UPDATE webhook_endpoint SET sealed_previous = %s, previous_until = now() + make_interval(mins => %s) WHERE id = %s"
    for minutes, signatures in ((1, 2), (-1, 1)):
        connection.execute(sealed, (BOX.seal(old), minutes, id_))
        happen(connection, ("booking_created", 0))
        webhooks.plan()
        webhooks.send_due()
        heard = receiver.heard("rotated")[-1]
        assert len(heard["headers"]["webhook-signature"].split(" ")) == signatures
        for secret in (new, old)[:signatures]:
            Webhook(secret).verify(heard["body"], heard["headers"])


def test_each_endpoint_is_told_of_the_types_that_it_names(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand
) -> None:
    add_endpoint(connection, receiver.url("created"), "booking_created")
    add_endpoint(connection, receiver.url("deleted"), "booking_deleted", "booking_created")
    connection.execute(
        "UPDATE webhook_endpoint SET disabled_at = now(), disabled_why = 'x' WHERE id = %s",
        (add_endpoint(connection, receiver.url("disabled")),),
    )
    happen(connection, ("booking_created", 0), ("booking_updated", 0), ("canary", 0), ("booking_deleted", 0))
    assert webhooks.plan() == 3
    while webhooks.send_due():
        pass
    assert [type_ for type_, _ in bodies(receiver.heard("created"))] == ["booking_created"]
    assert [type_ for type_, _ in bodies(receiver.heard("deleted"))] == ["booking_created", "booking_deleted"]
    assert receiver.heard("disabled") == []


def test_what_failed_is_tried_again_in_order_and_holds_up_no_other_booking(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand
) -> None:
    id_ = add_endpoint(connection, receiver.url("order"))
    receiver.answer("order", 500, body="down")
    happen(connection, ("booking_created", 0), ("booking_updated", 0))
    webhooks.plan()
    assert [state for _, state in webhooks.send_due()] == [DeliveryState.WAITING]
    receiver.answer("order", 200)
    happen(connection, ("booking_created", 1))
    webhooks.plan()
    webhooks.send_due()
    pass_time(connection, 60)
    while webhooks.send_due():
        pass
    heard = receiver.heard("order")
    first = bodies(heard)[0][1]
    assert [type_ for type_, booking in bodies(heard) if booking == first] == [
        "booking_created",
        "booking_created",
        "booking_updated",
    ]
    assert bodies(heard)[1] == ("booking_created", first + 1)
    assert heard[0]["headers"]["webhook-id"] == heard[2]["headers"]["webhook-id"]
    assert states(connection, id_) == ["sent", "sent", "sent"]
    kept = connection.execute(
        "SELECT a.answer, a.detail->>'status', a.detail->>'excerpt' FROM delivery_attempt a ORDER BY a.at, a.number LIMIT 1"
    )
    assert kept.fetchone() == ("500", "500", "down")


def test_a_redirect_is_not_followed_and_said_so(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand
) -> None:
    add_endpoint(connection, receiver.url("moved"))
    receiver.answer("moved", 301, headers={"Location": receiver.url("there")})
    happen(connection, ("booking_created", 0))
    webhooks.plan()
    webhooks.send_due()
    row = connection.execute("SELECT state, answer FROM delivery").fetchone()
    assert row == ("waiting", "301: redirects are not followed; enter the URL that it leads to")
    assert receiver.heard("there") == []


def test_an_endpoint_that_wants_no_more_is_disabled_and_staff_are_mailed(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand, mails: KeptMails
) -> None:
    id_ = add_endpoint(connection, receiver.url("gone"))
    receiver.answer("gone", 410)
    happen(connection, ("booking_created", 0), ("booking_created", 1))
    webhooks.plan()
    webhooks.send_due()
    assert disabled(connection, id_) == "the endpoint answered 410"
    assert set(states(connection, id_)) == {"parked"}
    mails.is_away = True
    assert [state for _, state in webhooks.send_due()] == [DeliveryState.WAITING]
    mails.is_away = False
    pass_time(connection, 60)
    webhooks.send_due()
    assert [(mail.to, mail.subject) for mail in mails.sent] == [("zoe@example.com", f"Webhook {id_} is disabled")]
    entry = connection.execute("SELECT actor, action, subject, after FROM audit_entry").fetchone()
    assert entry is not None
    assert entry[:3] == ("engine", "webhook.disabled", f"webhook:{id_}")
    told = connection.execute("SELECT data::text FROM event WHERE type = 'webhook_disabled'").fetchall()
    assert [json.loads(data) for (data,) in told] == [{"id": id_, "reason": "the endpoint answered 410"}]


def test_an_endpoint_that_fails_for_three_days_is_disabled_and_not_before(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand, mails: KeptMails
) -> None:
    id_ = add_endpoint(connection, receiver.url("dead"))
    receiver.answer("dead", 500)
    happen(connection, ("booking_created", 0))
    webhooks.plan()
    webhooks.send_due()
    for days, is_disabled in ((2.9, False), (0.2, True)):
        pass_time(connection, days * DAY_S)
        happen(connection, ("booking_updated", 1))
        webhooks.plan()
        webhooks.send_due()
        assert (disabled(connection, id_) is not None) is is_disabled
    assert disabled(connection, id_) == "every attempt of 3 days failed, the last with: 500"
    pass_time(connection, 3_600)
    webhooks.send_due()
    assert set(states(connection, id_)) == {"parked"}
    assert len(mails.sent) == 1


def test_what_a_receiver_repeats_of_a_person_is_not_kept(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand
) -> None:
    add_endpoint(connection, receiver.url("echo"))
    receiver.answer("echo", 200, echo=True)
    happen(connection, ("booking_created", 0))
    webhooks.plan()
    webhooks.send_due()
    row = connection.execute("SELECT detail::text FROM delivery").fetchone()
    assert row is not None
    assert "Massage" in row[0]
    for personal in ("Zoe", "zoe@example.com", "Window seat"):
        assert personal not in row[0]


def test_a_deleted_endpoint_gets_nothing_more(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand
) -> None:
    id_ = add_endpoint(connection, receiver.url("left"))
    happen(connection, ("booking_created", 0))
    webhooks.plan()
    connection.execute("DELETE FROM webhook_endpoint")
    assert [state for _, state in webhooks.send_due()] == [DeliveryState.DROPPED]
    assert (states(connection, id_), receiver.heard("left")) == (["dropped"], [])


def test_a_secret_that_cannot_be_read_is_no_fault_of_the_endpoint(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand
) -> None:
    id_ = add_endpoint(connection, receiver.url("sealed"))
    connection.execute("UPDATE webhook_endpoint SET sealed_secret = 'of another key'")
    happen(connection, ("booking_created", 0))
    webhooks.plan()
    assert [state for _, state in webhooks.send_due()] == [DeliveryState.WAITING]
    assert receiver.heard("sealed") == []
    row = connection.execute("SELECT failures FROM delivery_receiver WHERE receiver = %s", (str(id_),)).fetchone()
    assert row == (0,)


def test_after_a_gap_in_the_feed_every_endpoint_is_told_to_reload(
    connection: Connection, receiver: WebhookReceiver, webhooks: ByHand
) -> None:
    secret = new_secret()
    add_endpoint(connection, receiver.url("gap"), secret=secret)
    happen(connection, ("booking_created", 0), ("booking_created", 1))
    connection.execute("DELETE FROM event_batch")
    connection.execute("UPDATE feed SET last_position = last_position + 1")
    webhooks.plan()
    webhooks.send_due()
    (heard,) = receiver.heard("gap")
    body = Webhook(secret).verify(heard["body"], heard["headers"])
    assert (body["type"], body["data"]["reason"]) == ("reload", "trimmed")
