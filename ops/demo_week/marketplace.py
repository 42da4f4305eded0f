"""The marketplace's part of the week: introductions, sessions with their waiting lists, and one purchase of each kind."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from ops.demo_week import plan
from ops.demo_week.catalogue import BREATHING, BUNDLE, COURSE, MARKET, PACKAGE, SMITH_ID
from ops.demo_week.client import pay
from ops.demo_week.scene import Scene
from ops.embedded.localstripe import SECRET_KEY

FULL, OFFERED = 4, 2
"""Seats of the session that people wait for, and of the one that gives a seat back."""
PAID_WITHIN_S = 30.0
LOOK_EVERY_S = 0.5
MISSED_AT = "15:30"
"""Whoever had an introduction then did not come."""


def introduce(scene: Scene) -> None:
    """Free of charge, so confirmed at once; those of days before are over."""
    for booked in plan.introductions(scene.today):
        body = {
            "practitioner_id": scene.catalogue.practitioners[booked.practitioner],
            "service_id": scene.catalogue.introduction,
            **scene.times(booked.day, booked.at, plan.INTRODUCTION_MINUTES),
            **scene.for_(booked.person),
        }
        made = scene.post(f"{MARKET}/bookings/", body, scene.callers.staff)
        if made is not None and booked.day < scene.today:
            verb = "no-show" if booked.at == MISSED_AT else "complete"
            scene.post(f"{MARKET}/bookings/{made['id']}/{verb}/", None, scene.callers.staff)


def open_sessions(scene: Scene) -> None:
    """A full one that two wait for, one whose freed seat is offered to who waited, and those that are sold."""
    day, next_day = scene.workday(1), scene.workday(2)
    community, jones = scene.catalogue.community, scene.catalogue.practitioners[plan.JONES]
    full = _session(scene, community, jones, day, "18:00", FULL, "Evening of movement")
    offered = _session(scene, community, jones, next_day, "18:00", OFFERED, "Evening of voice")
    _session(scene, BREATHING, SMITH_ID, next_day, "19:00", 10, "Breathe out")
    for evening, title in ((day, "First evening"), (next_day, "Second evening")):
        _session(scene, COURSE, SMITH_ID, evening, "17:15", 12, title)
    for person in plan.PEOPLE[:FULL]:
        _seat(scene, full, person)
    seats = [_seat(scene, offered, person) for person in plan.PEOPLE[FULL : FULL + OFFERED]]
    for session_id in filter(None, (full, offered)):
        for who in (scene.callers.client, scene.callers.user):
            scene.post(f"{MARKET}/sessions/{session_id}/waiting-list/", None, who)
    if seats[0] is not None:
        scene.post(f"{MARKET}/bookings/{seats[0]}/cancel/", {"reason": "Ill"}, scene.callers.staff)


def _session(
    scene: Scene, service_id: int, practitioner_id: int, day: date, at: str, capacity: int, title: str
) -> int | None:
    body = {"service_id": service_id, "practitioner_id": practitioner_id, "capacity": capacity, "title": title}
    made = scene.post(f"{MARKET}/sessions/", {**body, **scene.times(day, at, 90)}, scene.callers.staff)
    return None if made is None else int(made["id"])


def _seat(scene: Scene, session_id: int | None, person: plan.Person) -> int | None:
    if session_id is None:
        return None
    body = {"service_id": scene.catalogue.community, "service_session_id": session_id, **scene.for_(person)}
    made = scene.post(f"{MARKET}/bookings/", body, scene.callers.staff)
    return None if made is None else int(made["id"])


def buy(scene: Scene, stripe_url: str | None) -> None:
    """With the demo's stand-in for Stripe at hand the purchases are paid, and a room is given back."""
    user, client = scene.callers.user, scene.callers.client
    for path, service_id, cents, who in (
        ("create-bundle", BUNDLE, 20000, user),
        ("create-package", PACKAGE, 8000, client),
        ("create-course", COURSE, 12000, client),
    ):
        bought = scene.post(f"{MARKET}/bookings/{path}/", {"service_id": service_id}, who)
        _pay(scene, stripe_url, bought, cents, who)
    room = {"room_id": 1, "booking_date": scene.workday(3).isoformat(), "guest_count": 8}
    kept = scene.post("/api/bookings/", {**room, "start_time": "15:00:00", "end_time": "16:00:00"}, user)
    _pay(scene, stripe_url, kept, 10000, user)
    returned = scene.post("/api/bookings/", {**room, "start_time": "16:00:00", "end_time": "16:30:00"}, user)
    if _pay(scene, stripe_url, returned, 5000, user) and _is_paid(scene, returned["id"]):
        scene.client.change("DELETE", f"/api/bookings/{returned['id']}/", None, user)


def _pay(scene: Scene, stripe_url: str | None, bought: Any, cents: int, who: str) -> bool:
    if stripe_url is None or bought is None:
        return False
    body = {"booking_id": bought["id"], "amount": cents / 100, "currency": "usd"}
    intent = scene.post("/api/payment-intent/", body, who)
    return intent is not None and pay(stripe_url, SECRET_KEY, intent["payment_intent_id"])


def _is_paid(scene: Scene, booking_id: int) -> bool:
    """Waits until the provider's word has come through the lanes."""
    deadline = time.monotonic() + PAID_WITHIN_S
    path = f"/api/admin/payments/?booking_id={booking_id}"
    while time.monotonic() < deadline:
        if any(one["amount_received"] for one in scene.client.get(path, scene.callers.staff)["payments"]):
            return True
        time.sleep(LOOK_EVERY_S)
    return False
