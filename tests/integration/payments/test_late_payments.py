"""Payments that arrive after their hold has lapsed buy what is still free, but never what the payer has got meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from core.domain.commands import Command, ExpireDue, ReportIntent
from core.domain.marketplace.commands import BookBundle, BookIndividual, BookPackage, BookSession, Part
from core.domain.payments.values import IntentStatus
from tests.support.engine.lanes import Pipeline, Worker, new
from tests.support.engine.market_data import (
    ANYTHING_GOES,
    BUYS,
    ENGINE,
    HOUR,
    PACKAGE,
    TALK,
    TEN,
    UMA,
    VERA,
    WORKSHOP,
    from_nothing,
    run,
    with_market,
)

BUNDLE, LOCATION, PRACTICE = 6, 1, 4
MORE = """
INSERT INTO user_account (id, username, username_key) VALUES (9, 'other', 'other');
INSERT INTO resource (id, kind, name, zone) VALUES (5, 'practitioner', 'Other', 'UTC'), (4, 'room', 'Practice', 'UTC');
INSERT INTO practitioner (id, user_id, resource_id, name, name_key, hours, horizon_days)
SELECT 2, 9, 5, 'Other', 'other', hours, horizon_days FROM practitioner;
INSERT INTO service (id, name, name_key, kind, price_cents, duration_minutes, resource_id, is_named, credits, valid_days)
VALUES (6, 'Bundle', 'bundle', 'bundle', 8000, 60, 3, false, 2, 30);
INSERT INTO service_practitioner VALUES (6, 1), (1, 2);
INSERT INTO service_item VALUES (6, 0, 1);
INSERT INTO location (id, name, zone) VALUES (1, 'Practice', 'UTC');
INSERT INTO location_room VALUES (4, 1);
UPDATE service_session SET capacity = 3;
"""
SEAT, TALK_WITH_THE_FIRST = BUYS["seat"], BUYS["individual"]
WITH_THE_OTHER = BookIndividual(1, TALK, TEN, TEN + HOUR, 2)
SEAT_IN_A_PACKAGE = BookPackage(1, PACKAGE, (Part(TALK), Part(WORKSHOP, session_id=1)))
TALK_IN_A_PACKAGE = BookPackage(1, PACKAGE, (Part(TALK, 2, TEN, TEN + HOUR), Part(WORKSHOP)))


@pytest.fixture
def market(pipeline: Pipeline) -> Pipeline:
    with_market(pipeline).connection.execute(MORE.encode())
    return pipeline


def contract(wish: Command) -> str:
    return "marketplace" if hasattr(wish, "service_id") else "rooms"


def holds(market: Pipeline, worker: Worker, wish: Command) -> int:
    """Hold what the wish asks for; returns the booking to be paid."""
    run(market, worker, new(wish, actor=UMA if wish.user_id == 1 else VERA, contract=contract(wish)))  # type: ignore[union-attr]
    (booking,) = market.row("SELECT max(id) FROM booking WHERE price_minor > 0")
    return int(booking)


def asks(market: Pipeline, booking: int) -> UUID:
    """The payment of a hold, which a bank is processing."""
    (payment,) = market.row(
        """INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, intent_id, created_at, updated_at)
           SELECT gen_random_uuid(), id, 1, price_minor, 'usd', 'processing', 'pi_' || id, now(), now() FROM booking WHERE id = %s
           RETURNING id""",
        booking,
    )
    return UUID(str(payment))


def pays(market: Pipeline, worker: Worker, payment: UUID) -> None:
    intent, amount = market.row("SELECT intent_id, amount_minor FROM payment WHERE id = %s", payment)
    told = ReportIntent(payment, intent, IntentStatus.SUCCEEDED, amount, fresh=True)
    run(market, worker, new(told, actor=ENGINE, contract="payments"))


def lapses(market: Pipeline, worker: Worker, booking: int, *, swept: bool = True) -> None:
    market.connection.execute("UPDATE booking SET hold_expires_at = now() WHERE status = 'held'")
    if swept:
        run(market, worker, new(ExpireDue((booking,)), actor=ENGINE, contract="engine"))


def stands(market: Pipeline, booking: int) -> tuple[str, str, str | None]:
    """A booking's status, and where its money is, and why."""
    sql = (
        "SELECT b.status, p.state, p.refund_reason FROM payment p JOIN booking b ON b.id = p.booking_id WHERE b.id = %s"
    )
    status, state, reason = market.row(sql, booking)
    return status, state, reason


PAID_AGAIN: dict[str, tuple[Command, Command, str]] = {
    "room": (BUYS["room"](1), BUYS["room"](1), "already_booked"),
    "individual": (TALK_WITH_THE_FIRST(1), TALK_WITH_THE_FIRST(1), "already_booked"),
    "individual, of somebody else": (TALK_WITH_THE_FIRST(1), WITH_THE_OTHER, "already_booked"),
    "individual, then part of a package": (TALK_WITH_THE_FIRST(1), TALK_IN_A_PACKAGE, "already_booked"),
    "seat": (SEAT(1), SEAT(1), "already_booked"),
    "seat, then part of a package": (SEAT(1), SEAT_IN_A_PACKAGE, "already_booked"),
    "bundle": (BookBundle(1, BUNDLE), BookBundle(1, BUNDLE), "already_booked"),
    "course": (BUYS["course"](1), BUYS["course"](1), "late_payment"),
    "package": (BUYS["package"](1), BUYS["package"](1), "late_payment"),
    "package, then one of its seats": (BUYS["package"](1), SEAT(1), "late_payment"),
}
"""What is held first, and what is bought after that has lapsed; why the late money goes back."""


@pytest.mark.parametrize("paid", [True, False], ids=["paid", "held"])
def test_late_money_for_what_its_payer_has_bought_again_goes_back(market: Pipeline, paid: bool) -> None:  # noqa: FBT001 - a table
    worker = market.worker(ANYTHING_GOES)
    found, wanted = {}, {}
    for kind, (first, second, reason) in PAID_AGAIN.items():
        from_nothing(market)
        late = holds(market, worker, first)
        payment = asks(market, late)
        lapses(market, worker, late)
        again = holds(market, worker, second)
        if paid:
            pays(market, worker, asks(market, again))
        pays(market, worker, payment)
        (now,) = market.row("SELECT status FROM booking WHERE id = %s", again)
        found[kind] = stands(market, late), now
        wanted[kind] = ("expired", "refunding", reason), "confirmed" if paid else "held"
    assert found == wanted


def test_late_money_confirms_what_nobody_has_taken_and_lapsed_holds_make_way_once(market: Pipeline) -> None:
    """The rival's hold has run out too: it stands in the way twice, of the practitioner and of the room."""
    worker = market.worker(ANYTHING_GOES)
    wishes: dict[str, Callable[[int], Command]] = {
        "room": BUYS["room"],
        "individual": lambda who: BookIndividual(who, TALK, TEN, TEN + HOUR, 1, LOCATION),
        "seat": SEAT,
        "bundle": lambda who: BookBundle(who, BUNDLE),
    }
    found = {}
    for rival in (None, 2, 1):
        for kind, wish in wishes.items():
            from_nothing(market)
            market.connection.execute("UPDATE service_session SET capacity = 1; DELETE FROM event")
            late = holds(market, worker, wish(1))
            payment = asks(market, late)
            lapses(market, worker, late)
            if rival:
                lapses(market, worker, holds(market, worker, wish(rival)), swept=False)
            pays(market, worker, payment)
            expired = market.rows(
                "SELECT booking_id FROM event WHERE type = 'booking_updated' AND data->>'reason' = 'hold expired'"
            )
            assert len(expired) == len(set(expired)), f"{kind}: a hold ended twice"
            found[kind, rival] = stands(market, late)
    assert found == dict.fromkeys(found, ("confirmed", "succeeded", None))


def test_two_payments_of_one_booking_that_both_succeed_leave_one(market: Pipeline) -> None:
    """The first of two attempts was given up at our end, and was paid all the same."""
    worker = market.worker(ANYTHING_GOES)
    booking = holds(market, worker, BookSession(1, WORKSHOP, 1))
    first = asks(market, booking)
    market.connection.execute(
        "UPDATE payment SET state = 'failed', attempt = 2, intent_id = 'pi_old' WHERE id = %s", (first,)
    )
    pays(market, worker, asks(market, booking))
    pays(market, worker, first)
    states = market.rows("SELECT attempt, state, refund_reason FROM payment ORDER BY attempt")
    assert states == [(1, "succeeded", None), (2, "refunding", "paid_twice")]
