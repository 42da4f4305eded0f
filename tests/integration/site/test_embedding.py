"""Whose pages may show the booking page: the list that staff keep, and the policy that the front door makes of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from core.embedding_origins import ORIGINS_MAX
from tests.support.clients.callers import execute
from tests.support.clients.http_client import Client
from tests.support.processes.front_door import front_door
from tests.support.processes.stack import Stack

ORIGINS = "/api/admin/embedding-origins/"
SHOP = "https://shop.example.com"


@pytest.fixture(autouse=True)
def _nothing_allowed(stack: Stack) -> Iterator[None]:
    yield
    execute(stack, "DELETE FROM embedding_origin RETURNING id")


@pytest.fixture(scope="module")
def door(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with front_door(
        tmp_path_factory.mktemp("caddy"),
        api_port=stack.api_port,
        notifier_port=stack.notifier_port,
        is_impatient=True,
    ) as one:
        yield one.url


def allow(staff: Client, origin: str) -> httpx.Response:
    return staff.post(ORIGINS, json={"origin": origin})


def policy(answer: httpx.Response) -> dict[str, str]:
    parts = (one.partition(" ") for one in answer.headers["Content-Security-Policy"].split("; "))
    return {name: sources for name, _, sources in parts}


def test_an_origin_is_listed_once_in_its_usual_form(staff: Client) -> None:
    made = allow(staff, "https://Shop.Example.com:443/")
    assert (made.status_code, made.json()["data"]["origin"]) == (201, SHOP)
    again = allow(staff, SHOP)
    assert (again.status_code, again.json()["data"]) == (200, made.json()["data"])
    assert staff.get(ORIGINS).json()["data"] == [made.json()["data"]]


def test_a_removed_origin_is_gone_and_was_never_there_twice(staff: Client) -> None:
    one = allow(staff, SHOP).json()["data"]
    assert staff.delete(f"{ORIGINS}{one['id']}/").status_code == 200
    assert staff.get(ORIGINS).json()["data"] == []
    gone = staff.delete(f"{ORIGINS}{one['id']}/")
    assert (gone.status_code, gone.json()["code"]) == (404, "embedding_origin_not_found")


@pytest.mark.parametrize("sent", ["http://shop.example.com", "https://shop.example.com/page", "https://*.example.com"])
def test_what_is_no_origin_is_refused_at_its_field(staff: Client, sent: str) -> None:
    refused = allow(staff, sent)
    assert refused.status_code == 400
    assert [one["field"] for one in refused.json()["errors"]] == ["origin"]


def test_there_are_as_many_as_fit_into_a_header(staff: Client, stack: Stack, door: str) -> None:
    execute(
        stack,
        "INSERT INTO embedding_origin (origin) "
        "SELECT 'https://' || lpad(n::text, 100, 'a') || '.example.com' FROM generate_series(1, %s) n RETURNING id",
        ORIGINS_MAX,
    )
    refused = allow(staff, SHOP)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_embedding_origins")
    assert len(policy(httpx.get(f"{door}/book/embed/"))["frame-ancestors"].split()) == ORIGINS_MAX


def test_the_embedded_page_may_be_framed_by_who_is_allowed_at_once(staff: Client, door: str) -> None:
    before = httpx.get(f"{door}/book/embed/")
    assert before.status_code == 200
    assert policy(before)["frame-ancestors"] == "'none'"
    allow(staff, "https://a.example.com")
    one = allow(staff, SHOP).json()["data"]
    framed = httpx.get(f"{door}/book/embed/?kind=room&id=1")
    assert policy(framed)["frame-ancestors"] == f"https://a.example.com {SHOP}"
    assert "X-Frame-Options" not in framed.headers
    assert framed.headers["Cache-Control"] == "no-store"
    assert framed.headers["Content-Type"] == "text/html; charset=utf-8"
    assert framed.text == before.text
    staff.delete(f"{ORIGINS}{one['id']}/")
    assert policy(httpx.get(f"{door}/book/embed/"))["frame-ancestors"] == "https://a.example.com"


def test_its_policy_is_as_strict_as_the_booking_pages(door: str) -> None:
    own, embedded = (policy(httpx.get(f"{door}{path}")) for path in ("/book/", "/book/embed/"))
    assert {**embedded, "frame-ancestors": ""} == {**own, "frame-ancestors": ""}


@pytest.mark.parametrize("path", ["/", "/book/", "/book/pay/", "/b/a-token/", "/admin/", "/account/"])
def test_no_other_page_may_be_framed(staff: Client, door: str, path: str) -> None:
    allow(staff, SHOP)
    answer = httpx.get(f"{door}{path}")
    assert policy(answer)["frame-ancestors"] == "'none'"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_login_that_is_over_keeps_the_page_from_nobody(door: str) -> None:
    headers = {"Cookie": "holdfast_access=forged", "Authorization": "Bearer forged"}
    assert httpx.get(f"{door}/book/embed/", headers=headers).status_code == 200


def test_while_the_api_is_away_the_page_is_not_framed(tmp_path_factory: pytest.TempPathFactory) -> None:
    with front_door(tmp_path_factory.mktemp("alone"), is_impatient=True) as alone:
        answer = httpx.get(f"{alone.url}/book/embed/")
        script = httpx.get(f"{alone.url}/book/embed.js")
    assert answer.status_code == 503
    assert policy(answer)["frame-ancestors"] == "'none'"
    assert script.status_code == 200


def test_the_script_may_be_loaded_by_any_page(door: str) -> None:
    script = httpx.get(f"{door}/book/embed.js")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert script.headers["Cache-Control"] == "no-cache"
    assert httpx.get(f"{door}/book/embed.js", headers={"If-None-Match": script.headers["ETag"]}).status_code == 304
