"""Signatures: what the specification's own package verifies, and what it does not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from core.webhooks.signature import BadSecretError, headers_for, new_secret, signature

BODY = '{"type":"booking_created","data":{"notes":"Zoë, 10 €"}}'.encode()


def headers(*secrets: str, message_id: str = "0b5e7c9a", sent_at: datetime | None = None) -> dict[str, str]:
    return headers_for(message_id, sent_at or datetime.now(UTC), BODY, secrets)


def test_the_specifications_own_example_is_signed_as_it_says() -> None:
    body = b'{"test": 2432232314}'
    assert (
        signature("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_the_specifications_package_verifies_what_is_signed() -> None:
    secret = new_secret()
    assert Webhook(secret).verify(BODY, headers(secret)) == json.loads(BODY)


def test_a_new_secret_has_the_specifications_form_and_is_never_the_same() -> None:
    made = {new_secret() for _ in range(20)}
    assert len(made) == 20
    assert {len(base64.b64decode(one.removeprefix("whsec_"), validate=True)) for one in made} == {32}


def test_while_a_secret_is_replaced_either_verifies() -> None:
    old, new = new_secret(), new_secret()
    both = headers(new, old)
    assert [part[:3] for part in both["webhook-signature"].split(" ")] == ["v1,", "v1,"]
    for secret in (old, new):
        Webhook(secret).verify(BODY, both)


@pytest.mark.parametrize("changed", ["body", "id", "time", "secret", "old"])
def test_what_is_changed_verifies_no_more(changed: str) -> None:
    secret = new_secret()
    sent = headers(secret, sent_at=datetime.now(UTC) - timedelta(minutes=6 if changed == "old" else 0))
    if changed == "id":
        sent["webhook-id"] += "x"
    if changed == "time":
        sent["webhook-timestamp"] = str(int(sent["webhook-timestamp"]) + 1)
    body = BODY + b" " if changed == "body" else BODY
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret() if changed == "secret" else secret).verify(body, sent)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "whsec_not base64!",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        base64.b64encode(b"x" * 65).decode(),
    ],
    ids=["empty", "only the prefix", "no base64", "too short", "too long"],
)
def test_a_weak_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(BadSecretError):
        signature("1", 1, BODY, secret)
