"""Loads one step's share of the bookings of sessions that are cancelled (`core.domain.steps`)."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.commands import Envelope
from core.domain.marketplace.commands import CancelSession
from core.domain.marketplace.sessions import CANCELLED_WITH_SESSION
from core.domain.needs import MarketNeeds, Needs
from core.domain.state import State
from core.domain.steps import STEP_BOOKINGS, Progress, Step
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.round_trip import Rows
from core.store.inbox.unfinished import SQL_BEGUN

_STATUSES = ", ".join(f"'{status}'" for status in sorted(CANCELLED_WITH_SESSION))
_LIVE = f"m.status IN ({_STATUSES})"
SQL_STEP = f"""
WITH live AS (
    SELECT s.id AS session_id, m.* FROM unnest(%(sessions)s::bigint[]) AS s (id) CROSS JOIN LATERAL (
        SELECT booking_id, parent_id FROM marketplace_booking m WHERE m.session_id = s.id AND {_LIVE}
        ORDER BY booking_id LIMIT %(most)s) AS m
), sized AS (
    SELECT live.*, 1 + (SELECT count(*) FROM marketplace_booking f WHERE f.parent_id = live.parent_id) AS size FROM live
)
SELECT session_id, booking_id
FROM (SELECT *, sum(size) OVER (PARTITION BY session_id ORDER BY booking_id) - size AS before FROM sized) AS one
WHERE before < %(most)s
"""
"""Each booking counts with the rest of its purchase, which is loaded too. A partial index on live bookings skips
those that earlier steps have cancelled."""
SQL_LEFT = f"""
SELECT s.id FROM unnest(%(sessions)s::bigint[]) AS s (id) WHERE EXISTS (
    SELECT FROM marketplace_booking m
    WHERE m.session_id = s.id AND {_LIVE} AND NOT m.booking_id = ANY(%(taken)s::bigint[]))
"""
"""Runs after the session is locked. Taking a seat locks it too, so no booking can be missed."""
SQL_LIVE = f"""
SELECT m.session_id, count(*) FROM marketplace_booking m
WHERE m.session_id = ANY(%(sessions)s) AND {_LIVE} GROUP BY m.session_id
"""


def ask_step(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    """The bookings that this step cancels; they are locked together with all others."""

    def store_needs(rows: Rows) -> None:
        needs.unnamed.update(row[1] for row in rows)

    sessions = needs.market.emptied
    state.market.cancelling = {id_: Step() for id_ in sessions}
    if sessions:
        pipeline.ask(SQL_STEP, {"sessions": sorted(sessions), "most": STEP_BOOKINGS}, store_needs)


def ask_begun(pipeline: QueryPipeline, state: State, envelopes: Sequence[Envelope]) -> None:
    """The progress of commands that may take several steps."""

    def store_progress(rows: Rows) -> None:
        state.begun = {id_: Progress(done, total) for id_, done, total in rows}

    if ids := [envelope.id for envelope in envelopes if isinstance(envelope.command, CancelSession)]:
        pipeline.ask(SQL_BEGUN, (ids,), store_progress)


def ask_what_is_left(pipeline: QueryPipeline, state: State, needs: MarketNeeds) -> None:
    def store_more(rows: Rows) -> None:
        for (id_,) in rows:
            state.market.cancelling[id_].more = True

    def store_count(rows: Rows) -> None:
        for id_, count in rows:
            state.market.cancelling[id_].live = count

    if not needs.emptied:
        return
    taken = {id_ for session in needs.emptied for id_ in state.market.of_session[session]}
    pipeline.ask(SQL_LEFT, {"sessions": sorted(needs.emptied), "taken": sorted(taken)}, store_more)
    known = (state.market.sessions.get(id_) for id_ in sorted(needs.emptied))
    if closing := [session.id for session in known if session is not None and not session.is_cancelled]:
        pipeline.ask(SQL_LIVE, {"sessions": closing}, store_count)
