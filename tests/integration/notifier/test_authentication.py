"""Who may listen, how they say who they are, and how soon what ended is ended."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack

import httpx
import pytest
from msgspec.structs import replace
from websockets.exceptions import InvalidStatus

from core.domain.commands import Actor, ActorKind
from core.identity.credentials.schemes import BAD_CREDENTIAL
from core.identity.demo_accounts import AGENT_KEY
from notifier.feeds import FEEDS
from notifier.limits import Limits
from tests.integration.notifier.conftest import Narrowed
from tests.support.engine.lanes import Pipeline, new, places
from tests.support.notifier import STAFF, USER, Running, populate, running_notifier, tell
from tests.support.wait import wait_until

ADMIN = "/ws/admin/bookings/"
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture
def limits(limits: Narrowed) -> Narrowed:
    return {**limits, "authentication_s": 0.4, "identities_s": 0.3}


def test_an_unauthenticated_socket_is_told_to_authenticate_and_closed(running: Running) -> None:
    with running.listen() as anonymous:
        anonymous.send(type="get_bookings")
        assert anonymous.next_of("error")["data"]["status"] == 401
        assert anonymous.close_code() == 4401


def test_an_unauthenticated_socket_that_says_nothing_is_closed_in_time(running: Running) -> None:
    with running.listen() as anonymous:
        assert anonymous.next_of("error")["data"]["code"] == "not_authenticated"
        assert anonymous.close_code() == 4401


def test_a_dead_cookie_is_no_credential(running: Running) -> None:
    with running.listen(headers={"Cookie": "holdfast_session=gone"}) as anonymous:
        assert anonymous.next_of("error")["data"]["status"] == 401


@pytest.mark.parametrize("credential", ["access_token", "ticket"])
def test_a_first_message_authenticates(running: Running, credential: str) -> None:
    token = getattr(running, credential)(STAFF)
    with running.listen() as staff:
        staff.send(type="authenticate", token=token)
        staff.send(type="get_bookings")
        assert staff.next_of("bookings_data")["data"] == []


def test_a_bad_first_message_is_refused(running: Running) -> None:
    for token in ("", "x", "a.b.c", "hft_unknown", "x" * 9000, "\ud800"):
        with running.listen() as anonymous:
            anonymous.send(type="authenticate", token=token)
            assert anonymous.next_of("error")["data"]["status"] in {400, 401}, token
            assert anonymous.close_code() == 4401, token


def test_a_header_authenticates(running: Running) -> None:
    with running.listen(headers={"Authorization": f"Bearer {running.access_token(STAFF)}"}) as staff:
        staff.send(type="get_bookings")
        assert staff.next_of("bookings_data")["data"] == []


def test_a_ticket_opens_one_socket(running: Running) -> None:
    path = f"{ADMIN}?ticket={running.ticket(STAFF)}"
    with running.listen(path) as staff:
        staff.send(type="get_bookings")
        staff.next_of("bookings_data")
    status, body = running.refusal(path)
    assert (status, body["code"]) == (401, "bad_credential")


def test_a_bad_header_is_401_and_never_falls_back_to_the_cookie(running: Running) -> None:
    status, body = running.refusal(headers={**running.cookie(STAFF), "Authorization": "Bearer forged"})
    assert status == 401
    assert body["message"] == body["error"] == body["detail"] == BAD_CREDENTIAL


def test_a_key_under_the_wrong_scheme_is_told_where_it_belongs(running: Running) -> None:
    status, body = running.refusal(headers={"Authorization": f"Bearer {AGENT_KEY}"})
    assert (status, body["code"]) == (401, "bad_credential")
    assert body["message"].startswith("An agent key belongs under Authorization: Token")


def test_a_user_is_not_staff(running: Running) -> None:
    assert running.refusal(headers=running.cookie(USER))[0] == 403
    with running.listen() as user:
        user.send(type="authenticate", token=running.access_token(USER))
        assert user.next_of("error")["data"]["status"] == 403
        assert user.close_code() == 4403


def test_a_user_whose_password_an_agent_set_must_change_it_first(pipeline: Pipeline, running: Running) -> None:
    pipeline.connection.execute("UPDATE user_account SET must_change_password = true WHERE id = %s", [STAFF])
    status, body = running.refusal(headers=running.cookie(STAFF))
    assert (status, body["code"]) == (403, "password_change_required")
    with running.listen() as staff:
        staff.send(type="authenticate", token=running.access_token(STAFF))
        assert staff.next_of("error")["data"]["code"] == "password_change_required"
        assert staff.close_code() == 4403


def test_a_header_that_may_come_once_comes_once(running: Running) -> None:
    twice = [("Authorization", f"Bearer {running.access_token(who)}") for who in (USER, STAFF)]
    status, body = running.refusal(headers=twice)
    assert (status, body["code"]) == (400, "bad_header")


def test_pages_of_other_origins_are_kept_out(running: Running) -> None:
    cookie = running.cookie(STAFF)
    for origin in ("https://evil.example", "null", running.url.replace("ws", "https", 1) + ".evil.example"):
        status, body = running.refusal(headers={**cookie, "Origin": origin})
        assert (status, body["code"]) == (403, "origin_not_allowed")
    own = running.url.replace("ws", "http", 1)
    for origin in (own, running.settings.public_url):
        with running.listen(headers={**cookie, "Origin": origin}) as staff:
            staff.send(type="get_bookings")
            staff.next_of("bookings_data")


def test_unknown_paths_are_404_in_the_one_error_shape(running: Running) -> None:
    status, body = running.refusal("/ws/secrets/")
    assert (status, body["code"], body["success"]) == (404, "not_found", False)


def test_plain_http_is_told_to_upgrade_and_the_health_check_answers(running: Running) -> None:
    url = running.url.replace("ws", "http", 1)
    assert httpx.get(url + ADMIN).status_code == 426
    assert httpx.get(url + "/healthz").json() == {"status": "ok"}


def test_head_and_options_are_answered_as_everywhere(running: Running) -> None:
    url = running.url.replace("ws", "http", 1)
    for path in ("/healthz", ADMIN, "/ws/secrets/"):
        get, head = httpx.get(url + path), httpx.head(url + path)
        assert (head.status_code, head.content, head.headers) == (get.status_code, b"", get.headers), path
    for path in ("/healthz", *(f"{feed}/" for feed in FEEDS)):
        assert httpx.options(url + path).headers["Allow"] == "GET, HEAD, OPTIONS", path
    assert httpx.options(url + "/ws/secrets/").status_code == 404
    assert httpx.head(url + ADMIN, headers=HANDSHAKE).status_code == 426, "a socket is opened by GET alone"


def test_a_handshake_that_is_none_is_told_so_in_the_one_error_shape(running: Running) -> None:
    for wrong in ({"Sec-WebSocket-Version": "7"}, {"Sec-WebSocket-Key": "x"}, {"Connection": "close"}):
        answer = httpx.get(running.url.replace("ws", "http", 1) + ADMIN, headers=HANDSHAKE | wrong)
        assert (answer.status_code, answer.json()["code"]) == (426, "not_a_websocket"), wrong


def test_one_address_cannot_take_all_places(pipeline: Pipeline, redis_url: str) -> None:
    populate(pipeline)
    with running_notifier(pipeline.url, redis_url, connections_per_address=2) as running:
        one, other = {"X-Forwarded-For": "10.0.0.1"}, {"X-Forwarded-For": "6.6.6.6, 10.0.0.2"}
        with running.listen("/ws/commands/", one), running.listen("/ws/commands/", one):
            assert running.refusal("/ws/commands/", one)[0] == 429
            with running.listen("/ws/commands/", other):
                pass
        wait_until(lambda: gets_in(running, one), "the places of closed sockets come back", 5.0)


def gets_in(running: Running, headers: dict[str, str]) -> bool:
    try:
        with running.listen("/ws/commands/", headers):
            return True
    except InvalidStatus as refused:
        if refused.response.status_code != 429:
            raise
        return False


def test_refused_handshakes_give_their_places_back(pipeline: Pipeline, redis_url: str) -> None:
    populate(pipeline)
    with running_notifier(pipeline.url, redis_url, connections=3) as running:
        for _ in range(10):
            assert running.refusal(headers={"Authorization": "Bearer forged"})[0] == 401
        with ExitStack() as all_places:
            for _ in range(3):
                all_places.enter_context(running.listen("/ws/commands/"))
            status, body = running.refusal("/ws/commands/")
            assert (status, body["code"]) == (503, "too_many_connections")


ENDINGS = {
    "logout": "UPDATE login_session SET ended_at = clock_timestamp()",
    "deactivation": "UPDATE user_account SET is_active = false WHERE id = 2",
    "role change": "UPDATE user_account SET is_staff = false WHERE id = 2",
    "all logins ended": "UPDATE user_account SET auth_epoch = auth_epoch + 1 WHERE id = 2",
}


@pytest.mark.parametrize("how", ENDINGS)
@pytest.mark.parametrize("credential", ["cookie", "header", "ticket"])
def test_what_ends_a_login_ends_its_sockets(pipeline: Pipeline, running: Running, how: str, credential: str) -> None:
    if credential == "ticket":
        path, headers = f"{ADMIN}?ticket={running.ticket(STAFF)}", None
    else:
        bearer = {"Authorization": f"Bearer {running.access_token(STAFF)}"}
        path, headers = ADMIN, running.cookie(STAFF) if credential == "cookie" else bearer
    with running.listen(path, headers) as staff:
        staff.send(type="get_bookings")
        staff.next_of("bookings_data")
        pipeline.connection.execute(ENDINGS[how].encode())
        assert staff.close_code() == 4401


def test_a_revoked_api_token_ends_the_socket_of_a_ticket_it_asked_for(pipeline: Pipeline, running: Running) -> None:
    with running.listen(f"{ADMIN}?ticket={running.ticket_of_a_token(STAFF)}") as staff:
        staff.send(type="get_bookings")
        staff.next_of("bookings_data")
        pipeline.connection.execute("UPDATE api_token SET revoked_at = clock_timestamp()")
        assert staff.close_code() == 4401


def test_a_revoked_api_token_s_ticket_opens_nothing(pipeline: Pipeline, running: Running) -> None:
    ticket = running.ticket_of_a_token(STAFF)
    pipeline.connection.execute("UPDATE api_token SET revoked_at = clock_timestamp()")
    assert running.refusal(f"{ADMIN}?ticket={ticket}")[0] == 401


KEY_ENDINGS = {
    "revoked": "UPDATE agent_key SET revoked_at = clock_timestamp()",
    "a new address list": "UPDATE agent_key SET networks = '{192.0.2.0/24}', epoch = epoch + 1",
}


@pytest.mark.parametrize("how", KEY_ENDINGS)
def test_an_agent_key_hears_its_own_commands_until_it_ends(pipeline: Pipeline, running: Running, how: str) -> None:
    with running.listen("/ws/commands/", running.agent_key()) as agent:
        (key_id,) = pipeline.row("SELECT id FROM agent_key")
        mine, others = places(2)
        command = replace(new(mine), actor=Actor(ActorKind.AGENT, key_id=key_id))
        pipeline.put(command, others)
        tell(pipeline)
        assert agent.next_of("command_finished")["data"]["id"] == str(command.id)
        assert agent.hears_nothing()
        pipeline.connection.execute(KEY_ENDINGS[how].encode())
        assert agent.close_code() == 4401


def test_an_agent_key_gets_in_from_its_addresses_and_to_its_commands_only(running: Running) -> None:
    key = running.agent_key("10.9.0.0/16")
    with running.listen("/ws/commands/", {**key, "X-Forwarded-For": "10.9.8.7"}):
        pass
    assert running.refusal("/ws/commands/", {**key, "X-Forwarded-For": "10.8.8.7"})[0] == 401
    assert running.refusal(ADMIN, {**key, "X-Forwarded-For": "10.9.8.7"})[0] == 403


def test_what_has_ended_is_ended_within_five_seconds(pipeline: Pipeline, redis_url: str) -> None:
    """With the limits as they are shipped."""
    populate(pipeline)
    limits = Limits()
    assert limits.identities_s + limits.flush_s + limits.close_s < 5.0
    with running_notifier(pipeline.url, redis_url) as running, running.listen(headers=running.cookie(STAFF)) as staff:
        staff.send(type="get_bookings")
        staff.next_of("bookings_data")
        ended = time.monotonic()
        pipeline.connection.execute(ENDINGS["logout"].encode())
        assert staff.close_code() == 4401
        assert time.monotonic() - ended < 5.0


def test_other_logins_stay(pipeline: Pipeline, running: Running) -> None:
    first, second = running.cookie(STAFF), running.cookie(STAFF)
    with running.listen(headers=first) as one, running.listen(headers=second) as two:
        pipeline.connection.execute(
            "UPDATE login_session SET ended_at = clock_timestamp() WHERE id ="
            " (SELECT id FROM login_session ORDER BY created_at LIMIT 1)"
        )
        assert one.close_code() == 4401
        pipeline.put(*places(1))
        tell(pipeline)
        two.next_of("booking_created")


CANNOT_BE_SERVED = [
    ("{", "not_json"),
    ("[]", "bad_message"),
    ('"get_bookings"', "bad_message"),
    ("{}", "bad_message"),
    ('{"type": "dance"}', "bad_message"),
    ('{"type": "watch", "command_id": "00000000-0000-4000-8000-000000000000"}', "bad_message"),
    ('{"type": "resume"}', "bad_message"),
    ('{"type": "resume", "last_position": 5}', "bad_message"),
    (json.dumps({"type": "resume", "last_position": "x" * 20_000}), "message_too_large"),
    ('{"deep": ' + "[" * 10_000, "not_json"),
    ('{"type": "authenticate", "token": "x"}', "already_authenticated"),
]


def test_what_cannot_be_served_is_answered_with_an_error(running: Running) -> None:
    for sent, code in CANNOT_BE_SERVED:
        with running.listen(headers=running.cookie(STAFF)) as staff:
            staff.socket.send(sent)
            data = staff.next_of("error")["data"]
            assert data["code"] == code, sent
            assert data["message"] == data["error"] == data["detail"]
            staff.send(type="get_bookings")
            staff.next_of("bookings_data")


def test_a_message_may_begin_with_a_byte_order_mark(running: Running) -> None:
    with running.listen(headers=running.cookie(STAFF)) as staff:
        staff.socket.send('\N{ZERO WIDTH NO-BREAK SPACE}{"type": "get_bookings"}')
        staff.next_of("bookings_data")


def test_too_many_bad_messages_close_the_socket(running: Running) -> None:
    with running.listen(headers=running.cookie(STAFF)) as staff:
        for _ in range(20):
            staff.socket.send("{")
        assert staff.close_code() == 4400


def test_a_message_over_the_frame_limit_is_not_read(running: Running) -> None:
    with running.listen(headers=running.cookie(STAFF)) as staff:
        staff.socket.send("x" * 70_000)
        assert staff.close_code() == 1009
