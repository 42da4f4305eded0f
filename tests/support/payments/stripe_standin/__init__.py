"""A scripted stand-in for Stripe: its own process, real HTTP, signed webhooks.

    python -m tests.support.payments.stripe_standin PORT

It refuses what Stripe's published API refuses, replays idempotency keys, keeps the states of
intents as Stripe does, and can be told to misbehave (`/_control/`). What is scripted is written
from Stripe's API reference; nothing here knows Holdfast.

- `account`: what an account holds and may do, as plain Python: intents, charges, refunds, events.
  The state machine of the property tests runs on it, too.
- `parameters`: what each request may carry.
- `idempotency`: answers kept under their key.
- `deliveries`: webhooks, signed, delivered in good order or in none.
- `faults`: being down, holding a request, or dead after the work is done.
- `server`: HTTP.
"""
