"""Books by the generated client alone: `python booking.py FOLDER URL TOKEN DAY`. Its answer is the booking's id."""

from __future__ import annotations

import importlib
import sys
from datetime import date
from typing import Any


def main(folder: str, url: str, token: str, day: str) -> None:
    sys.path.insert(0, folder)
    client: Any = importlib.import_module("holdfast_client")  # made a moment ago, so no type checker knows it
    with client.ApiClient(client.Configuration(host=url, access_token=token)) as connection:
        appointments, commands = client.AppointmentsApi(connection), client.CommandsApi(connection)
        free = appointments.get_booking_smart_available_slots(date.fromisoformat(day)).available_slots
        first, second = (slot.time for slot in free[:2])
        wanted = client.NewBooking(service_name="Legal Consultation", booking_date=day, booking_time=first)
        booked = appointments.post_booking_create(wanted)
        assert (booked.data.booking_time, booked.data.status) == (first, "upcoming"), booked
        _is_refused(client, appointments, wanted)
        wanted.booking_time = second
        answer = appointments.post_booking_create_with_http_info(wanted, prefer="respond-async")
        command = client.CommandAccepted.from_json(answer.raw_data)
        found = commands.get_commands_command_id(command.id, prefer="wait=20")
        assert (answer.status_code, found.status) == (202, "succeeded"), found
        print(booked.data.id)  # noqa: T201 - its answer


def _is_refused(client: Any, appointments: Any, taken: Any) -> None:
    try:
        appointments.post_booking_create(taken)
    except client.ApiException as refused:
        assert client.ErrorBody.from_json(refused.body).code == "slot_taken", refused  # noqa: PT017 - a test
    else:
        raise AssertionError("a slot was booked twice")


if __name__ == "__main__":
    main(*sys.argv[1:])
