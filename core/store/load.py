"""Loads a batch: what its commands touch, in a few set-based queries and few round trips.

Each family has its queries in a module of its own. Rows are locked in one order of tables
(people who hold places, time slots, bookings, sessions, credits, payments), by id: another lane may want the
same ones. Rows that are found on the way, a purchase's other parts and lapsed holds, come after them: a deadlock
over these is a lost race (`core.engine.verdicts`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from core.domain.command_table import intervals_of, needs_of
from core.domain.commands import Envelope
from core.domain.needs import Needs
from core.domain.state import State
from core.domain.values import Policy
from core.store.bookings.bookings import lock_bookings, lock_lapsed
from core.store.bookings.places import ask_places
from core.store.catalogue.booking_settings import ask_rules
from core.store.catalogue.categories import ask_categories
from core.store.catalogue.closures import ask_bookings_in_the_way, ask_closures
from core.store.catalogue.resources import ask_resources
from core.store.catalogue.rooms import ask_rooms
from core.store.catalogue.services import ask_nearest_names, ask_services
from core.store.claims import ask_claims, ask_claims_of_shared_slots
from core.store.connections.database import SQL_NOW, Connection
from core.store.connections.pipeline import QueryPipeline, pipelined
from core.store.connections.round_trip import Rows
from core.store.inbox.unfinished import SQL_PUT_BACK
from core.store.marketplace.cancelled_sessions import ask_begun, ask_step, ask_what_is_left
from core.store.marketplace.load import ask_market, load_families
from core.store.payments.payments import ask_followers, ask_paid_for, load_bought_again, lock_payments
from core.store.people import ask_owners, ask_people, lock_holders
from core.store.timeslots import ask_neighbours, ask_shared_slots, lock_new_slots, lock_slots

SEVERAL_STATEMENT_MS, SEVERAL_TRANSACTION_MS = 2_000, 5_000
"""For a batch of several commands or lanes. One that takes longer is divided, and only a command alone in one lane has all
of `LANE_LIMITS`: so a command that is slow each time costs others no more than this. The transaction's time counts from here on."""
SQL_SEVERAL = """
SELECT set_config('statement_timeout', %s, true),
       set_config('transaction_timeout', '0', true), set_config('transaction_timeout', %s, true)
"""
"""PostgreSQL does not shorten a timeout of a transaction that is running: it is ended, then begun again."""
SQL_IDS = """
SELECT ARRAY(SELECT nextval('booking_id_seq') FROM generate_series(1, %s)),
       ARRAY(SELECT nextval(pg_get_serial_sequence('user_account', 'id')) FROM generate_series(1, %s)),
       ARRAY(SELECT nextval(pg_get_serial_sequence('time_slot', 'id')) FROM generate_series(1, %s)),
       ARRAY(SELECT nextval(pg_get_serial_sequence('closure', 'id')) FROM generate_series(1, %s)),
       ARRAY(SELECT nextval(pg_get_serial_sequence('service_session', 'id')) FROM generate_series(1, %s)),
       ARRAY(SELECT nextval(pg_get_serial_sequence('waiting_place', 'id')) FROM generate_series(1, %s))
"""


class Loaded(Struct):
    """A batch ready to be decided."""

    state: State
    now: datetime
    """Read after every lock."""
    booking_ids: list[int]
    user_ids: list[int]
    slot_ids: list[int]
    closure_ids: list[int]
    session_ids: list[int]
    place_ids: list[int]


def load(
    connection: Connection,
    envelopes: Sequence[Envelope],
    policy: Policy,
    *,
    with_ids: bool = True,
    in_short: bool = False,
) -> Loaded:
    """Load the state that a batch touches, inside its transaction, after the lane's lock.

    `with_ids=False` takes no ids from the sequences. With `in_short`, the rest of the batch's transaction has less time:
    others wait behind it.
    """
    commands = [envelope.command for envelope in envelopes]
    needs, state = needs_of(commands), State(rules=None, policy=policy)
    unreadable: list[UUID] = []
    loaded = Loaded(state, datetime.min, [], [], [], [], [], [])  # noqa: DTZ901 - read below
    with pipelined(connection) as pipeline:
        lock_holders(pipeline, state, needs)
        ask_paid_for(pipeline, needs)
        ask_step(pipeline, state, needs)
        ask_begun(pipeline, state, envelopes)
    with pipelined(connection) as pipeline:
        if in_short:
            pipeline.ask(SQL_SEVERAL, (str(SEVERAL_STATEMENT_MS), str(SEVERAL_TRANSACTION_MS)), lambda _: None)
        ask_rules(pipeline, state)
        ask_services(pipeline, state, needs)
        ask_rooms(pipeline, state, needs.rooms)
        ask_resources(pipeline, state, needs.resources)
        ask_people(pipeline, state, needs)
        ask_categories(pipeline, state, needs)
        ask_closures(pipeline, state, needs)
        if with_ids:
            _take_ids(pipeline, loaded, needs)
        lock_slots(pipeline, state, needs)
        lock_bookings(pipeline, state, needs)
        ask_market(pipeline, state, needs.market)
    load_families(connection, state)
    load_bought_again(connection, state, needs)
    asked = _priced(state) | needs.unnamed
    with pipelined(connection) as pipeline:
        ask_nearest_names(pipeline, state, needs)
        ask_owners(pipeline, state, needs)
        ask_places(pipeline, state, needs)
        lock_new_slots(pipeline, state)
        lock_payments(pipeline, state, asked)
    with pipelined(connection) as pipeline:
        ask_followers(pipeline, state, state.payments.keys(), unreadable)
        times = intervals_of(state, commands)
        ask_claims(pipeline, state, times)
        ask_neighbours(pipeline, state, commands)
        ask_shared_slots(pipeline, state, times)
        ask_what_is_left(pipeline, state, needs.market)
        _read_clock(pipeline, loaded)
    with pipelined(connection) as pipeline:
        ask_claims_of_shared_slots(pipeline, state)
    _load_lapsed(connection, loaded, asked, unreadable)
    with pipelined(connection) as pipeline:
        ask_bookings_in_the_way(pipeline, state, commands)
        if unreadable:
            pipeline.ask(SQL_PUT_BACK, (unreadable,), lambda _: None)
    return loaded


def _priced(state: State) -> set[int]:
    """Bookings that may have a payment."""
    return {booking.id for booking in state.bookings.values() if booking.price_minor}


def _load_lapsed(connection: Connection, loaded: Loaded, asked: Collection[int], unreadable: list[UUID]) -> None:
    """Lapsed holds that are in the way and must expire first.

    Also the purchases that they belong to, which end with them, and the payments of bookings that are not `asked` for
    already.
    """
    lapsed: set[int] = set()
    with pipelined(connection) as pipeline:
        lock_lapsed(pipeline, loaded.state, lapsed)
    if not lapsed:
        return
    load_families(connection, loaded.state)
    known = set(loaded.state.payments)
    with pipelined(connection) as pipeline:
        lock_payments(pipeline, loaded.state, _priced(loaded.state).difference(asked))
    with pipelined(connection) as pipeline:
        ask_followers(pipeline, loaded.state, loaded.state.payments.keys() - known, unreadable)
        _read_clock(pipeline, loaded)


def _read_clock(pipeline: QueryPipeline, loaded: Loaded) -> None:
    def store_now(rows: Rows) -> None:
        loaded.now = loaded.state.market.now = rows[0][0]

    pipeline.ask(SQL_NOW, None, store_now)


def _take_ids(pipeline: QueryPipeline, loaded: Loaded, needs: Needs) -> None:
    def store_ids(rows: Rows) -> None:
        (
            loaded.booking_ids,
            loaded.user_ids,
            loaded.slot_ids,
            loaded.closure_ids,
            loaded.session_ids,
            loaded.place_ids,
        ) = rows[0]

    fresh = (
        needs.new_bookings,
        needs.new_users,
        needs.new_slots,
        needs.new_closures,
        needs.market.new_sessions,
        needs.market.new_places,
    )
    if any(fresh):
        pipeline.ask(SQL_IDS, fresh, store_ids)
