"""Rows of the catalogue as values: columns named once for every statement that reads them."""

from __future__ import annotations

from typing import Any

import msgspec

from core.domain.marketplace.details import Kind
from core.domain.marketplace.schedules import Schedule, Window
from core.domain.marketplace.values import Credit, Location, MarketService, Practitioner, ServiceSession

PRACTITIONER_EMAIL = "coalesce(pu.email, pu.contact_email)"


def practitioner_columns(email: str) -> str:
    """With this expression for the address, which not everybody may see."""
    return f"""p.id, p.user_id, p.resource_id, p.name, {email}, pr.zone, p.hours,
       p.breaks, p.buffer_before_minutes, p.buffer_after_minutes, p.notice_minutes, p.horizon_days, p.is_active"""


PRACTITIONER_COLUMNS = practitioner_columns(PRACTITIONER_EMAIL)
PRACTITIONERS = "practitioner p JOIN user_account pu ON pu.id = p.user_id JOIN resource pr ON pr.id = p.resource_id"

SERVICE_COLUMNS = """s.id, s.name, s.kind, s.duration_minutes, s.slot_step_minutes, s.price_cents, s.currency, s.credits,
       s.valid_days, s.is_active,
       ARRAY(SELECT sp.practitioner_id FROM service_practitioner sp WHERE sp.service_id = s.id ORDER BY 1),
       ARRAY(SELECT si.item_id FROM service_item si WHERE si.service_id = s.id ORDER BY si.position)"""

LOCATION_COLUMNS = """l.id, l.name, l.address, l.is_active,
       ARRAY(SELECT lr.resource_id FROM location_room lr WHERE lr.location_id = l.id AND lr.is_active ORDER BY 1)"""

SESSION_COLUMNS = """ss.id, ss.service_id, ss.practitioner_id, ss.location_id, ss.room_id, ss.title, ss.starts_at, ss.ends_at,
       ss.capacity, ss.seats_taken, ss.is_cancelled, ss.meeting_url,
       (SELECT count(*) FROM waiting_place w WHERE w.session_id = ss.id AND w.booking_id IS NULL)"""

CREDIT_COLUMNS = """c.booking_id, c.user_id, c.service_ids, c.granted, c.balance, c.expires_at,
       cb.status IN ('confirmed', 'in_progress', 'completed') AND cb.deleted_at IS NULL"""


def practitioner_of(row: tuple[Any, ...]) -> Practitioner:
    """A row of `PRACTITIONER_COLUMNS`."""
    schedule = Schedule(windows_of(row[6]), windows_of(row[7]))
    return Practitioner(*[*row[:6], schedule, *row[8:]])


def windows_of(column: Any) -> tuple[Window, ...]:
    return msgspec.convert(column, tuple[Window, ...])


def service_of(row: tuple[Any, ...]) -> MarketService:
    """A row of `SERVICE_COLUMNS`."""
    return MarketService(*[*row[:2], Kind(row[2]), *row[3:-2], tuple(row[-2]), tuple(row[-1])])


def location_of(row: tuple[Any, ...]) -> Location:
    """A row of `LOCATION_COLUMNS`."""
    return Location(*[*row[:-1], tuple(row[-1])])


def session_of(row: tuple[Any, ...]) -> ServiceSession:
    """A row of `SESSION_COLUMNS`."""
    return ServiceSession(*row)


def credit_of(row: tuple[Any, ...]) -> Credit:
    """A row of `CREDIT_COLUMNS`."""
    return Credit(*[*row[:2], tuple(row[2]), *row[3:]])
