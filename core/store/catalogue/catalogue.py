"""What can be booked, as a batch needs it: the desk and its rules, services, rooms."""

from __future__ import annotations

from typing import Any

from core.domain.needs import Needs
from core.domain.resources.local_time import Hours
from core.domain.resources.service_names import COMPARED_MAX, NearestNames
from core.domain.state import State
from core.domain.values import Resource, Room, Rules, Service
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.round_trip import Rows
from core.store.sql.parameters import TEXTS, texts_of

SQL_RULES = """
SELECT s.working_hours_start, s.working_hours_end, s.duration_minutes, s.off_days, s.is_active, r.id, r.kind, r.name, r.zone
FROM resource r LEFT JOIN booking_settings s ON true WHERE r.kind = 'desk'
"""
SQL_SERVICES = f"""
SELECT s.name_folded, r.id, r.kind, r.name, r.zone, s.id, s.name, s.resource_id, s.duration_minutes, s.is_active
FROM service s JOIN resource r ON r.id = s.resource_id WHERE s.name_folded = ANY({TEXTS}) AND s.is_named
ORDER BY s.is_active, s.id DESC
"""
"""Of several with the same name, which older releases let in, the last one counts: the oldest that is active."""
SQL_SERVICE_NAMES = f"SELECT name FROM service WHERE is_named AND is_active ORDER BY id LIMIT {COMPARED_MAX}"
ROOM_COLUMNS = """m.id, m.resource_id, m.name, m.capacity, m.price_minor, m.currency, m.slot_minutes, m.opens_minute,
       m.closes_minute, m.off_days, m.is_available"""
SQL_ROOMS = f"""
SELECT {ROOM_COLUMNS}, r.id, r.kind, r.name, r.zone FROM room m JOIN resource r ON r.id = m.resource_id WHERE m.id = ANY(%s)
"""


def ask_rules(pipeline: QueryPipeline, state: State) -> None:
    def take(rows: Rows) -> None:
        state.rules, desk = rules_of(rows[0] if rows else None, allow_past=state.policy.allow_past)
        state.resources[desk.id] = desk

    pipeline.ask(SQL_RULES, None, take)


def ask_services(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    def take(rows: Rows) -> None:
        for row in rows:
            name, service, resource = service_of(row)
            state.services[name] = service
            state.resources[resource.id] = resource

    if needs.services:
        pipeline.ask(SQL_SERVICES, (texts_of(needs.services),), take)


def ask_nearest_names(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    """If a name is to be refused."""

    def take(rows: Rows) -> None:
        state.near = NearestNames(row[0] for row in rows)

    if not state.policy.books_unknown_services and not needs.services <= state.services.keys():
        pipeline.ask(SQL_SERVICE_NAMES, None, take)


def ask_rooms(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    def take(rows: Rows) -> None:
        for row in rows:
            state.rooms[row[0]] = room_of(row[:-4])
            state.resources[row[-4]] = Resource(*row[-4:])

    if needs.rooms:
        pipeline.ask(SQL_ROOMS, (list(needs.rooms),), take)


def service_of(row: tuple[Any, ...]) -> tuple[str, Service, Resource]:
    """A row of `SQL_SERVICES`: folded name, service, its resource."""
    return row[0], Service(*row[5:]), Resource(*row[1:5])


def rules_of(row: tuple[Any, ...] | None, *, allow_past: bool) -> tuple[Rules | None, Resource]:
    """A row of `SQL_RULES`: the settings (None if there are none) and the desk they bind."""
    if row is None:
        raise LookupError("There is no desk: run the migrate command first.")
    starts, ends, minutes, off_days, is_active, *desk = row
    resource = Resource(*desk)
    if starts is None:
        return None, resource
    hours = Hours(starts * 60, ends * 60, frozenset(off_days))
    return Rules(is_active, hours, minutes, allow_past, resource.id), resource


def room_of(row: tuple[Any, ...]) -> Room:
    """A row of `ROOM_COLUMNS` as a value."""
    opens, closes, off_days, is_available = row[-4:]
    return Room(*[*row[:-4], Hours(opens, closes, frozenset(off_days)), is_available])
