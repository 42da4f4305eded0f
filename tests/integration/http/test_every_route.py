"""What HTTP asks of every route alike: HEAD beside GET, OPTIONS, `Accept`, bodies as they are, a byte order mark."""

from __future__ import annotations

import gzip
import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest

from api.http.errors import PROBLEM_JSON
from tests.conftest import FIGURE
from tests.support.clients.http_client import Client, agent_booking, raw_answer
from tests.support.conformance.description import operations, path_with_unknown_ids
from tests.support.processes.stack import Stack

Record = Callable[[str, object], None]

VOLATILE_FIELDS = {"date", "x-request-id", "content-length", "transfer-encoding"}
"""The last is of a body that is sent as it is made: nobody knows its length before, and HEAD has no body to cut up."""
LENGTH_TRIES = 5
"""An answer whose length varies (ages on /readyz) may vary between one GET and the next. A wrong length is wrong always."""
FIRST = {"integer": "1", "uuid": "00000000-0000-0000-0000-000000000000", "string": "start.js"}
"""What a field of a path is filled with: a thing that the demo has, where it has one."""
ZIPPED = gzip.compress(b"{}")
NOT_READ = {
    "/api/stripe-webhook/": ("bad_webhook", "payments_not_set_up"),
    "/api/agent/bookings/bulk/": ("malformed_json",),
    "/api/guest/bookings/{token}/cancel/": ("not_found",),
    "/api/guest/bookings/{token}/move/": ("not_found",),
    "/api/busy-calendars/": ("forbidden",),
}
"""Staff who are no practitioner have no calendars of their own. A link that leads nowhere is refused before anything is read. A webhook's bytes are signed as they are; a bulk is an array (tests/unit/agent/test_bulk_rows.py)."""
FORGED = {"Authorization": "Bearer forged"}


def gets() -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((path, described) for method, path, described in operations() if method == "GET")


def headers_of(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in VOLATILE_FIELDS}


@pytest.mark.parametrize("caller", ["client", "staff"])
def test_head_answers_as_get_does_but_for_the_body(
    request: pytest.FixtureRequest, caller: str, record_property: Record
) -> None:
    """Under the same rules: both are asked by an anonymous caller, and by one who may see everything."""
    client: Client = request.getfixturevalue(caller)
    walked, statuses = list(gets()), set()
    for path, described in walked:
        where = path_with_unknown_ids(path, described, FIRST)
        for tries_left in reversed(range(LENGTH_TRIES)):
            before, head, after = (client.request(method, where) for method in ("GET", "HEAD", "GET"))
            assert (head.status_code, head.content) == (before.status_code, b""), f"HEAD {where}: {head.status_code}"
            assert headers_of(head).keys() == headers_of(before).keys(), where
            steady = headers_of(before).items() & headers_of(after).items()  # the feed's position moves by itself
            assert steady <= headers_of(head).items(), where
            lengths = [answer.headers.get("Content-Length") for answer in (before, head, after)]
            if lengths[0] != lengths[2] or lengths[1] == lengths[0]:
                break
            assert tries_left, f"{where}: {lengths}"
        statuses.add(head.status_code)
    assert statuses >= ({200, 404} if caller == "staff" else {200, 401, 404})
    record_property(FIGURE, f"HEAD: {len(walked)} routes asked as GET is, by {caller}, with {sorted(statuses)}")


def test_options_tells_of_every_route_which_methods_it_has(client: Client, record_property: Record) -> None:
    """To everybody, whatever they send as proof: it is what a 405 tells too."""
    wanted: dict[str, set[str]] = {}
    for method, path, described in operations():
        wanted.setdefault(path_with_unknown_ids(path, described), set()).add(method)
    for path, methods in wanted.items():
        allowed = methods | ({"HEAD"} if "GET" in methods else set())
        told = client.options(path, headers=FORGED)
        assert told.status_code == 200, path
        assert set(told.headers["Allow"].split(", ")) == allowed, path
        refused = client.request("TRACE", path)
        assert set(refused.headers["Allow"].split(", ")) == allowed | {"OPTIONS"}, path
    record_property(FIGURE, f"OPTIONS: {len(wanted)} paths")


def test_a_compressed_body_is_refused_on_every_route_that_writes(staff: Client, record_property: Record) -> None:
    walked = [one for one in operations() if one[0] != "GET"]
    for method, path, described in walked:
        where = path_with_unknown_ids(path, described)
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        answer = staff.request(method, where, content=ZIPPED, headers=headers)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (415, "unsupported_media_type"), f"{method} {path}: {told}"
        assert "without Content-Encoding" in told["message"]
        assert answer.headers["Accept-Encoding"] == "identity"
    record_property(FIGURE, f"compressed bodies: {len(walked)} operations")


@pytest.mark.parametrize(
    "coding", ["gzip", "x-gzip", "DEFLATE", "br", "zstd", "compress", "nothing-known", "identity, gzip"]
)
def test_every_coding_but_identity_is_refused(client: Client, coding: str) -> None:
    body = json.dumps(agent_booking()).encode()
    refused = client.post("/api/agent/booking/create/", content=body, headers={"Content-Encoding": coding})
    assert refused.status_code == 415


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_as_it_is_is_taken(client: Client, coding: str) -> None:
    body = json.dumps(agent_booking()).encode()
    assert client.post("/api/agent/booking/create/", content=body, headers={"Content-Encoding": coding}).is_success


@pytest.mark.parametrize("coding", ["gzip, chunked", "deflate, chunked", "compress,chunked"])
def test_a_body_compressed_on_its_way_is_refused(stack: Stack, coding: str) -> None:
    address = stack.api_url.removeprefix("http://")
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(ZIPPED), ZIPPED)
    headers = {"Host": address, "Transfer-Encoding": coding}
    refused = raw_answer(address, "POST /api/agent/booking/create/ HTTP/1.1", headers, chunk)
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_media_type")


def test_a_byte_order_mark_is_taken_before_every_json_body(staff: Client, record_property: Record) -> None:
    """What follows is read as JSON, and refused for its unknown field: nothing is changed."""
    bodies = [(method, path, described) for method, path, described in operations() if takes_json(described)]
    for method, path, described in bodies:
        where, body = path_with_unknown_ids(path, described), BOM_UTF8 + b'{"no_such_field": 1}'
        answer = staff.request(method, where, content=body, headers={"Content-Type": "application/json"})
        code = answer.json().get("code")
        assert code in {"invalid", *NOT_READ.get(path, ())}, f"{method} {path}: {answer.text}"
    record_property(FIGURE, f"byte order marks: {len(bodies)} bodies")


def takes_json(described: Mapping[str, Any]) -> bool:
    return "application/json" in described.get("requestBody", {}).get("content", {})


PREFERENCES = {
    "application/problem+json": PROBLEM_JSON,
    "application/json;q=0, */*": PROBLEM_JSON,
    "application/json;q=0.1, application/*;q=0.2": PROBLEM_JSON,
    "application/json, application/problem+json": PROBLEM_JSON,
    "application/problem+json;q=0": "application/json",
    "application/problem+json;q=0, */*": "application/json",
    "application/problem+json; q=0.000 , application/json": "application/json",
    "application/problem+json;q=0.5, application/json": "application/json",
    "APPLICATION/PROBLEM+JSON;Q=0, */*": "application/json",
    "*/*": "application/json",
    "text/html": "application/json",
    "application/problem+json;q=many": "application/json",
}


@pytest.mark.parametrize("accept", PREFERENCES)
def test_a_refusal_comes_in_the_form_that_is_preferred(client: Client, accept: str) -> None:
    answer = client.get("/api/auth/user/", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, PREFERENCES[accept])


LENGTHS = ["", "-1", "+5", "5,5", "5 5", "0x5", "five", "9" * 19, "9" * 5_000]


@pytest.mark.parametrize("length", LENGTHS, ids=range(len(LENGTHS)))
def test_a_length_that_is_no_length_gets_an_answer(stack: Stack, length: str) -> None:
    """Of the API itself; tests/integration/ops/test_front_door.py asks the front door."""
    address = stack.api_url.removeprefix("http://")
    headers = {"Host": address, "Content-Length": length}
    refused = raw_answer(address, "POST /api/agent/booking/create/ HTTP/1.1", headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")


def test_no_answer_says_which_software_sends_it(stack: Stack) -> None:
    address = stack.api_url.removeprefix("http://")
    answers = [
        httpx.get(f"{stack.api_url}/healthz"),
        httpx.get(f"{stack.api_url}/nowhere"),
        raw_answer(address, "nonsense", {}),
    ]
    assert [answer.headers.get("Server") for answer in answers] == [None] * len(answers)
