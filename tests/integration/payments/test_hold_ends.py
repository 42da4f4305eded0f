"""Whatever ends a hold, its payment is cancelled, and what was paid is refunded.

Tried for every way in which a booking ends, with every kind of booking that can be paid for. And staff accept a hold.
"""

from __future__ import annotations

import pytest

from core.domain.commands import (
    AcceptHold,
    Actor,
    Cancel,
    CloseResource,
    Command,
    Delete,
    ExpireDue,
    ReportIntent,
)
from core.domain.marketplace.commands import (
    CancelSession,
    TurnBooking,
    Verb,
)
from core.domain.payments.values import IntentStatus
from tests.support.engine.lanes import Pipeline, Worker, new
from tests.support.engine.market_data import (
    ANYTHING_GOES,
    BUYS,
    DAY,
    ENGINE,
    STAFF,
    UMA,
    VERA,
    from_nothing,
    run,
    with_market,
)

PRACTITIONERS_TIME = 3
"""The resource of the practitioner."""

SESSIONS_OF = {"seat": 1, "course": 2, "package": 1}
RESOURCE_OF = {"room": 2, "individual": PRACTITIONERS_TIME, "package": PRACTITIONERS_TIME}


def ways(kind: str, booking: int, part: int) -> dict[str, tuple[Command, Actor]]:
    """Every way in which a booking of this kind can end, as the command that ends it."""
    found: dict[str, tuple[Command, Actor]] = {
        "swept": (ExpireDue((booking,)), ENGINE),
        "made way": (BUYS[kind](2), VERA),
        "cancelled by its owner": (Cancel(booking), UMA),
        "cancelled by staff": (Cancel(booking), STAFF),
        "deleted": (Delete(booking), STAFF),
        "account deleted": (Cancel(booking, "the account was deleted"), STAFF),
    }
    if kind != "room":
        found["turned by staff"] = TurnBooking(booking, Verb.CANCEL), STAFF
    if kind in {"course", "package"}:
        found["swept by a part"] = ExpireDue((part,)), ENGINE
        found["cancelled by a part"] = Cancel(part), UMA
    if kind == "package":  # who wants one of the things that it takes
        found["made way by a part"] = BUYS["individual"](2), VERA
        found["made way by a seat"] = BUYS["seat"](2), VERA
    if kind in RESOURCE_OF:
        found["closed"] = CloseResource(RESOURCE_OF[kind], DAY, DAY), STAFF
    if kind in SESSIONS_OF:
        found["session cancelled"] = CancelSession(SESSIONS_OF[kind]), STAFF
    return found


LAPSES = ("swept", "swept by a part", "made way", "made way by a part", "made way by a seat", "closed")
"""These end only what has run out."""


def bought(market: Pipeline, worker: Worker, kind: str, state: str) -> tuple[int, int]:
    """A hold of Uma's whose payment is in that state, confirmed if it is paid; (booking, one of its parts)."""
    run(market, worker, new(BUYS[kind](1), actor=UMA, contract="rooms" if kind == "room" else "marketplace"))
    (booking,) = market.row("SELECT max(id) FROM booking WHERE price_minor > 0 AND status = 'held'")
    (part,) = market.row(
        "SELECT coalesce(min(booking_id), %s) FROM marketplace_booking WHERE parent_id = %s", *[booking] * 2
    )
    market.connection.execute(
        """INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, intent_id, created_at, updated_at, due_at, received_minor)
           SELECT gen_random_uuid(), id, 1, price_minor, 'usd', %s, %s, now(), now(), now(), %s * price_minor FROM booking WHERE id = %s""",
        (state, None if state == "creating" else "pi_1", int(state == "succeeded"), booking),
    )
    if state == "succeeded":
        market.connection.execute(
            "UPDATE booking SET status = 'confirmed', payment_status = 'succeeded' WHERE status = 'held'"
        )
        market.connection.execute("UPDATE marketplace_booking SET status = 'confirmed' WHERE status = 'held'")
    return int(booking), int(part)


def ended(market: Pipeline, worker: Worker, kind: str, way: str, state: str) -> tuple[str, str]:
    """What became of a booking and its payment."""
    from_nothing(market)
    booking, part = bought(market, worker, kind, state)
    if way in LAPSES:
        market.connection.execute("UPDATE booking SET hold_expires_at = now() WHERE status = 'held'")
    command, actor = ways(kind, booking, part)[way]
    closes = isinstance(command, CloseResource)
    contract = "appointments" if closes else "rooms" if kind == "room" else "marketplace"
    run(market, worker, new(command, actor=actor, contract=contract))
    sql = "SELECT b.status, p.state FROM payment p JOIN booking b ON b.id = p.booking_id WHERE b.id = %s"
    status, found = market.row(sql, booking)
    return status, found


EVERY_END = [(kind, way) for kind in BUYS for way in ways(kind, 1, 1)]


@pytest.fixture
def market(pipeline: Pipeline) -> Pipeline:
    return with_market(pipeline)


def test_the_intent_of_a_hold_that_ends_is_ordered_to_be_cancelled(market: Pipeline) -> None:
    worker = market.worker(ANYTHING_GOES)
    found = {end: ended(market, worker, *end, "open") for end in EVERY_END}
    wanted = {(kind, way): ("expired" if way in LAPSES else "cancelled", "closing") for kind, way in EVERY_END}
    assert found == wanted


def test_an_intent_that_nobody_has_asked_for_yet_is_not_asked_for_when_its_hold_ends(market: Pipeline) -> None:
    worker = market.worker(ANYTHING_GOES)
    found = {end: ended(market, worker, *end, "creating")[1] for end in EVERY_END}
    assert found == dict.fromkeys(EVERY_END, "canceled")


def test_what_was_paid_goes_back_when_others_end_the_booking(market: Pipeline) -> None:
    """A course and a package whose part alone is cancelled in time give back its share and keep the rest."""
    worker = market.worker(ANYTHING_GOES)
    found = {end: ended(market, worker, *end, "succeeded")[1] for end in EVERY_END if end[1] not in LAPSES}
    parts = {end for end in found if end[0] == "package" and end[1] in {"cancelled by a part", "session cancelled"}}
    assert found == {end: "returning" if end in parts else "refunding" for end in found}


@pytest.mark.parametrize(("state", "after"), [("open", "closing"), ("creating", "canceled")])
def test_a_hold_that_staff_accept_stands_with_its_parts_and_is_charged_no_more(
    market: Pipeline, state: str, after: str
) -> None:
    worker = market.worker(ANYTHING_GOES)
    statuses = "SELECT array_agg(DISTINCT status) FROM booking WHERE status <> 'draft'"
    for kind in BUYS:
        from_nothing(market)
        booking, part = bought(market, worker, kind, state)
        if part != booking:
            (refused,) = market.put(new(AcceptHold(part), actor=STAFF, contract="appointments"))
            worker.visit_until_done()
            assert market.codes([refused]) == ["unpaid"]
        run(market, worker, new(AcceptHold(booking), actor=STAFF, contract="appointments"))
        assert market.row(statuses) == (["confirmed"],), kind
        assert market.row("SELECT payment_status FROM booking WHERE id = %s", booking) == ("pending",)
        assert market.row("SELECT state FROM payment") == (after,)


def test_money_that_comes_in_for_an_accepted_hold_is_kept(market: Pipeline) -> None:
    worker = market.worker(ANYTHING_GOES)
    booking, _ = bought(market, worker, "room", "open")
    run(market, worker, new(AcceptHold(booking), actor=STAFF, contract="appointments"))
    payment, price = market.row("SELECT id, amount_minor FROM payment")
    paid = ReportIntent(payment, "pi_1", IntentStatus.SUCCEEDED, price)
    run(market, worker, new(paid, actor=ENGINE, contract="payments"))
    assert market.row("SELECT status, payment_status FROM booking WHERE id = %s", booking) == ("confirmed", "succeeded")
    assert market.row("SELECT state FROM payment") == ("succeeded",)
