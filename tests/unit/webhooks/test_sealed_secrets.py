"""Secrets at rest: unreadable without HOLDFAST_SECRET_KEY, and readable over its rotation."""

from __future__ import annotations

import pytest

from core.sealed_secrets import SecretBox, UnreadableSecretError
from core.webhooks.signature import new_secret

OLD, NEW, NEWEST = ("o" * 32, "n" * 32, "m" * 32)


def test_a_sealed_secret_is_opened_again_and_shows_nothing() -> None:
    secret, box = new_secret(), SecretBox(OLD)
    sealed = box.seal(secret)
    assert box.open(sealed) == secret
    assert secret not in sealed
    assert box.seal(secret) != sealed


def test_after_a_rotation_of_the_key_it_is_opened_and_sealed_anew() -> None:
    secret = new_secret()
    sealed, box = SecretBox(OLD).seal(secret), SecretBox(NEW, OLD)
    assert box.open(sealed) == secret
    assert not box.is_current(sealed)
    again = box.seal(box.open(sealed))
    assert box.is_current(again)
    assert SecretBox(NEWEST, NEW).open(again) == secret


@pytest.mark.parametrize(
    "sealed", ["", "nonsense", SecretBox(OLD).seal("whsec_x")], ids=["empty", "nonsense", "of-another-key"]
)
def test_what_another_key_sealed_is_not_opened(sealed: str) -> None:
    with pytest.raises(UnreadableSecretError):
        SecretBox(NEWEST, NEW).open(sealed)


def test_a_changed_seal_is_not_opened() -> None:
    sealed = SecretBox(OLD).seal(new_secret())
    changed = sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1]
    with pytest.raises(UnreadableSecretError):
        SecretBox(OLD).open(changed)
