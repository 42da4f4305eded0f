"""A guest's mails are in the language of the request that made them known, until they choose another."""

from __future__ import annotations

import pytest

from core.mails.languages import language
from tests.support.clients import bulks
from tests.support.clients.callers import execute
from tests.support.clients.http_client import Client, agent_booking
from tests.support.clients.people import free_phone
from tests.support.mail_sending import mail_sending
from tests.support.processes.stack import Stack

CREATE = "/api/agent/booking/create/"
QUESTION = "Do you want mails about your bookings?"


def new_guest() -> dict[str, str]:
    phone = f"+1{free_phone()}"
    return {"phone": phone, "email": f"g{phone[1:]}@example.com"}


def kept_language(stack: Stack, guest: dict[str, str]) -> str | None:
    ((found,),) = execute(stack, "SELECT language FROM user_account WHERE contact_email = %s", guest["email"])
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("asked", "kept"), [("de-AT, en;q=0.5", "de"), ("fr, ar;q=0.3", "ar"), ("fr", None), (None, None)]
)
def test_the_language_of_the_first_booking_is_kept_with_the_guest(
    stack: Stack, client: Client, asked: str | None, kept: str | None
) -> None:
    guest = new_guest()
    headers = {} if asked is None else {"Accept-Language": asked}
    assert client.post(CREATE, json=agent_booking(**guest), headers=headers).status_code == 201
    assert kept_language(stack, guest) == kept
    again = client.post(CREATE, json=agent_booking(**guest), headers={"Accept-Language": "en"})
    assert (again.status_code, kept_language(stack, guest)) == (201, kept)


@pytest.mark.parametrize("mode", ["each", "all_or_nothing"])
def test_the_language_of_a_bulk_is_kept_with_each_new_guest_of_it(stack: Stack, staff: Client, mode: str) -> None:
    guests = [new_guest() for _ in range(2)]
    (service,) = bulks.new_services(stack, 1)
    rows = [{**row, **guest} for row, guest in zip(bulks.rows_for([service], 2), guests, strict=True)]
    batch = staff.post(bulks.PATH, json=rows, params={"mode": mode}, headers={"Accept-Language": "de-AT, en;q=0.5"})
    assert bulks.finished(staff, bulks.accepted(batch))["succeeded"] == len(rows)
    assert [kept_language(stack, guest) for guest in guests] == ["de", "de"]


def test_a_guest_s_mail_is_in_it_and_else_in_the_installation_s(stack: Stack, client: Client, staff: Client) -> None:
    with mail_sending(stack, None, mail_given_addresses=True, language="ar") as sending:
        for asked in ("de", "fr"):
            body = agent_booking(**new_guest())
            assert client.post(CREATE, json=body, headers={"Accept-Language": asked}).status_code == 201
        sent = sending.run(least=2)
        subjects = [_subject(staff, delivery.booking_id) for delivery, _ in sent]
    assert subjects == [language(code).say(QUESTION) for code in ("de", "ar")]
    assert QUESTION not in subjects


def _subject(staff: Client, booking_id: int | None) -> str:
    (listed,) = staff.get("/api/admin/mails/", params={"booking_id": booking_id}).json()["mails"]
    return str(listed["kept"]["subject"])
