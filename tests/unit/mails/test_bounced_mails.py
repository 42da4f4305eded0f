"""Reports about undeliverable mails: which of them say that an address is no good, and of which mail."""

from __future__ import annotations

from uuid import UUID

import pytest

from core.identity.credentials.guest_tokens import is_mail_mark, mail_mark
from core.mails.bounced_mails import Bounce, bounce_of, message_id
from tests.support.deliveries.bounce_reports import report

ID = UUID("9a1f7c52-7c0e-5b7e-8f43-6f5a0a4b1c2d")
KEY, MARK = "k" * 32, mail_mark("k" * 32, ID, "guest@example.com")
OURS = message_id(ID, MARK, "example.com")


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers", "message/global-headers"])
@pytest.mark.parametrize("status", ["5.1.1", "5.1.10", "5.2.1"])
def test_a_report_names_the_mail_and_why_its_address_is_no_good(returned: str, status: str) -> None:
    assert bounce_of(report(OURS, status=status, returned=returned)) == Bounce(ID, MARK, status)


def test_a_server_that_says_no_more_than_that_it_failed_is_taken_at_smtp_s_word() -> None:
    assert bounce_of(report(OURS, status="5.0.0")) == Bounce(ID, MARK, "550")
    assert bounce_of(report(OURS, status="5.0.0", diagnosis="smtp; 554 no")) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"action": "delayed"}, "it is tried again"),
        ({"action": "delivered"}, "it arrived"),
        ({"status": "4.1.1"}, "it may arrive later"),
        ({"status": "5.2.2"}, "a mailbox is full"),
        ({"status": "5.7.1"}, "the text is refused, not the address"),
        ({"status": ""}, "it does not say"),
        ({"returned": "text/plain"}, "the mail does not come back with it"),
        ({"message_id": "<1@example.com>"}, "the mail is not one of ours"),
        ({"message_id": f"<{ID}@example.com>"}, "the mark is missing"),
        ({"message_id": f"x {OURS}"}, "more than an id"),
    ],
)
def test_other_reports_say_nothing_of_an_address(changes: dict[str, str], why: str) -> None:
    assert bounce_of(report(**{"message_id": OURS, **changes})) is None, why


@pytest.mark.parametrize(
    "mail",
    [
        b"",
        b"\xff\xfe\x00",
        b"Content-Type: multipart/report\n\nno parts",
        b"Content-Type: multipart/report; boundary=x\n\n--x\n--x--",
        b"Content-Type: multipart/report; boundary=x; charset=nonsense\n\n--x\nContent-Type: message/delivery-status\n\n--x--",
        report(OURS).replace(b"multipart/report", b"multipart/mixed"),
        report(OURS)[:200],
    ],
)
def test_what_is_no_report_is_left_alone(mail: bytes) -> None:
    assert bounce_of(mail) is None


def test_a_mark_holds_for_one_mail_one_address_and_the_keys_of_the_installation() -> None:
    assert is_mail_mark(MARK, ["another", KEY], ID, " Guest@example.com ")
    assert not is_mail_mark(MARK, [KEY], ID, "other@example.com")
    assert not is_mail_mark(MARK, [KEY], UUID(int=1), "guest@example.com")
    assert not is_mail_mark(MARK, ["another"], ID, "guest@example.com")
    assert not is_mail_mark("é", [KEY], ID, "guest@example.com")
