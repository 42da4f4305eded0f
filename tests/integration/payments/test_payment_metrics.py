"""What the payments worker serves is what docs/metrics.md tells, and counts what was done at Stripe."""

from __future__ import annotations

from tests.support.metrics import described, label_names, scrape, values
from tests.support.payments.payer import Payer
from tests.support.wait import wait_until

JOBS = "holdfast_payment_job_duration_seconds"


def test_what_was_done_at_stripe_is_counted(payer: Payer) -> None:
    url = payer.stack.metrics_url("payments")
    before = values(scrape(url), JOBS).get(("creating", "answered"), 0.0)
    payer.intent(payer.hold())
    wait_until(lambda: values(scrape(url), JOBS).get(("creating", "answered"), 0.0) > before, "the intent is counted")
    told = {one.name: one for one in described() if "payments" in one.served_by}
    served = scrape(url)
    assert set(served) == set(told)
    for name, family in served.items():
        assert (family.type, family.documentation) == (told[name].kind, told[name].what)
        assert label_names(family) == {told[name].labels}
