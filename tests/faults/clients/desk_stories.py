"""What clients do at the desk of appointments: a hot slot, edits by two admins, bulks, closures."""

from __future__ import annotations

from typing import Any

from tests.faults.clients.scene import Scene, id_of, workday_hour

BULK_ROWS = 10
ADMIN = "/api/admin/bookings/"
MOST_EDITS = 8


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
    """Two admins write one booking's notes again and again, and read them."""
    day, hour = workday_hour(40_000 + scene.own())
    first = scene.caller.next_name()
    booking = id_of(_place(scene, first, day, f"{hour:02}:00", ""), "booking_id")
    if booking is None:
        return
    subject, path = f"register:{booking}", f"{ADMIN}{booking}/"
    for _ in range(MOST_EDITS):
        if scene.often(0.4):
            scene.read("edits", subject, path, lambda body: _notes(body, first), scene.desk)
        else:
            name = scene.caller.next_name()
            more = _of(subject, name)
            scene.send("PUT", "edits", "write", f"{path}update/", {"notes": name}, scene.desk, operation=name, **more)


def _notes(body: Any, first: str) -> str:
    """Empty stands for what the booking was made with."""
    notes = str(body["data"]["notes"])
    return "" if notes == first else notes


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
