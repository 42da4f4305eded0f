"""Marketplace values for tests, complete by default."""

from __future__ import annotations

from typing import Any

from core.domain.marketplace.details import Kind
from core.domain.marketplace.schedules import Schedule, Window
from core.domain.marketplace.values import MarketService, Practitioner

NINE_TO_FIVE = Schedule(tuple(Window(day, 9 * 60, 17 * 60) for day in range(6)))


def practitioner(id_: int = 1, **changes: Any) -> Practitioner:
    given: dict[str, Any] = {
        "user_id": 3,
        "resource_id": 100 + id_,
        "name": "Dr. Smith",
        "email": "dr.smith@example.com",
        "zone": "UTC",
        "schedule": NINE_TO_FIVE,
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 0,
        "notice_minutes": 0,
        "horizon_days": 365,
        "is_active": True,
    }
    return Practitioner(id=id_, **{**given, **changes})


def market_service(id_: int = 2, **changes: Any) -> MarketService:
    given: dict[str, Any] = {
        "name": "60-minute Consultation",
        "kind": Kind.INDIVIDUAL,
        "duration_minutes": 60,
        "slot_step_minutes": None,
        "price_minor": 5000,
        "currency": "usd",
        "credits": None,
        "valid_days": None,
        "is_active": True,
        "practitioner_ids": (1,),
    }
    return MarketService(id=id_, **{**given, **changes})
