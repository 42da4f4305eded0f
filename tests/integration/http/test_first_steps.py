"""What somebody meets who knows nothing of the API yet: an index, the documentation, refusals that say what to do."""

from __future__ import annotations

import gzip

import httpx
import pytest

from api.openapi.endpoints import ASSETS
from core.identity.demo_accounts import AGENT_KEY
from tests.support.clients.http_client import Client
from tests.support.conformance.description import served
from tests.support.processes.stack import Stack

JSON = b'{"phone": "2025550101", "service_name": "Legal Consultation"}'
ZIPPED = ["/api/schema/", "/api/schema/feeds/", *(f"/api/docs/assets/{name}" for name in ASSETS)]


@pytest.mark.parametrize(
    ("typed", "to"),
    [("/", "/api/docs/"), ("/docs", "/api/docs/"), ("/docs/", "/api/docs/"), ("/openapi.json", "/api/schema/")],
)
def test_what_people_type_first_leads_to_what_they_look_for(client: Client, typed: str, to: str) -> None:
    answer = client.get(typed)
    assert (answer.status_code, answer.headers["Location"]) == (302, to)
    assert client.get(to).status_code == 200


@pytest.mark.parametrize("typed", ["/api", "/api/"])
def test_the_index_names_addresses_that_are_served(client: Client, typed: str) -> None:
    index = client.get(typed).json()
    assert index.pop("name") == "Holdfast"
    assert set(index.values()) <= {route.path for route in served()}
    assert {"/api/docs/", "/api/schema/", "/api/login/"} <= set(index.values())


def test_an_address_of_nothing_says_where_all_of_them_are(client: Client) -> None:
    answer = client.get("/api/v2/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "/api/docs/" in answer.json()["message"]


@pytest.mark.parametrize("path", ZIPPED)
def test_what_is_always_the_same_goes_out_compressed_to_those_who_take_it(client: Client, path: str) -> None:
    with client.stream("GET", path, headers={"Accept-Encoding": "gzip, br"}) as answer:
        zipped = b"".join(answer.iter_raw())
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert {"Accept-Encoding", "Origin"} <= set(answer.headers["Vary"].split(", "))
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == answer.headers["Vary"]
    assert gzip.decompress(zipped) == plain.content
    assert answer.headers["Content-Type"] == plain.headers["Content-Type"]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "Multipart/Form-Data; boundary=x"])
@pytest.mark.parametrize(
    "path", ["/api/agent/booking/create/", "/api/login/", "/api/agent/bookings/bulk/", "/api/logout/"]
)
def test_json_under_the_content_type_of_a_form_is_a_415(staff: Client, path: str, kind: str) -> None:
    """As `curl -d` sends it where nobody says otherwise."""
    answer = staff.post(path, content=JSON, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert "Content-Type: application/json" in answer.json()["message"]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (f"Bearer {AGENT_KEY}", "An agent key belongs under Authorization: Token"),
        (f"bearer  {AGENT_KEY}", "An agent key belongs under Authorization: Token"),
        ("Bearer hft_forged", "An API token belongs under Authorization: Token"),
        ("Token eyJh.eyJh.sig", "The access token of a login belongs under Authorization: Bearer"),
        (AGENT_KEY, "Authorization must be Bearer with"),
        ("Token", "Authorization must be Bearer with"),
        ("Basic dXNlcjpwYXNz", "Authorization must be Bearer with"),
        ("Bearer forged", "Invalid or expired credentials"),
        ("Token hfa_forged", "Invalid or expired credentials"),
    ],
)
def test_a_credential_under_the_wrong_scheme_is_told_where_it_belongs(stack: Stack, header: str, says: str) -> None:
    """Only its form is looked at: whether it is good for anything is not said."""
    answer = httpx.get(f"{stack.api_url}/api/admin/bookings/", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_credential")
    assert answer.json()["message"].startswith(says)
    assert "WWW-Authenticate" in answer.headers


def test_a_caller_without_credentials_is_told_how_to_log_in(client: Client) -> None:
    answer = client.get("/api/admin/bookings/")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    for word in ("/api/login/", "Authorization: Bearer", "Authorization: Token"):
        assert word in answer.json()["message"]
