"""Stripe's account by the environment: whole or not at all, and Stripe itself unless told otherwise."""

from __future__ import annotations

import pytest

from core.configuration.values import PLACEHOLDER
from core.settings import SettingsError, from_environment
from tests.support.processes.servers import stack_environment

ACCOUNT = {"STRIPE_SECRET_KEY": "sk_test_of_somebody", "STRIPE_WEBHOOK_SECRET": "whsec_of_somebody"}
PARTS = stack_environment("postgresql://localhost/none", "redis://localhost:1/0")


def test_with_both_secrets_it_talks_to_stripe_and_believes_who_knows_them() -> None:
    stripe = from_environment({**PARTS, **ACCOUNT}).stripe
    assert stripe is not None
    assert (stripe.api_base, stripe.secret_key, stripe.webhook_secret) == ("https://api.stripe.com", *ACCOUNT.values())


def test_without_a_key_nothing_is_paid() -> None:
    assert from_environment(PARTS).stripe is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET"),
        ({"STRIPE_SECRET_KEY": f"sk_{PLACEHOLDER}"}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_API_BASE": "stripe"}, "STRIPE_API_BASE"),
        ({"HOLDFAST_STRIPE_BACKGROUND_PER_SECOND": "0"}, "HOLDFAST_STRIPE_BACKGROUND_PER_SECOND"),
    ],
)
def test_half_an_account_stops_the_start_and_names_what_is_wrong(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        from_environment({**PARTS, **ACCOUNT, **changes})


OUTSIDE = {
    **PARTS,
    **ACCOUNT,
    "HOLDFAST_DEMO": "0",
    "HOLDFAST_SECRET_KEY": "k" * 64,
    "HOLDFAST_GOOGLE_CLIENT_ID": "somebody",
    "HOLDFAST_GOOGLE_CLIENT_SECRET": "of_somebody",
}


@pytest.mark.parametrize("name", [*ACCOUNT, "HOLDFAST_GOOGLE_CLIENT_SECRET"])
@pytest.mark.parametrize("value", [PLACEHOLDER, "short"])
def test_nobody_is_told_to_make_up_a_secret_that_somebody_else_issues(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} .*\. Set it to the one that .* gave you\.$"):
        from_environment({**OUTSIDE, name: value})
