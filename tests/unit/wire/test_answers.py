"""The bodies: the error shape, the admin shape, and what agents are told about people."""

from __future__ import annotations

import json
from datetime import time
from typing import Any
from uuid import UUID

import msgspec
import pytest

from core.domain.bookings.status import Status
from core.domain.commands import Actor, ActorKind, Canary, Cancel, ChangeStatus, Delete, Place
from core.domain.refusals import Refusal
from core.store.inbox.outcomes import CommandRecord, Outcome
from core.wire.contracts.admin_bookings import admin_booking
from core.wire.errors import FieldProblem, error_body
from core.wire.outcomes import command_status, parked, render, withdrawn
from tests.support.values import ANONYMOUS, NOW, STAFF, booking, by_phone, decided, envelope, place, state, user

AGENT = Actor(ActorKind.AGENT, key_id=9)
ERROR_KEYS = {"success", "message", "error", "detail", "code", "status", "errors"}


def answer(command: Any, actor: Actor = STAFF, contract: str = "appointments", **known: Any) -> tuple[Outcome, Any]:
    before = state(**known)
    one = envelope(command, actor, contract=contract)
    outcome = render(one, decided(before, one), before)
    return outcome, json.loads(outcome.body)


def test_the_error_shape_says_one_sentence_under_the_names_of_all_documents() -> None:
    body = msgspec.to_builtins(error_body(409, "slot_taken", "Taken", [FieldProblem("booking_date", "is taken")]))
    assert set(body) == ERROR_KEYS
    assert body["message"] == body["error"] == body["detail"] == "Taken"
    assert (body["success"], body["code"], body["status"]) == (False, "slot_taken", 409)
    assert body["errors"] == [{"field": "booking_date", "message": "is taken"}]


def test_a_refusal_is_a_rejected_outcome_in_the_error_shape() -> None:
    outcome, body = answer(place(at=time(3)))
    assert (outcome.status, outcome.http_status, body["code"]) == ("rejected", 400, "outside_working_hours")
    assert set(body) == ERROR_KEYS
    assert body["errors"] == [{"field": "booking_time", "message": body["message"]}]


@pytest.mark.parametrize(
    ("outcome", "status", "http_status", "code"),
    [(parked(UUID(int=5)), "failed", 503, "command_failed"), (withdrawn(), "rejected", 409, "withdrawn")],
)
def test_parked_and_withdrawn_commands_end_as_the_contracts_page_says(
    outcome: Outcome, status: str, http_status: int, code: str
) -> None:
    assert (outcome.status, outcome.http_status) == (status, http_status)
    assert json.loads(outcome.body)["code"] == code


def test_an_overdue_command_is_rejected_with_409() -> None:
    one = envelope(place(), decide_before=NOW)
    before = state()
    outcome = render(one, decided(before, one), before)
    assert (outcome.status, outcome.http_status) == ("rejected", 409)
    assert json.loads(outcome.body)["code"] == Refusal.DECIDED_TOO_LATE


def test_the_create_answer_of_appointments_is_the_documents() -> None:
    outcome, body = answer(place(notes="hello"))
    assert (outcome.status, outcome.http_status) == ("succeeded", 201)
    assert body == {
        "success": True,
        "message": "Booking created successfully",
        "data": {
            "id": 100,
            "service_name": "Legal Consultation",
            "booking_date": "2025-10-20",
            "booking_time": "14:00",
            "duration_minutes": 60,
            "status": "upcoming",
            "created_at": "2025-10-14T12:00:00.000000+00:00",
        },
    }


def test_the_create_answer_of_agent_is_the_documents() -> None:
    person = by_phone(first_name="John", last_name="Doe", email="john.doe@example.com", gender="male", country="USA")
    outcome, body = answer(place(person=person, notes="Agent created booking"), ANONYMOUS, "agent")
    assert (outcome.status, outcome.http_status) == ("succeeded", 201)
    assert body == {
        "success": True,
        "message": "Booking created successfully",
        "user_created": True,
        "user_id": 100,
        "booking_id": 100,
        "data": {
            "booking": {
                "id": 100,
                "service_name": "Legal Consultation",
                "booking_date": "2025-10-20",
                "booking_time": "14:00:00",
                "status": "upcoming",
                "notes": "Agent created booking",
                "created_at": "2025-10-14T12:00:00Z",
            },
            "user": {
                "id": 100,
                "username": "1234567890",
                "first_name": "John",
                "last_name": "Doe",
                "email": "john.doe@example.com",
                "phone": "1234567890",
                "is_active": True,
                "created": True,
            },
        },
    }


KNOWN = user(7, username="+1 234", phone="+1 234", phone_key="1234", first_name="Secret", email="secret@example.com")


def agent_answer(actor: Actor, command: Place) -> Any:
    return answer(command, actor, "agent", users=[KNOWN])[1]


def test_an_anonymous_caller_sees_only_what_it_sent_about_somebody_who_existed() -> None:
    sent = by_phone("1234", first_name="Guess", email="guess@example.com")
    body = agent_answer(ANONYMOUS, place(person=sent))
    assert body["data"]["user"] == {
        "id": 7,
        "username": "1234",
        "first_name": "Guess",
        "last_name": "",
        "email": "guess@example.com",
        "phone": "1234",
        "is_active": True,
        "created": False,
    }
    assert body["user_created"] is False
    assert "ecret" not in json.dumps(body)


def test_an_agent_key_sees_the_user_as_stored() -> None:
    shown = agent_answer(AGENT, place(person=by_phone("1234", first_name="Guess")))["data"]["user"]
    assert (shown["first_name"], shown["email"], shown["username"]) == ("Secret", "secret@example.com", "+1 234")


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED])
def test_history_is_shown_in_its_own_word(status: Status) -> None:
    _, body = answer(place(person=by_phone(), status=status), ANONYMOUS, "agent")
    assert body["data"]["booking"]["status"] == status


def test_the_admin_shape_has_the_contracts_pages_fields_in_the_resources_zone() -> None:
    shown = msgspec.to_builtins(admin_booking(booking(notes="n"), user()))
    assert list(shown)[:10] == [
        "id", "contract", "user_id", "service_name", "booking_date", "booking_time", "duration_minutes", "status",
        "notes", "created_at",
    ]  # fmt: skip
    assert (shown["booking_date"], shown["booking_time"]) == ("2025-10-20", "14:00:00")
    assert shown["created_at"].endswith("+00:00")
    assert list(shown["user_details"]) == [
        "id", "username", "first_name", "last_name", "email", "phone", "gender", "country", "is_active", "date_joined",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "message", "shown"),
    [
        (ChangeStatus(1, Status.COMPLETED), "Booking updated successfully", "completed"),
        (Cancel(1), "Booking cancelled successfully", "cancelled"),
    ],
)
def test_a_change_is_answered_in_the_admin_shape(command: Any, message: str, shown: str) -> None:
    outcome, body = answer(command, bookings=[booking()])
    assert (outcome.http_status, body["message"], body["data"]["status"]) == (200, message, shown)
    assert body["data"]["user_details"]["id"] == 1


def test_asking_for_the_present_status_answers_200_unchanged() -> None:
    outcome, body = answer(ChangeStatus(1, Status.CONFIRMED), bookings=[booking()])
    assert (outcome.http_status, body["data"]["version"]) == (200, 1)


def test_a_delete_is_answered_without_the_booking() -> None:
    outcome, body = answer(Delete(1), bookings=[booking()])
    assert (outcome.http_status, body) == (200, {"success": True, "message": "Booking deleted successfully"})


def test_a_canary_is_heard() -> None:
    assert answer(Canary())[0] == Outcome("succeeded", 200, b'{"success":true}')


def test_the_poll_of_an_undecided_command_has_no_response() -> None:
    record = CommandRecord(UUID(int=1), "place", None, NOW, None, "accepted", None, None)
    assert json.loads(command_status(record)) == {
        "id": str(UUID(int=1)),
        "type": "place",
        "status": "accepted",
        "accepted_at": "2025-10-14T12:00:00Z",
        "finished_at": None,
        "response": None,
    }


def test_the_poll_of_a_decided_command_answers_the_waiting_clients_bytes() -> None:
    outcome, _ = answer(place())
    sent = outcome.body.decode()
    record = CommandRecord(UUID(int=1), "place", None, NOW, NOW, outcome.status, outcome.http_status, sent)
    assert f'"response":{{"status":201,"body":{sent}}}' in command_status(record).decode()
