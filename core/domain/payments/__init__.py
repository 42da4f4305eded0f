"""Paying for bookings, in the order in which it happens.

`checkout`: somebody asks to pay, and an attempt begins. `intent_reports`: what Stripe says of its intent.
`received`: money came in, and the booking is confirmed, or the money goes back. `refunds`: which money goes
back when a booking ends. `refund_reports`: what became of giving it back. `attempts` is what they share.
"""
