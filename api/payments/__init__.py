"""Paying: the intent that a payer pays, Stripe's webhook, and the pages that Stripe sends payers back to.

For bookings of every contract; the paths and shapes are those of docs/contracts/rooms.md.
"""
