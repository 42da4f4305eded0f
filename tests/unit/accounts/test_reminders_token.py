"""The token by which reminders are switched off says whose they are, and nobody else can make one."""

from __future__ import annotations

import pytest

from core.identity.credentials.guest_tokens import read_reminders_token, reminders_token

KEY, BEFORE, OTHER = "k" * 32, "b" * 32, "o" * 32


def test_a_token_says_whose_reminders_in_which_role_under_this_key_and_the_one_before() -> None:
    for key in (KEY, BEFORE):
        assert read_reminders_token(reminders_token(key, 7, "client"), (KEY, BEFORE)) == (7, "client")
    assert read_reminders_token(reminders_token(KEY, 7, "practitioner"), (KEY,)) == (7, "practitioner")


@pytest.mark.parametrize(
    "token",
    [
        reminders_token(OTHER, 7, "client"),
        reminders_token(KEY, 7, "client").replace("7-", "8-", 1),
        reminders_token(KEY, 7, "client").replace("client", "practitioner", 1),
        reminders_token(KEY, 7, "client")[:-1],
        "t" * 43,
        "7-client-",
        "9" * 100 + "-client-x",
        "\u0667-client-x",
        "",
        "-",
    ],
)
def test_no_other_token_is_taken(token: str) -> None:
    assert read_reminders_token(token, (KEY, BEFORE)) is None
