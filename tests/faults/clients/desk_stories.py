"""What clients do at the desk of appointments: a hot slot, edits by two admins, bulks, closures."""

from __future__ import annotations

from typing import Any

from tests.faults.clients.scene import HOURS, Scene, id_of, workday_hour

BULK_ROWS = 10
ADMIN = "/api/admin/bookings/"
MOST_EDITS = 8
FIRST_HOUR = HOURS[0]


def slots(scene: Scene) -> None:
    """All want the same slot for a while: they book, look, cancel and book again."""
    day, hour = workday_hour(scene.meeting())
    at, subject = f"{hour:02}:00", f"slot:desk {day} {hour}"
    if scene.often(0.3):
        path = f"/api/booking/smart-available-slots/?date={day}"
        scene.read("slots", subject, path, lambda body: "free" if at in _times(body) else "taken")
        return
    operation = scene.caller.next_name()
    booking = id_of(_place(scene, operation, day, at, subject), "booking_id")
    if booking is not None and scene.often(0.6):
        scene.send(
            "DELETE", "slots", "cancel", f"{ADMIN}{booking}/delete/", None, scene.desk, **_of(subject, operation)
        )


def _place(scene: Scene, operation: str, day: str, at: str, subject: str) -> Any:
    body = {
        "phone": "1234567890",
        "first_name": "Ada",
        "last_name": "Byron",
        "email": "ada@example.com",
        "service_name": "Legal Consultation",
        "booking_date": day,
        "booking_time": at,
        "notes": operation,
    }
    path = "/api/agent/booking/create/"
    return scene.post("slots", "place", path, body, scene.desk, operation=operation, **_of(subject, operation))


def _of(subject: str, value: str) -> dict[str, str]:
    return {"subject": subject, "value": value}


def _times(body: Any) -> set[str]:
    return {one["time"] for one in body["available_slots"]}


def edits(scene: Scene) -> None:
    """Two admins move one booking about its day again and again, and look where it is."""
    day, _ = workday_hour(100_000 + 8 * scene.own())
    booking = id_of(_place(scene, scene.caller.next_name(), day, f"{FIRST_HOUR:02}:00", ""), "booking_id")
    if booking is None:
        return
    subject, path = f"register:{booking}", f"{ADMIN}{booking}/"
    for _ in range(MOST_EDITS):
        if scene.often(0.4):
            scene.read("edits", subject, path, _time, scene.desk)
        else:
            at = f"{scene.chance.choice(HOURS):02}:00:00"
            more = _of(subject, _place_in_day(at))
            scene.post("edits", "write", f"{path}move/", {"start_time": f"{day}T{at}"}, scene.desk, **more)


def _time(body: Any) -> str:
    return _place_in_day(str(body["data"]["booking_time"]))


def _place_in_day(at: str) -> str:
    """`first` is where the booking was made (tests/faults/checks/models.py)."""
    return "first" if at.startswith(f"{FIRST_HOUR:02}") else at


def bulks(scene: Scene) -> None:
    """Ten rows, each for a place of its own, sent again with their key."""
    first = scene.own() * BULK_ROWS
    rows = [_row(scene, first + n) for n in range(BULK_ROWS)]
    path = "/api/agent/bookings/bulk/"
    scene.post("bulks", "send", path, rows, scene.desk, is_keyed=True, prefer="respond-async")
    scene.caller.over.wait(2.0)  # now and then, beside everybody else


def _row(scene: Scene, number: int) -> dict[str, str]:
    services = scene.things.services
    day, hour = workday_hour(number // len(services))
    return {
        "phone": f"20255{number % 100_000:05}",
        "service_name": services[number % len(services)],
        "booking_date": day,
        "booking_time": f"{hour:02}:00",
    }


def closures(scene: Scene) -> None:
    """An hour of a resource is closed, somebody may want it meanwhile, and it is opened again."""
    day, hour = workday_hour(scene.meeting())
    span = {"start_date": day, "end_date": day, "start_time": f"{hour:02}:00", "end_time": f"{hour + 1:02}:00"}
    path = "/api/admin/closures/"
    made = scene.post("closures", "close", path, {**span, "resource_id": scene.things.resource}, scene.desk)
    if made is not None and made.status < 300:
        scene.send("DELETE", "closures", "open", f"{path}{made.body['data']['id']}/", None, scene.desk)
