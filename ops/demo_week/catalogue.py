"""What the demo's week books beyond the demo's own catalogue: made once, found by name afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from core.identity.demo_accounts import PRACTITIONER
from ops.demo_week import plan
from ops.demo_week.client import Client

MARKET = "/api/v1/drf"
WEEKDAYS = [{"weekday": day, "start": "09:00", "end": "17:00"} for day in range(5)]
COMMUNITY = "Community Class"
BREATHING, PACKAGE, BUNDLE, COURSE = 3, 4, 5, 6
"""The demo's own services, by their numbers (`core/store/maintenance/demo_data.py`)."""
SMITH_ID = 1
ROOMS: tuple[Mapping[str, Any], ...] = (
    {"name": plan.STUDIO, "description": "A floor with mirrors", "capacity": 8, "price_per_slot": 0},
    {"name": plan.QUIET_ROOM, "description": "For one or two", "capacity": 2, "price_per_slot": 0},
)
JONES = {
    "username": "dr.jones@example.com",
    "email": "dr.jones@example.com",
    "password": PRACTITIONER.password,
    "first_name": "Dr.",
    "last_name": "Jones",
    "is_active": True,
    "is_staff": False,
    "is_superuser": False,
    "gender": "female",
    "country": "Canada",
}


class Catalogue(Struct, frozen=True):
    """Numbers by name."""

    rooms: dict[str, int]
    room_resources: dict[str, int]
    practitioners: dict[str, int]
    introduction: int
    community: int
    zone: str


class CatalogueError(Exception):
    """Something that the week needs could not be made; the message says what."""


def prepare(client: Client, staff: str) -> Catalogue:
    rooms = _rooms(client, staff)
    zone, practitioners = _practitioners(client, staff)
    given_by = sorted(practitioners.values())
    _named(client, staff, {"name": plan.DESK_SERVICES[1], "duration_minutes": 60})
    introduction = {"name": plan.INTRODUCTION, "duration_minutes": plan.INTRODUCTION_MINUTES}
    community = {"name": COMMUNITY, "booking_type": "workshop"}
    return Catalogue(
        rooms={name: int(room["id"]) for name, room in rooms.items()},
        room_resources={name: int(room["resource_id"]) for name, room in rooms.items()},
        practitioners=practitioners,
        introduction=_service(client, staff, {**introduction, "practitioner_ids": given_by}),
        community=_service(client, staff, {**community, "practitioner_ids": given_by}),
        zone=zone,
    )


def _rooms(client: Client, staff: str) -> dict[str, Any]:
    found = by_name(client.get("/api/admin/rooms/", staff)["rooms"])
    for room in ROOMS:
        if room["name"] not in found:
            found[room["name"]] = _made(client, "/api/admin/rooms/", room, staff)
    return found


def _practitioners(client: Client, staff: str) -> tuple[str, dict[str, int]]:
    """(Dr. Smith's zone, numbers by name)."""
    found = by_name(client.get(f"{MARKET}/practitioners/?page_size=100", staff)["results"])
    if plan.JONES not in found:
        made = _made(client, "/api/admin/users/create/", JONES, staff)
        body = {"user_id": made["data"]["id"], "name": plan.JONES, "hours": WEEKDAYS}
        found[plan.JONES] = _made(client, f"{MARKET}/practitioners/", body, staff)
    return found[plan.SMITH]["time_zone"], {name: int(one["id"]) for name, one in found.items()}


def _named(client: Client, staff: str, service: Mapping[str, Any]) -> None:
    if service["name"] not in by_name(client.get("/api/admin/services/?limit=500", staff)["data"]):
        _made(client, "/api/admin/services/", service, staff)


def _service(client: Client, staff: str, service: Mapping[str, Any]) -> int:
    found = by_name(client.get(f"{MARKET}/services/?page_size=100", staff)["results"])
    one = found.get(service["name"]) or _made(client, f"{MARKET}/services/", service, staff)
    return int(one["id"])


def _made(client: Client, path: str, body: Mapping[str, Any], staff: str) -> Any:
    made = client.change("POST", path, body, staff)
    if made is None:
        raise CatalogueError(client.refused[-1])
    return made


def by_name(listed: Iterable[Any]) -> dict[str, Any]:
    return {str(one["name"]): one for one in listed}
