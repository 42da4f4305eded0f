"""What holds every test to the description: an answer that is not described fails the test that hears it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.conformance.answers import Conformance
from tests.support.conformance.feeds import Feed, Heard

TICKET = {"ticket": "hft_1", "expires_in": 60}
PROBLEM = {
    "success": False, "message": "No", "error": "No", "detail": "No", "code": "not_authenticated", "status": 401,
    "errors": [],
}  # fmt: skip
LOGIN = {"username": "user@example.com", "password": "123456Long"}


def answer(
    status: int = 200,
    body: Any = TICKET,
    *,
    method: str = "POST",
    path: str = "/api/ws-ticket/",
    sent: Any = None,
    media: str = "application/json",
) -> httpx.Response:
    request = httpx.Request(method, f"http://localhost{path}", json=sent)
    return httpx.Response(status, json=body, headers={"X-Request-ID": "tests", "Content-Type": media}, request=request)


@pytest.mark.parametrize("path", ["/api/ws-ticket/", "/api/ws-ticket"])
def test_what_is_described_passes_and_is_remembered(path: str) -> None:
    checked = Conformance()
    checked.check(answer(path=path))
    checked.check(answer(200, {"token": "hft_1"}, path="/api/auth/token/", sent=LOGIN))
    checked.check(answer(401, PROBLEM, path=path))
    assert checked.heard()["POST /api/ws-ticket/"] == {
        "200": ["/expires_in", "/ticket", "application/json"],
        "401": ["application/json", "not_authenticated"],
        "outcomes": [],
    }


@pytest.mark.parametrize(
    ("undescribed", "why"),
    [
        (answer(path="/api/nobody-knows/"), "is not described"),
        (answer(method="PATCH"), "is not described"),
        (answer(media="text/html", path="/api/nobody-knows/"), "is not described"),
        (answer(418), "answered 418, which is not described"),
        (answer(500, {**PROBLEM, "code": "internal_error", "status": 500}), "answered 500, which is not described"),
        (answer(media="text/csv"), "undescribed 'text/csv'"),
        (answer(body={**TICKET, "secret": "x"}), "is not as described"),
        (answer(body={"ticket": "hft_1"}), "is not as described"),
        (answer(body={**TICKET, "expires_in": "soon"}), "is not as described"),
        (answer(401, {**PROBLEM, "code": "slot_taken"}), "refused with 'slot_taken', which is not described"),
        (answer(401, {**PROBLEM, "hint": "x"}), "is not as described"),
        (answer(path="/api/ws-ticket/?for=me"), "took undescribed parameters"),
        (
            answer(200, {"token": "hft_1"}, path="/api/auth/token/", sent=LOGIN | {"vip": True}),
            "took a body that is not",
        ),
    ],
)
def test_what_is_not_described_fails_the_test_that_hears_it(undescribed: httpx.Response, why: str) -> None:
    with pytest.raises(AssertionError, match=why):
        Conformance().check(undescribed)


def calendar() -> Feed:
    return Heard()._feeds["/ws/calendar/"]


@pytest.mark.parametrize(
    "told",
    [
        '{"type": "news", "position": "a-1"}',
        '{"type": "reload", "position": "a-1", "why": "x"}',
        '{"type": "reload"}',
        '{"type": "bookings_data", "data": [], "position": "a-1"}',
    ],
)
def test_what_a_feed_does_not_describe_fails_the_test_that_hears_it(told: str) -> None:
    assert list(calendar().hear('{"type": "reload", "position": "a-1"}')) == ["/ws/calendar/ reload"]
    with pytest.raises(AssertionError, match=r"not described|not as described"):
        list(calendar().hear(told))


def test_a_refusal_or_close_code_that_is_not_described_fails_the_test_that_hears_it() -> None:
    assert list(calendar().refuse(401, "bad_credential")) == ["refusal 401 bad_credential"]
    with pytest.raises(AssertionError, match="not described"):
        list(calendar().refuse(404, "not_found"))
    assert list(calendar().close(4401)) == ["close 4401"]
    with pytest.raises(AssertionError, match="not described"):
        list(calendar().close(4999))
