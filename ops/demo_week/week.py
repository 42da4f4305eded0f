"""Makes the week, step by step. Where one is there that reaches today, it does nothing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from core.identity.demo_accounts import ADMIN, CLIENT, USER
from ops.demo_week import marketplace, plan
from ops.demo_week.catalogue import by_name, prepare
from ops.demo_week.client import Client
from ops.demo_week.scene import AGENT, Callers, Scene

CONFERENCE_ROOM = 1
"""The demo's first room, which costs something."""
SLOT_MINUTES = {1: 60, 2: 30}
"""Of the time slots, by the number of their category."""
EVERY_SIXTH = 6


def make(client: Client, today: date, stripe_url: str | None) -> bool:
    """False where one exists that reaches today. Raises `OSError` and `CatalogueError`."""
    callers = Callers(*(client.log_in(one.email, one.password) for one in (ADMIN, USER, CLIENT)))
    if not _is_due(client, callers.staff, today):
        return False
    _hold_room(client, callers.user, today)
    scene = Scene(client, callers, prepare(client, callers.staff), today, _people(client, callers.staff))
    for booked in plan.desk_bookings(today):
        _book_desk(scene, booked)
    for room in plan.room_bookings(today):
        _book_room(scene, room)
    _offer_time_slots(scene)
    marketplace.introduce(scene)
    marketplace.open_sessions(scene)
    marketplace.buy(scene, stripe_url)
    _close_room(scene)
    return True


def room_body(room_id: int, day: date, starts: str, ends: str, guests: int) -> dict[str, Any]:
    return {
        "room_id": room_id,
        "booking_date": day.isoformat(),
        "start_time": starts,
        "end_time": ends,
        "guest_count": guests,
    }


def _is_due(client: Client, staff: str, today: date) -> bool:
    """The closure of the quiet room is a week's last step."""
    rooms = by_name(client.get("/api/admin/rooms/", staff)["rooms"])
    if plan.QUIET_ROOM not in rooms:
        return True
    query = urlencode({"resource_id": rooms[plan.QUIET_ROOM]["resource_id"], "limit": 500})
    closures = client.get(f"/api/admin/closures/?{query}", staff)["data"]
    return plan.is_over([date.fromisoformat(one["start_date"]) for one in closures], today)


def _hold_room(client: Client, user: str, today: date) -> None:
    """A hold under way. It comes first: the documents' payment is of booking 2."""
    body = room_body(CONFERENCE_ROOM, today + timedelta(days=1), "11:00:00", "12:00:00", 5)
    client.change("POST", "/api/bookings/", body, user)


def _people(client: Client, staff: str) -> dict[str, int]:
    """Those of an earlier week; new ones come with their first booking at the desk, an agent's."""
    listed = client.get("/api/admin/users/?limit=500", staff)["data"]
    return {one["phone"]: int(one["id"]) for one in listed if one["phone"]}


def _book_desk(scene: Scene, booked: plan.DeskBooking) -> None:
    body = {
        "phone": booked.person.phone,
        "first_name": booked.person.first_name,
        "last_name": booked.person.last_name,
        "service_name": booked.service,
        "booking_date": booked.day.isoformat(),
        "booking_time": booked.at,
        "notes": booked.notes,
        "status": booked.status,
    }
    made = scene.post("/api/agent/booking/create/", body, AGENT)
    if made is not None:
        scene.people[booked.person.phone] = int(made["user_id"])


def _book_room(scene: Scene, booked: plan.RoomBooking) -> None:
    body = room_body(scene.catalogue.rooms[booked.room], booked.day, booked.starts, booked.ends, booked.guests)
    scene.post("/api/bookings/", {**body, **scene.for_(booked.person)}, scene.callers.staff)


def _offer_time_slots(scene: Scene) -> None:
    """In two categories, on workdays. Of six one is taken, by the demo's user or the demo's client."""
    first, *_, last = plan.days_of(scene.today)
    for category, minutes in SLOT_MINUTES.items():
        pattern = {
            "category": category,
            "start_date": first.isoformat(),
            "end_date": last.isoformat(),
            "weekdays": [0, 1, 2, 3, 4],
            "start_time": "10:00",
            "end_time": "16:00",
            "duration_minutes": minutes,
            "on_collision": "skip",
        }
        made = scene.post("/api/admin/timeslots/weekly/", pattern, scene.callers.staff)
        who = scene.callers.user if category == 1 else scene.callers.client
        for slot in made["created"][1::EVERY_SIXTH] if made else ():
            scene.post("/api/bookings/", {"time_slot": slot["id"]}, who)


def _close_room(scene: Scene) -> None:
    body = {
        "resource_id": scene.catalogue.room_resources[plan.QUIET_ROOM],
        "start_date": plan.closed_day(scene.today).isoformat(),
        "reason": "The floor is polished",
    }
    scene.post("/api/admin/closures/", body, scene.callers.staff)
