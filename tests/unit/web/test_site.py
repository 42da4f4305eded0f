"""What `GET /api/site/` says by the settings."""

from __future__ import annotations

from dataclasses import replace

from api.site.about import payments_word, site
from core.settings import STRIPE_API, Stripe
from tests.support.processes.servers import settings_for

SETTINGS = settings_for("postgresql://localhost/none", "redis://localhost:1/0")
STRIPE = Stripe("sk_x", "whsec_x", "pk_x", "https://stripe.example", ("card",), 5)


def test_no_account_is_told_outside_the_demo() -> None:
    told = site(replace(SETTINGS, demo=False), ["github", "google"])
    assert (told.is_demo, told.demo_accounts) == (False, [])
    assert told.sign_in_with == ["github", "google"]


def test_guests_may_book_where_public_writes_are_on() -> None:
    assert [site(replace(SETTINGS, public_writes=on), []).guests_may_book for on in (True, False)] == [True, False]


def test_payments_are_named_by_what_takes_them() -> None:
    demo, ours = replace(SETTINGS, demo=True), replace(SETTINGS, demo=False)
    real = replace(STRIPE, api_base=STRIPE_API)
    assert payments_word(replace(ours, stripe=None)) == "none"
    assert payments_word(replace(demo, stripe=STRIPE)) == "stand-in"
    assert payments_word(replace(demo, stripe=real)) == "stripe"
    assert payments_word(replace(ours, stripe=STRIPE)) == "stripe"
