"""Payments, the jobs that are due at Stripe, its events, and reconciliation."""
